"""The pages in a real browser: nothing overflows, nothing complains, sound loads, network off."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from patcher.hazards.model import Place
from patcher.report.page import render
from patcher.report.reading import read_record
from patcher.report.scan_page import page as scan_page
from tests.hazards.test_page import DYNAMIC, HAZARD, scanned
from tests.report.kinds import KINDS
from tests.report.samples import sounds

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="playwright is not installed"),
]

WIDEST = """() => Math.max(0, ...[...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.lines') && !e.closest('.table') && !e.closest('svg'))
  .map(e => e.getBoundingClientRect().right - document.documentElement.clientWidth))"""
SOUNDS = """async () => Promise.all([...document.querySelectorAll('audio')].map(a =>
  new Promise(done => {
  if (a.readyState >= 1) return done(a.duration);
  a.addEventListener('loadedmetadata', () => done(a.duration));
  a.addEventListener('error', () => done(-1));
  a.load();
})))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Containers run as root, where Chromium has no sandbox of its own to offer.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {}
    for kind, actual in KINDS.items():
        made[kind] = folder / f"{kind}.html"
        made[kind].write_text(render(read_record(actual), sounds(actual)), encoding="utf-8")
    made["scan"] = folder / "scan.html"
    made["scan"].write_text(scan(), encoding="utf-8")
    return made


def scan() -> str:
    """The page of a scan that predicts a hazard, with long lines and long paths."""
    source = b"def forward(x):\n    x[" + b"index + " * 40 + b"0] += 1\n"
    path = "chatterbox/models/s3tokenizer/a_rather_long_name_of_a_module_that_is_deep_down.py"
    place = Place(path, 2, "S3Tokenizer.forward", source.decode().splitlines()[1])
    hazard = replace(HAZARD, at=place, made=place, remedy="embed_ref_lens_clone")
    return scan_page("patcher scan inference_mode", scanned({path: source}, [hazard], DYNAMIC))


def seen(browser: Browser, path: Path, width: int, scheme: Any) -> tuple[list[str], float, Any]:
    """What the console said, how far anything overflows, and how long each sound is."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    messages: list[str] = []
    try:
        shown = context.new_page()
        shown.on("console", lambda message: messages.append(message.text))
        shown.on("pageerror", lambda error: messages.append(str(error)))
        shown.on("requestfailed", lambda request: messages.append(f"failed: {request.url[:80]}"))
        shown.goto(path.as_uri())
        shown.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
        return messages, shown.evaluate(WIDEST), shown.evaluate(SOUNDS)
    finally:
        context.close()


EVERYWHERE = ("pass", "fail", "faster", "scan")
SCREENS = [
    pytest.param(
        kind, width, scheme, marks=() if kind in EVERYWHERE or width == 390 else pytest.mark.nightly
    )
    for kind in (*KINDS, "scan")
    for width, scheme in ((390, "dark"), (1280, "light"), (1280, "dark"))
    if kind in EVERYWHERE or (width, scheme) in ((390, "dark"), (1280, "light"))
]


@pytest.mark.parametrize(("kind", "width", "scheme"), SCREENS)
def test_a_page_fits_its_screen_and_is_quiet(
    browser: Browser, pages: dict[str, Path], kind: str, width: int, scheme: str
) -> None:
    messages, beyond, lengths = seen(browser, pages[kind], width, scheme)
    assert messages == []
    assert beyond <= 1  # a fraction of a pixel is rounding
    pairs = sounds(KINDS[kind]).values() if kind in KINDS else ()
    played = [each for pair in pairs for each in vars(pair).values() if each]
    assert len(lengths) == len(played)
    assert all(abs(length - 0.5) < 0.01 for length in lengths)
