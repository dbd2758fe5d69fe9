"""Diagnosis: from traces of real failures to line, maker, patch, condition and remedy.

The cases here run in this process on a small package that fails as Chatterbox does; the whole way
through workers is in `test_diagnosis_chatterbox.py`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from patcher.execution.results import Case, Failure, Frame
from patcher.hazards.diagnosis import Failed, Suspects, diagnose
from patcher.hazards.traces import FailureTrace
from patcher.patchfile.model import Patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.replay import replay
from patcher.verify.judgement import Diagnosis
from tests.tracing.programs import line_of, program

torch = pytest.importorskip("torch")

VOICE = textwrap.dedent(
    """
    import torch


    @torch.no_grad()
    def tokenize(samples):
        count = -(-samples // 4)
        return torch.arange(count)[None], torch.tensor([count], dtype=torch.int32).long()


    def embed(samples):
        frames = samples // 2
        tokens, lens = tokenize(samples)
        if frames != 2 * tokens.shape[1]:
            tokens = tokens[:, : frames // 2]
            lens[0] = tokens.shape[1]
        return tokens, lens


    def vocode(mel):
        mel = mel * 2
        return mel
    """
).lstrip("\n")


def spec(name: str, edits: str, extra: str = "") -> Patch:
    head = f"patch: {name}\nsummary: a patch\ntarget: voice\nequivalence: bitwise\n{extra}edits:\n"
    return read_spec(head + textwrap.indent(textwrap.dedent(edits).strip(), "  "), f"{name}.yaml")


INFERENCE = spec(
    "inference",
    """
    - file: voice.py
      within: tokenize
      decorator: torch.no_grad()
      with: torch.inference_mode()
    """,
    "companions: [useless, clone]\n",
)
USELESS = spec("useless", "- {file: voice.py, within: vocode, match: mel * 2, with: mel + mel}")
CLONE = spec(
    "clone",
    """
    - file: voice.py
      within: embed
      before: lens[0] = tokens.shape[1]
      with: lens = lens.clone()
    """,
)
COVER = spec(
    "cover",
    """
    - file: voice.py
      within: embed
      decorator: ""
      with: torch.inference_mode()
    """,
)
FORMAT = spec(
    "format",
    """
    - file: voice.py
      within: vocode
      before: mel = mel * 2
      with: mel = mel.to(memory_format=torch.channels_last)
    """,
)


@dataclass
class InProcess:
    """Runs the cases of `VOICE` in this process: a case's test is the number of samples."""

    folder: Path
    source: str
    patches: Sequence[Patch]
    loaded: dict[bytes, ModuleType] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        return self.source.encode() if path == "voice.py" else None

    def module(self, content: bytes) -> ModuleType:
        if content not in self.loaded:
            root = self.folder / f"tree{len(self.loaded)}"
            root.mkdir()
            self.loaded[content] = program(root, content.decode())
        return self.loaded[content]

    def run(self, module: ModuleType, case: Case) -> object:
        if case.test == "vocode":
            return module.vocode(torch.zeros(1, 80, 5))
        return module.embed(int(case.test))

    def patched(self) -> ModuleType:
        return self.module(replay(self.read, self.patches)["voice.py"])

    def trace(self, requests: Sequence[tuple[Case, Mapping[str, Any]]]) -> Sequence[FailureTrace]:
        from patcher.worker.tracing.failure import trace

        module = self.patched()
        root = str(Path(str(module.__file__)).parent)
        return [
            FailureTrace.read(trace(partial(self.run, module, case), root, **options))
            for case, options in requests
        ]

    def passes(self, case: Case, files: Mapping[str, bytes]) -> bool:
        try:
            self.run(self.module(files["voice.py"]), case)
        except RuntimeError:
            return False
        return True

    def inputs(self, case: Case) -> str:
        return f"samples {case.test}"

    def failed(self, case: Case) -> Failed:
        """The case's failure as a worker reports it."""
        module = self.patched()
        with pytest.raises(RuntimeError) as caught:
            self.run(module, case)
        last = caught.traceback[-1]
        frame = Frame("voice.py", last.lineno + 1, last.name, str(last.statement), in_target=True)
        message = str(caught.value)
        return Failed(case, Failure("exception", "RuntimeError", message, (frame,), stage="run"))


def explained(
    folder: Path,
    patches: Sequence[Patch],
    cases: Sequence[str],
    passed: Sequence[str] = (),
    source: str = VOICE,
    catalogue: Sequence[Patch] = (USELESS, COVER, CLONE),
) -> list[Diagnosis]:
    runs = InProcess(folder, source, patches)
    suspects = Suspects(patches, runs.read, replay, catalogue)
    failed = [runs.failed(Case("model", case)) for case in cases]
    return list(diagnose(failed, [Case("model", case) for case in passed], suspects, runs))


def at(folder: Path, text: str) -> int:
    return line_of(folder / "tree0", text)


def test_an_update_of_an_inference_tensor_is_explained_to_the_line(tmp_path: Path) -> None:
    (actual,) = explained(tmp_path, [INFERENCE], ["9", "10"], ["8"])
    assert (actual.where, actual.line) == ("voice.py", at(tmp_path, "lens[0] ="))
    assert actual.created_at == f"voice.py:{at(tmp_path, '.long()')} tokenize"
    assert actual.patch == "inference"
    assert actual.error.startswith(
        "RuntimeError: Inplace update to inference tensor outside InferenceMode"
    )
    assert "`lens[0] = tokens.shape[1]` in embed updates in place" in actual.cause
    assert f"the decorator on tokenize (voice.py:{at(tmp_path, '@torch')})" in actual.cause
    assert [case.test for case in actual.cases] == ["9", "10"]


def test_the_condition_has_its_values_the_input_and_a_case_where_it_does_not_hold(
    tmp_path: Path,
) -> None:
    (actual,) = explained(tmp_path, [INFERENCE], ["9"], ["8"])
    assert actual.fires_when == (
        "`frames != 2 * tokens.shape[1]` (frames = 4, 2 * tokens.shape[1] = 6); "
        "seen with samples 9; not with 8 (frames = 4, 2 * tokens.shape[1] = 4)"
    )


def test_the_remedy_is_the_first_candidate_with_which_the_case_passes(tmp_path: Path) -> None:
    (actual,) = explained(tmp_path, [INFERENCE], ["9"])
    assert actual.remedy == "clone"


def test_a_patch_that_is_no_companion_is_found_by_what_it_edits(tmp_path: Path) -> None:
    (actual,) = explained(tmp_path, [INFERENCE], ["9"], catalogue=(USELESS, COVER))
    assert actual.remedy == "cover"


def test_no_remedy_is_named_that_was_not_seen_to_work(tmp_path: Path) -> None:
    (actual,) = explained(tmp_path, [INFERENCE], ["9"], catalogue=(USELESS,))
    assert actual.remedy is None


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        pytest.param([("lens", "sizes")], "sizes[0] =", id="the variable has another name"),
        pytest.param(
            [
                ("        lens[0] = tokens.shape[1]\n", "        trim(lens, tokens)\n"),
                ("def vocode", "def trim(x, t):\n    x[0] = t.shape[1]\n\n\ndef vocode"),
            ],
            "x[0] =",
            id="the update moved to another function",
        ),
        pytest.param(
            [("lens[0] = tokens.shape[1]", "lens.fill_(tokens.shape[1])")],
            "lens.fill_(",
            id="the update has another form",
        ),
        pytest.param([("import torch\n", "import torch\n\n# moved\n")], "lens[0] =", id="shifted"),
    ],
)
def test_it_still_names_the_right_line_when(
    tmp_path: Path, changes: list[tuple[str, str]], failing: str
) -> None:
    source = VOICE
    for old, new in changes:
        source = source.replace(old, new)
    (actual,) = explained(tmp_path, [INFERENCE], ["9"], source=source)
    assert actual.line == at(tmp_path, failing)
    assert actual.patch == "inference"


