"""The shipped patches on the real package: where they hit, and that nothing else changes."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.catalogue import load_catalogue
from patcher.patchfile.model import EditStatus, Patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.authoring.capture import capture
from patcher.rewrite.plan import PlanSeries, plan_patches
from patcher.rewrite.replay import replay

SPEC = importlib.util.find_spec("chatterbox")
pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.skipif(SPEC is None, reason="chatterbox-tts is not installed"),
]
ROOT = Path(SPEC.origin).parents[1] if SPEC and SPEC.origin else Path()
NAMES = list(load_catalogue().patches)


def read(path: str) -> bytes | None:
    file = ROOT / path
    return file.read_bytes() if file.is_file() else None


def fitting(name: str) -> Patch:
    """The patch, or a skip where it is for another distribution (a fork)."""
    patch = load_catalogue().get(name)
    if any(text.startswith("chatterbox-tts") for text in patch.targets):
        return patch
    return pytest.skip(f"{name} is for {', '.join(patch.targets)}")


def test_the_report_s_three_sites_are_found_at_their_lines() -> None:
    (planned,) = plan_patches([fitting("inference_mode")], read).patches
    assert [(e.edit.within, e.status.value, e.sites[0].line) for e in planned.edits] == [
        ("SineGen.forward", "ready", 200),
        ("SourceModuleHnNSF.forward", "ready", 275),
        ("S3Tokenizer.forward", "ready", 90),
    ]


def test_the_report_s_three_sites_are_all_that_changes() -> None:
    plan = plan_patches([fitting("inference_mode")], read)
    lines = plan.diff().splitlines()
    removed = [line[1:] for line in lines if line.startswith("-") and not line.startswith("---")]
    added = [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]
    assert len(removed) == 3
    assert added == [line.replace("no_grad", "inference_mode") for line in removed]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_patch_fits_and_fits_once(name: str) -> None:
    patch = fitting(name)
    needed = [load_catalogue().get(each) for each in patch.requires]
    series = [*needed, patch]
    plan = plan_patches(series, read)
    assert plan.ok, [problem.headline for problem in plan.problems]
    assert replay(read, series) == dict(plan.files)
    once = dict(plan.files)
    again = plan_patches(
        [patch], lambda path: once.get(path) or read(path), series=PlanSeries(needed)
    )
    assert {**once, **again.files} == once
    assert again.patches[0].status is EditStatus.ALREADY


@pytest.mark.parametrize(
    "name", ["inference_mode", "channels_last", "cfm_attn_nomask", "t3_lean_step", "conds_cache"]
)
def test_capturing_a_shipped_patch_gives_its_bytes_back(name: str) -> None:
    patch = fitting(name)
    series = [load_catalogue().get(each) for each in patch.requires]
    base = replay(read, series)

    def before(path: str) -> bytes | None:
        return base[path] if path in base else read(path)

    edited = replay(before, [patch])
    pristine = {path: content for path in edited if (content := before(path)) is not None}
    captured = capture(
        "captured",
        "chatterbox-tts",
        {path: (content, 0o644) for path, content in pristine.items()},
        {path: content and (content, 0o644) for path, content in edited.items()},
    )
    again = read_spec(captured.text, "patches/captured.yaml", captured.attachments)
    result = replay(before, [again])
    assert {path: ast.dump(ast.parse(content)) for path, content in result.items()} == {
        path: ast.dump(ast.parse(content)) for path, content in edited.items()
    }
    assert result == edited


def test_every_file_of_the_package_can_be_read_whole() -> None:
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.source import Source

    refused = []
    for path in sorted((ROOT / "chatterbox").rglob("*.py")):
        content = path.read_bytes()
        if not content.strip():
            continue
        try:
            File(Source(path.name, content)).whole()
        except PatcherError as error:
            refused.append(error.message)
    assert not refused
