"""The README's pictures, from a verification that was really run.

python -m docs.pictures WORKSPACE RUN           write docs/_static/verify.svg and report.png
python -m docs.pictures WORKSPACE RUN --bench   write docs/_static/bench.png: pairs, stages, a life

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
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from patcher.report.page import render
from patcher.report.reading import read_record
from patcher.report.verdict import text
from patcher.store.reports import PAGE, Reports
from patcher.store.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Page

STATIC = Path(__file__).resolve().parent / "_static"
COLUMNS = 100
FOLD = {"width": 1280, "height": 1000}
COLOURS = 128


def terminal(workspace: Workspace, run: int) -> str:
    """The screen of a run as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), markup=False, highlight=False)
    console.print(Text("$ patcher verify", style="bold"))
    for line in text(read_record(Reports(workspace).read(run).result), COLUMNS):
        console.print(Text(line.text, style=line.style))
    made = console.export_svg(title="patcher verify")
    # rich names a font on somebody's server; the reader's own monospace serves as well.
    made = re.sub(r"@font-face \{.*?\}\s*", "", made, flags=re.DOTALL)
    return re.sub(r"<!--.*?-->\s*", "", made, flags=re.DOTALL)


def page(workspace: Workspace, run: int, to: Path, part: str = "") -> None:
    """A picture of a run's page.

    Args:
        part: the id of a heading: what is below it, up to the next one; by default the first fold.
    """
    from PIL import Image
    from playwright.sync_api import sync_playwright

    file = Path(tempfile.mkdtemp()) / PAGE
    file.write_text(render(read_record(Reports(workspace).read(run).result)), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        shown = browser.new_page(viewport=FOLD, color_scheme="light")  # type: ignore[arg-type]
        shown.goto(file.as_uri())
        picture = shown.screenshot(**_clip(shown, part))
        browser.close()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS).save(to, optimize=True)


def _clip(shown: Page, part: str) -> dict[str, Any]:
    if not part:
        return {}
    boxes = [heading.bounding_box() for heading in shown.locator("h2").all()]
    own = shown.locator(f"#{part}").bounding_box()
    assert own is not None
    below = [box["y"] for box in boxes if box is not None and box["y"] > own["y"]]
    clip = {"x": 0, "y": own["y"] - 16, "width": FOLD["width"], "height": min(below) - own["y"]}
    return {"clip": clip, "full_page": True}


def main(arguments: list[str]) -> None:
    """Write them."""
    workspace, run = Workspace(Path(arguments[0])), int(arguments[1])
    STATIC.mkdir(exist_ok=True)
    if "--bench" in arguments:
        page(workspace, run, STATIC / "bench.png", "speed")
        return
    (STATIC / "verify.svg").write_text(terminal(workspace, run), encoding="utf-8")
    page(workspace, run, STATIC / "report.png")


if __name__ == "__main__":
    main(sys.argv[1:])