def test_lines_are_those_of_pristine_however_the_patches_shift_them(tmp_path: Path) -> None:
    shift = spec("shift", "- {file: voice.py, import: import math}")
    (actual,) = explained(tmp_path, [shift, INFERENCE], ["9"])
    pristine = VOICE.split("\n").index("        lens[0] = tokens.shape[1]") + 1
    assert actual.line == pristine
    assert at(tmp_path, "lens[0] =") == pristine + 1


def test_a_memory_format_names_the_rank_the_shape_and_the_patch(tmp_path: Path) -> None:
    (actual,) = explained(tmp_path, [INFERENCE, FORMAT], ["vocode"])
    assert actual.error == "RuntimeError: required rank 4 tensor to use channels_last format"
    assert "needs rank 4; the tensor has rank 3 (1 x 80 x 5)" in actual.cause
    assert (actual.patch, actual.remedy) == ("format", None)
    assert actual.line == VOICE.split("\n").index("    mel = mel * 2") + 1


def test_failures_that_are_one_and_the_same_are_explained_once(tmp_path: Path) -> None:
    actual = explained(tmp_path, [INFERENCE, FORMAT], ["9", "vocode", "11"])
    assert [[case.test for case in each.cases] for each in actual] == [["9", "11"], ["vocode"]]
