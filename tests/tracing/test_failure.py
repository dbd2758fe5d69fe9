"""Why a call failed: the line, the tensor, its maker, the modes, and the tests around the line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.tracing.programs import line_of, program

torch = pytest.importorskip("torch")

TRIM = """
import torch


@torch.inference_mode()
def lengths(samples):
    return torch.tensor([samples // 4], dtype=torch.int32).long()


def embed(samples, frames):
    lens = lengths(samples)
    tokens = torch.zeros(1, samples // 4)
    if frames != 2 * tokens.shape[1]:
        tokens = tokens[:, : frames // 2]
        lens[0] = tokens.shape[1]
    return lens
"""


def test_an_update_is_traced_to_the_line_the_maker_and_the_scope(tmp_path: Path) -> None:
    from patcher.worker.tracing.failure import trace

    module = program(tmp_path, TRIM)
    actual = trace(lambda: module.embed(9, 3), str(tmp_path))
    assert actual["kind"] == "inplace-update"
    assert actual["at"] == {
        "file": "voice.py",
        "line": line_of(tmp_path, "lens[0] ="),
        "function": "embed",
        "statement": "lens[0] = tokens.shape[1]",
    }
    assert actual["made"]["stack"][0] == {
        "file": "voice.py",
        "line": line_of(tmp_path, ".long()"),
        "function": "lengths",
    }
    (scope,) = actual["made"]["scopes"]
    assert (scope["mode"], scope["function"], scope["decorator"]) == (
        "inference_mode",
        "lengths",
        True,
    )
    assert (actual["made"]["inference"], actual["now"]["inference"]) == (True, False)


def test_the_tests_values_are_those_of_the_moment_the_test_was_made(tmp_path: Path) -> None:
    from patcher.worker.tracing.failure import trace

    module = program(tmp_path, TRIM)
    (seen,) = trace(lambda: module.embed(9, 3), str(tmp_path))["conditions"]["seen"]
    assert seen["held"] is True
    assert seen["values"] == {"frames": "3", "2 * tokens.shape[1]": "4"}


def test_a_passing_call_can_be_asked_how_its_tests_came_out(tmp_path: Path) -> None:
    from patcher.worker.tracing.failure import trace

    module = program(tmp_path, TRIM)
    watch = [{"file": "voice.py", "line": line_of(tmp_path, "lens[0] =")}]
    actual = trace(lambda: module.embed(8, 4), str(tmp_path), watch)
    assert actual["kind"] == "none"
    (watched,) = actual["watched"]
    assert (watched["calls"], watched["reached"]) == (1, 0)
    assert watched["seen"][0]["held"] is False


def test_a_memory_format_names_the_rank_and_the_shape(tmp_path: Path) -> None:
    from patcher.worker.tracing.failure import trace

    module = program(
        tmp_path,
        """
        import torch


        def convert(x):
            return x.to(memory_format=torch.channels_last)
        """,
    )
    actual = trace(lambda: module.convert(torch.zeros(2, 80, 5)), str(tmp_path))
    assert actual["kind"] == "memory-format"
    assert (actual["memory_format"], actual["rank_wanted"]) == ("channels_last", 4)
    assert (actual["tensor"]["rank"], actual["tensor"]["shape"]) == (3, [2, 80, 5])
    assert actual["at"]["function"] == "convert"


def test_a_tensor_that_autograd_refuses_is_traced_to_its_maker(tmp_path: Path) -> None:
    from patcher.worker.tracing.failure import trace

    module = program(
        tmp_path,
        """
        import torch


        def make():
            with torch.inference_mode():
                return torch.ones(2)


        def learn(w):
            x = make()
            return w * x
        """,
    )
    weight = torch.ones(2, requires_grad=True)
    actual = trace(lambda: module.learn(weight), str(tmp_path))
    assert actual["kind"] == "inference-tensor"
    assert actual["at"]["statement"] == "return w * x"
    assert actual["made"]["stack"][0]["function"] == "make"


def test_any_other_error_is_placed_with_the_tensors_it_met(tmp_path: Path) -> None:
    from patcher.worker.tracing.failure import trace

    module = program(
        tmp_path,
        """
        def add(x, y):
            return x + y
        """,
    )
    actual = trace(lambda: module.add(torch.zeros(2), torch.zeros(3)), str(tmp_path))
    assert (actual["kind"], actual["at"]["function"]) == ("other", "add")
    assert [each["shape"] for each in actual["operands"]] == [[2], [3]]
    none = trace(lambda: module.add(1, "a"), str(tmp_path))
    assert (none["kind"], none["type"]) == ("other", "TypeError")


def test_a_trace_leaves_torch_and_the_interpreter_as_they_were(tmp_path: Path) -> None:
    from patcher.worker.tracing.failure import trace

    before = (torch.no_grad.__enter__, torch.inference_mode.__exit__, sys.gettrace())
    module = program(tmp_path, TRIM)
    trace(lambda: module.embed(9, 3), str(tmp_path))
    assert (torch.no_grad.__enter__, torch.inference_mode.__exit__, sys.gettrace()) == before


PLAIN = """
{loads}

def share(total, parts):
    if len(parts) != 2:
        parts = parts[:1]
        return total / (len(parts) - 1)
    return total
"""


@pytest.mark.parametrize(("loads", "loaded"), [("", False), ("import torch", True)])
def test_a_call_without_tensors_is_traced_without_torch(
    tmp_path: Path, loads: str, loaded: bool
) -> None:
    (tmp_path / "voice.py").write_text(PLAIN.format(loads=loads))
    code = (
        "import json, sys\n"
        "from patcher.worker.tracing.failure import trace\n"
        "def run():\n"
        f"    sys.path.insert(0, {str(tmp_path)!r})\n"
        "    import voice\n"
        "    voice.share(6, 'abc')\n"
        f"print(json.dumps([trace(run, {str(tmp_path)!r}), 'torch' in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    actual, imported = json.loads(done.stdout)
    assert imported is loaded
    assert (actual["kind"], actual["type"]) == ("other", "ZeroDivisionError")
    assert actual["at"]["statement"] == "return total / (len(parts) - 1)"
    (fact,) = actual["conditions"]["seen"]
    assert (fact["test"], fact["held"], fact["values"]) == (
        "len(parts) != 2",
        True,
        {"len(parts)": "3"},
    )
