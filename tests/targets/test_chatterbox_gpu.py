"""The whole matrix on a CUDA device; skipped without one."""

from __future__ import annotations

from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

from patcher.commands.shared.verify_request import cache_folder
from patcher.execution.results import Arm
from patcher.targets.adapter import Options
from patcher.targets.chatterbox import adapter
from patcher.verify.judge import judge
from patcher.verify.judgement import Status, Verdict
from patcher.verify.setup import Request
from tests.targets.test_chatterbox import frozen

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.chatterbox,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
    pytest.mark.skipif(not Path("/proc/driver/nvidia/gpus").is_dir(), reason="no NVIDIA device"),
]


def test_nine_of_nine_pass_on_the_device_where_nothing_was_patched(tmp_path: Path) -> None:
    tree = frozen(tmp_path / "tree", inference_mode=False)
    request = Request(
        adapter,
        distribution("chatterbox-tts").version,
        {Arm.BASELINE: tree, Arm.PATCHED: tree},
        adapter.matrix({}),
        tmp_path / "runs",
        Options(device="cuda", cache=cache_folder()),
    )
    actual = judge(request)
    assert actual.facts["device"] == "cuda"
    assert actual.verdict is Verdict.PASS, actual.sentence
    assert actual.count(Status.PASS) == 9
    memory = [case.patched.measure.memory_mib for case in actual.cases if case.patched]  # type: ignore[union-attr]
    assert all(mib and mib > 100 for mib in memory)
