"""Prediction on a small package: each kind of hazard, its patch, and the remedy that was tried."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from patcher.hazards.model import Hazard
from patcher.hazards.predict import predict
from patcher.hazards.traces import DynamicMap, SurveyedRun
from patcher.patchfile.model import Patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.replay import replay
from tests.tracing.programs import program

torch = pytest.importorskip("torch")

VOICE = textwrap.dedent(
    """
    import torch

    conv = torch.nn.Conv1d(2, 2, 1)


    @torch.no_grad()
    def make(n):
        return torch.zeros(n)


    def trim(n):
        x = make(n)
        if n > 3:
            x[0] = 1
        return x


    def vocode(mel, mask):
        y = conv(mel)
        return y * mask


    def mix(x):
        return torch.mm(x, x)
    """
).lstrip("\n")


def spec(name: str, edits: str, extra: str = "") -> Patch:
    head = f"patch: {name}\nsummary: a patch\ntarget: voice\nequivalence: bitwise\n{extra}edits:\n"
    return read_spec(head + textwrap.indent(textwrap.dedent(edits).strip(), "  "), f"{name}.yaml")


TURN = spec(
    "turn",
    """
    - file: voice.py
      within: make
      decorator: torch.no_grad()
      with: torch.inference_mode()
    """,
)
CLONE = spec("clone", "- {file: voice.py, within: trim, before: 'x[0] = 1', with: x = x.clone()}")
FORMAT = spec(
    "format",
    """
    - file: voice.py
      within: vocode
      before: y = conv(mel)
      with: |
        mel = mel.to(memory_format=torch.channels_last)
        mask = mask.to(memory_format=torch.channels_last)
    """,
)
HALF = spec(
    "half",
    "- {file: voice.py, within: mix, match: 'torch.mm(x, x)', with: 'torch.mm(x, x.half())'}",
)
BREAK = spec("break", "- {file: voice.py, within: trim, match: make(n), with: 'make(n, n)'}")


@dataclass
class InProcess:
    """Surveys of `VOICE` in this process; counts the trees it ran."""

    folder: Path
    ran: list[Sequence[str] | None] = field(default_factory=list)

    def read(self, path: str) -> bytes | None:
        return VOICE.encode() if path == "voice.py" else None

    def survey(self, files: Mapping[str, bytes], cases: Sequence[str] | None) -> DynamicMap:
        from patcher.worker.tracing.survey import observe

        root = self.folder / f"tree{len(self.ran)}"
        root.mkdir()
        self.ran.append(cases)
        module = program(root, files.get("voice.py", VOICE.encode()).decode())
        source = (root / "voice.py").read_text().split("\n")
        watch = [{"file": "voice.py", "line": 1 + source.index("        x[0] = 1")}]
        acts = {
            "short": lambda: module.trim(3),
            "long": lambda: module.trim(4),
            "vocode": lambda: module.vocode(torch.zeros(1, 2, 5), torch.ones(1, 1, 5)),
            "mix": lambda: module.mix(torch.ones(2, 2)),
        }
        if cases is not None:
            acts = {name: act for name, act in acts.items() if f"model / {name}" in cases}
        run = SurveyedRun.read(observe(acts, str(root), watch))
        return DynamicMap(str(len(self.ran)), {"model": run}, {"long": "n 4"})

    def predict(self, *patches: Patch, catalogue: Sequence[Patch] = ()) -> tuple[Hazard, ...]:
        return predict(patches, self.read, replay, self.survey, catalogue)


@pytest.fixture
def voice(tmp_path: Path) -> InProcess:
    return InProcess(tmp_path)


def test_an_update_outside_is_a_hazard_with_its_maker_and_its_condition(voice: InProcess) -> None:
    (hazard,) = voice.predict(TURN)
    assert (hazard.kind, hazard.patch, hazard.at.source) == ("inplace-update", "turn", "x[0] = 1")
    assert (hazard.at.function, str(hazard.made)) == ("trim", "voice.py:8 make")
    assert hazard.under == "inference mode: decorator in make (voice.py:6)"
    assert hazard.fires_when == (
        "`n > 3` (n = 4); seen with long (n 4); mix never gets there; "
        "not with short (n = 3); vocode never gets there"
    )
    assert hazard.cases == ("model / long",)


def test_a_patch_that_only_turns_modes_is_predicted_from_pristine_alone(voice: InProcess) -> None:
    voice.predict(TURN)
    assert voice.ran == [None]


def test_the_remedy_is_tried_on_the_cases_that_show_the_hazard(voice: InProcess) -> None:
    (hazard,) = voice.predict(TURN, catalogue=(BREAK, CLONE))
    assert hazard.remedy == "clone"
    assert voice.ran[-1] == ["model / long"]


def test_nothing_is_left_once_the_remedy_is_in_whatever_the_order(voice: InProcess) -> None:
    assert voice.predict(TURN, CLONE) == ()
    assert voice.predict(CLONE, TURN) == ()


def test_each_conversion_of_the_wrong_rank_is_a_hazard_of_its_own(voice: InProcess) -> None:
    actual = voice.predict(FORMAT, catalogue=(CLONE,))
    assert [(each.kind, each.at.source.split(" = ")[0]) for each in actual] == [
        ("channels-last-rank", "mel"),
        ("channels-last-rank", "mask"),
    ]
    assert actual[0].under == "torch.channels_last needs rank 4; the tensor has rank 3 (1 x 2 x 5)"
    assert actual[0].note.startswith("the one line that convolves does so in one dimension")
    assert {each.at.line for each in actual} == {VOICE.split("\n").index("    y = conv(mel)") + 1}


def test_operators_that_refuse_two_dtypes_are_named(voice: InProcess) -> None:
    (hazard,) = voice.predict(HALF)
    assert (hazard.kind, hazard.patch, hazard.at.function) == ("mixed-dtype", "half", "mix")
    assert hazard.under == "mm refuses float16 and float32"


def test_what_fails_without_any_inference_mode_is_a_hazard_too(voice: InProcess) -> None:
    actual = voice.predict(BREAK)
    assert {each.kind for each in actual} == {"exception"}
    assert "TypeError: make() takes 1 positional argument" in actual[0].under
    assert actual[0].cases == ("model / short", "model / long")


def test_hazards_of_several_patches_keep_their_own_patch(voice: InProcess) -> None:
    actual = voice.predict(TURN, FORMAT)
    assert [(each.kind, each.patch) for each in actual] == [
        ("inplace-update", "turn"),
        ("channels-last-rank", "format"),
        ("channels-last-rank", "format"),
    ]
