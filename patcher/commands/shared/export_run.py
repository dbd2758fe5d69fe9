"""Writing a verification to a file the user names: JSON, Markdown with pictures, a page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.commands.shared.run_page import page_of
from patcher.verify.judgement import Verdict

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def export_run(workspace: Workspace, result: Mapping[str, Any], kind: str, path: Path) -> None:
    """Write a result as ``json``, ``markdown`` or ``html``; pictures go beside the Markdown."""
    from patcher.report.reading import read_record

    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "json":
        ok = result["verdict"] in (Verdict.PASS, Verdict.NOTHING_TO_VERIFY)
        text = json.dumps({"schema": 1, "ok": ok, **result}, indent=2)
    elif kind == "markdown":
        from patcher.report import markdown
        from patcher.report.charts import charts

        record = read_record(result)
        pictures = []
        for chart in charts(record):
            picture = path.with_name(f"{path.stem}-{chart.name}.svg")
            picture.write_text(chart.svg() + "\n", encoding="utf-8")
            pictures.append((chart.title, picture.name))
        text = markdown.render(record, pictures)
    else:
        if result["id"] is not None:
            shutil.copyfile(page_of(workspace, result["id"]), path)
            return
        from patcher.report.page import render

        text = render(read_record(result))
    path.write_text(text + "\n", encoding="utf-8", errors="replace")
