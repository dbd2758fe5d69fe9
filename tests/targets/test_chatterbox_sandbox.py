"""The real Chatterbox generates in the sandbox as it does outside of it."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

from patcher.commands.shared.verify_request import cache_folder
from patcher.execution.executor import Job, LocalExecutor, Step
from patcher.execution.process import WorkerSite
from patcher.execution.runner import Silent, run_job
from patcher.execution.sandbox import kernel, policy_for
from patcher.targets.adapter import Matrix, Options
from patcher.targets.chatterbox import MODELS, TESTS, adapter
from tests.targets.test_chatterbox import frozen

HERE = kernel()
pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.slow,  # the report's tests run in the sandbox too
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
    pytest.mark.skipif(not HERE.landlock, reason=HERE.why or "the kernel has no Landlock"),
]


def test_a_generation_in_the_sandbox_is_the_one_outside_to_the_bit(tmp_path: Path) -> None:
    matrix = Matrix(MODELS[:1], TESTS[:1])
    options = Options(device="cpu", cache=cache_folder())
    assets = adapter.assets(matrix, options, distribution("chatterbox-tts").version)
    tree = frozen(tmp_path / "tree", inference_mode=False)
    free = WorkerSite(
        tree,
        adapter.serving,
        tmp_path / "records" / "logs",
        tmp_path / "records" / "stages",
        assets=assets.values,
        device="cpu",
        compiled_by=tree.sha256,
        compiled_in=options.cache / "compiled" / "compiled-tests",
    )
    fenced = replace(free, policy=policy_for(sys.executable, hidden=[tmp_path], gpu=False))
    steps = (
        Step("open", {"model": asdict(MODELS[0]), "seed": 0}, 600),
        Step("run", {"test": asdict(TESTS[0])}, 600),
    )
    with LocalExecutor() as executor:
        if not assets.ready and adapter.making:
            make = Step("make", {"function": adapter.making}, 3600)
            run_job(executor, Job(free, (make,)), Silent())
        inside = run_job(executor, Job(fenced, steps), Silent())[-1]
        outside = run_job(executor, Job(free, steps), Silent())[-1]
    assert inside.failure is None, inside.failure
    assert inside.value["returned"]
    assert inside.value["returned"] == outside.value["returned"]
    assert list((tmp_path / "records" / "workers").iterdir()) == []
