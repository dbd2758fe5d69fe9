"""Tricks on the real Chatterbox that the small target cannot show."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from patcher.commands.shared.verify_request import cache_folder
from patcher.execution.results import Arm
from patcher.execution.site import FrozenTree
from patcher.patchfile.model import Equivalence
from patcher.targets.adapter import Matrix, Model, Options
from patcher.targets.chatterbox import MODELS, TESTS, adapter
from patcher.verify.judge import judge
from patcher.verify.judgement import Judgement
from patcher.verify.setup import Request
from tests.mutations.changes import Change, copy_tree, installed_package

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]

MARKED = "watermarked_wav = self.watermarker.apply_watermark(wav, sample_rate=self.sr)"


def judged(
    folder: Path,
    *changes: Change,
    claim: Equivalence = Equivalence.BITWISE,
    full: bool = False,
    model: Model = MODELS[0],
) -> Judgement:
    """Judge the installed package under changes: one model, one test."""
    trees = {}
    for arm, made in ((Arm.BASELINE, ()), (Arm.PATCHED, changes)):
        root = folder / arm.value
        digest = copy_tree(installed_package("chatterbox"), root / "chatterbox", made)
        trees[arm] = FrozenTree.of(root, digest, adapter.packages)
    return judge(
        Request(
            adapter,
            version("chatterbox-tts"),
            trees,
            Matrix((model,), TESTS[:1]),
            folder / "runs",
            Options(device="cpu", cache=cache_folder()),
            claim,
            inputs=0,
            full=full,
        )
    )


@pytest.mark.parametrize("claim", [Equivalence.CLOSE, Equivalence.PERCEPTUAL])
def test_audio_without_its_watermark_is_refused(claim: Equivalence, tmp_path: Path) -> None:
    actual = judged(tmp_path, Change("tts.py", MARKED, "watermarked_wav = wav"), claim=claim)
    assert actual.verdict.value == "fail", actual.sentence
    assert actual.cases[0].error is not None
    assert "the watermark of audio is lost" in actual.cases[0].error


def test_a_model_that_can_no_longer_be_copied_is_refused(tmp_path: Path) -> None:
    kept = Change(
        "tts.py", "        self.conds = conds\n", "        self.conds = conds\n        %s\n"
    )
    later = replace(kept, after=kept.after % "self.later = (one for one in ())")
    actual = judged(tmp_path, later, full=True)
    rows = {row.probe: row for row in actual.survived}
    # torch does not pickle parametrized modules, and threads share its random numbers.
    assert {name: row.baseline for name, row in rows.items()} == {
        "deepcopy": "same",
        "pickling": "raises",
        "pickling after use": "raises",
        "two models": "same",
        "to": "same",
        "two threads": "other",
    }
    assert actual.reason == "does-not-survive", actual.sentence
    assert [name for name, row in rows.items() if row.lost] == ["deepcopy"]


@pytest.mark.parametrize("entry", ["Turbo", "Multilingual v2", "Voice conversion"])
def test_what_another_entry_point_survives_is_asked_of_it_too(entry: str, tmp_path: Path) -> None:
    model = next(each for each in adapter.further_models() if each.name == entry)
    actual = judged(tmp_path, full=True, model=model)
    rows = {row.probe: row for row in actual.survived}
    assert set(rows) >= {"deepcopy", "pickling", "two models", "to", "two threads"}, actual.sentence
    assert (rows["deepcopy"].baseline, rows["two models"].baseline) == ("same", "same")
    assert [name for name, row in rows.items() if row.lost] == []
