"""The documentation as a site: ``make docs`` builds it with warnings as errors."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from docs.render_reference import write
from patcher import __version__

write()

project = "patcher"
author = "the patcher contributors"
release = version = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["templates", "_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
# Pages link to files of the repository, which are no pages: they stay links as they are written.
# A page that is in no table of contents yet is found by the search.
suppress_warnings = ["myst.xref_missing", "toc.not_included", "toc.duplicate_entry"]
smartquotes = False  # two hyphens are an option, not a dash
html_theme = "furo"
html_title = "patcher"
html_static_path = ["_static"]
html_extra_path = [
    "llms.txt",
    "reference/json.schema.json",
    "reference/receipt.schema.json",
    "reference/patch.schema.json",
]
html_theme_options = {"sidebar_hide_name": False}
