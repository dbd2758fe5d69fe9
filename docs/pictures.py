"""The README's pictures, from a verification that was really run.

python -m docs.pictures WORKSPACE RUN   write docs/_static/verify.svg and report.png

The terminal is what `patcher history show RUN` prints; the page is photographed by the
distribution's Chromium.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from patcher.report.page import render
from patcher.report.reading import read_record
from patcher.report.verdict import text
from patcher.store.reports import PAGE, Reports
from patcher.store.workspace import Workspace

STATIC = Path(__file__).resolve().parent / "_static"
COLUMNS = 100
FOLD = {"width": 1280, "height": 1000}
COLOURS = 128


def terminal(workspace: Workspace, run: int) -> str:
    """The screen of a run as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), markup=False, highlight=False)
    console.print(Text("$ patcher verify", style="bold"))
    for line in text(read_record(Reports(workspace).read(run)), COLUMNS):
        console.print(Text(line.text, style=line.style))
    made = console.export_svg(title="patcher verify")
    # rich names a font on somebody's server; the reader's own monospace serves as well.
    made = re.sub(r"@font-face \{.*?\}\s*", "", made, flags=re.DOTALL)
    return re.sub(r"<!--.*?-->\s*", "", made, flags=re.DOTALL)


def page(workspace: Workspace, run: int, to: Path) -> None:
    """The first fold of a run's page."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    file = Path(tempfile.mkdtemp()) / PAGE
    file.write_text(render(read_record(Reports(workspace).read(run))), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        shown = browser.new_page(viewport=FOLD, color_scheme="light")  # type: ignore[arg-type]
        shown.goto(file.as_uri())
        picture = shown.screenshot()
        browser.close()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS).save(to, optimize=True)


def main(arguments: list[str]) -> None:
    """Write both."""
    workspace, run = Workspace(Path(arguments[0])), int(arguments[1])
    STATIC.mkdir(exist_ok=True)
    (STATIC / "verify.svg").write_text(terminal(workspace, run), encoding="utf-8")
    page(workspace, run, STATIC / "report.png")


if __name__ == "__main__":
    main(sys.argv[1:])
