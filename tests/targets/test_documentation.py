"""The example of docs/targets.md is the code that these tests run."""

from __future__ import annotations

import re
from pathlib import Path

from patcher.targets.chatterbox import MODELS, TESTS, adapter
from patcher.targets.chatterbox.scale import TOKENS

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "targets.md").read_text()


def test_the_code_shown_is_the_small_targets_own() -> None:
    source = (REPOSITORY / "tests" / "smalltarget" / "adapter.py").read_text()
    shown = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(shown) == 2
    assert all(block in source for block in shown)


def test_the_settings_shown_are_understood() -> None:
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    block = next(b for b in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "matrix" in b)
    matrix = adapter.matrix(tomllib.loads(block)["tool"]["patcher"]["verify"])
    assert [model.name for model in matrix.models] == ["Ours"]
    assert matrix.tests[0].seed == 7


def test_the_models_clips_and_caps_shown_are_the_ones_there_are() -> None:
    assert all(f"| {model.name} |" in PAGE for model in MODELS)
    for test in TESTS[1:]:
        samples = test.options["reference"]["samples"]
        assert str(samples) in PAGE
        assert str(samples % 960) in PAGE
    assert f"generations at {TOKENS['tiny']['cpu']} tokens" in PAGE
    full = TOKENS["full"]
    assert f"caps at {full['cpu']} tokens on a CPU,\n{full['cuda']} on a GPU" in PAGE
