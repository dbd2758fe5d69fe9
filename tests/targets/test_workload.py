"""A package without an adapter: functions, commands and test suites of the settings, judged."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.model import Equivalence
from patcher.results.judged import baseline_outcome
from patcher.targets import find_adapter
from patcher.verify.judgement import Verdict
from patcher.worker.commands import private_folder
from tests.targets.workloads import BENCH, PRINTS, SAME, WRONG, judged

RAISES = (
    "        rng = random.Random(seed)\n",
    "        raise OSError('no voice')\n        rng = random.Random(seed)\n",
)


def test_what_a_function_returns_is_compared_in_each_of_its_cases(bench: Path) -> None:
    actual = judged(bench, {"call": "bench.py:work"}, SAME)
    assert actual.verdict is Verdict.PASS
    assert (actual.gate, actual.compared) == ("bitwise", "returned")
    assert [case.case.test for case in actual.cases] == ["work[short]", "work[long]"]


def test_a_wrong_value_fails_with_its_place(bench: Path) -> None:
    actual = judged(bench, {"call": "bench.py:work"}, WRONG)
    assert actual.verdict is Verdict.FAIL
    error = actual.cases[0].error
    assert error is not None
    assert error.startswith("returned.tokens[")
    assert ", on the baseline " in error


def test_a_crash_fails_with_the_error_and_the_line_of_the_target(bench: Path) -> None:
    actual = judged(bench, {"call": "bench.py:work"}, RAISES)
    assert actual.verdict is Verdict.FAIL
    (case, _) = actual.cases
    assert case.error == "OSError: no voice"
    assert case.patched is not None
    assert case.patched.failure is not None
    assert case.patched.failure.frames[-1].file == "hum/voice.py"


def test_a_claim_of_close_is_held_to_a_tolerance_of_floats(tmp_path: Path) -> None:
    (tmp_path / "bench.py").write_text(
        "import hum.voice\ndef work():\n    return [hum.voice.ROUNDS / 3, 'x']\n"
    )
    config = {"call": "bench.py:work"}
    near = ("ROUNDS = 2", "ROUNDS = 2 + 1e-7")
    far = ("ROUNDS = 2", "ROUNDS = 2 * 1.02")
    claim = {"equivalence": Equivalence.CLOSE}
    assert judged(tmp_path, config, near).verdict is Verdict.FAIL
    assert judged(tmp_path, config, near, **claim).verdict is Verdict.PASS
    assert judged(tmp_path, config, far, **claim).verdict is Verdict.FAIL


def test_inputs_are_drawn_from_a_seed_that_both_arms_are_given(bench: Path) -> None:
    import random
    from dataclasses import replace

    from patcher.targets.adapter import Matrix, draw_inputs

    adapter = find_adapter("hum", {"call": "bench.py:work"}, root=bench, packages=("hum",))
    assert adapter is not None
    (model,) = adapter.matrix({}).models
    drawn = draw_inputs(adapter, random.Random(1), model, 3)
    assert len({test.options["draw"] for test in drawn}) == 3
    config = {"call": "bench.py:work"}
    named = tuple(replace(test, name=f"mine {n}") for n, test in enumerate(drawn))
    matrix = Matrix((model,), named)
    assert judged(bench, config, SAME, matrix=matrix).verdict is Verdict.PASS
    assert judged(bench, config, WRONG, matrix=matrix).verdict is Verdict.FAIL


def test_a_command_without_outputs_is_judged_by_its_exit_status_and_says_so(tmp_path: Path) -> None:
    actual = judged(tmp_path, {"command": PRINTS}, WRONG)
    assert actual.verdict is Verdict.PASS
    assert (actual.gate, actual.compared) == ("exit-status", "exit-status")
    assert "bitwise" not in actual.sentence


def test_a_commands_outputs_are_compared_line_by_line(tmp_path: Path) -> None:
    config = {"command": PRINTS, "outputs": ["stdout"]}
    same = judged(tmp_path, config, SAME)
    assert (same.verdict, same.gate, same.compared) == (Verdict.PASS, "bitwise", "outputs")
    wrong = judged(tmp_path, config, WRONG)
    assert wrong.verdict is Verdict.FAIL
    assert str(wrong.cases[0].error).startswith("stdout line 1 is ")


def test_a_commands_files_are_compared_and_a_filter_leaves_out_what_may_differ(
    tmp_path: Path,
) -> None:
    (tmp_path / "make.py").write_text(
        "import hum, pathlib, time\n"
        "pathlib.Path('out').mkdir(exist_ok=True)\n"
        "pathlib.Path('out/a.json').write_text(str(hum.Hum().tokens('abc', 1)))\n"
        "pathlib.Path('out/b.json').write_text('made at %s\\n' % time.time_ns())\n"
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.json").write_text("left by an earlier run")
    config = {
        "command": ["python", "make.py"],
        "outputs": ["out/*.json"],
        "filter": [r"made at \d+"],
    }
    assert judged(tmp_path, config, SAME).verdict is Verdict.PASS
    wrong = judged(tmp_path, config, WRONG)
    assert wrong.verdict is Verdict.FAIL
    assert str(wrong.cases[0].error).startswith("out/a.json is ")
    assert (tmp_path / "out" / "a.json").read_text() == "left by an earlier run"


def test_an_output_that_is_not_made_cannot_be_compared(tmp_path: Path) -> None:
    actual = judged(tmp_path, {"command": PRINTS, "outputs": ["out/*.json"]})
    assert actual.verdict is Verdict.CANNOT_JUDGE
    assert "made no file that fits outputs" in str(baseline_outcome(actual.cases[0]).error)


SUITE = """
import pathlib, pytest
from hum.voice import Hum, ROUNDS

def test_tokens():
    assert len(Hum().tokens("abc", 1)) > 0

@pytest.mark.parametrize("seed", [1, 2])
def test_same_seed_same_tokens(seed):
    assert Hum().tokens("abc", seed) == {expected}[seed - 1]

def test_broken_already():
    assert False
{more}
"""
FLAKY = """
def test_now_and_then(request):
    seen = pathlib.Path({seen!r}) / str(ROUNDS)
    first = not seen.exists()
    seen.write_text("seen")
    assert not first
"""


def suite(folder: Path, more: str = "") -> dict[str, Any]:
    import sys

    from tests.verify.judging import SOURCE

    sys.path.insert(0, str(SOURCE))
    try:
        from hum.voice import Hum  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(SOURCE))
    expected = [Hum().tokens("abc", seed) for seed in (1, 2)]
    text = SUITE.replace("{expected}", repr(expected)).replace("{more}", more)
    (folder / "test_hum.py").write_text(text)
    return {"tests": ["pytest", "-q", "--disable-plugin-autoload", "test_hum.py"]}


def test_what_passed_on_the_baseline_must_pass_on_the_patched_arm(tmp_path: Path) -> None:
    config = suite(tmp_path)
    same = judged(tmp_path, config, SAME)
    assert same.verdict is Verdict.PASS
    assert (same.gate, same.compared) == ("tests", "tests")
    assert "test_broken_already" in same.cases[0].gates[-1].message
    wrong = judged(tmp_path, config, WRONG)
    assert wrong.verdict is Verdict.FAIL
    assert wrong.cases[0].error == (
        "2 of 3 tests that pass on the baseline fail: test_hum.py::test_same_seed_same_tokens[1], "
        "test_hum.py::test_same_seed_same_tokens[2]"
    )


def test_a_test_that_passes_when_it_is_repeated_is_told_apart(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    actual = judged(tmp_path, suite(tmp_path, FLAKY.format(seen=str(seen))), SAME, sandbox=False)
    assert actual.verdict is Verdict.PASS
    assert "1 flaky (test_hum.py::test_now_and_then)" in actual.cases[0].gates[-1].message


def test_a_call_and_the_tests_are_judged_together(bench: Path) -> None:
    actual = judged(bench, {"call": "bench.py:work", **suite(bench)}, SAME)
    assert actual.verdict is Verdict.PASS
    assert (actual.gate, actual.compared) == ("bitwise", "returned, tests")


def read(folder: Path, config: dict[str, Any]) -> None:
    """Read a workload as far as it can be read without running it."""
    adapter = find_adapter("hum", config, root=folder, packages=("hum",))
    assert adapter is not None
    adapter.matrix(config)


MISTAKES = [
    ({"call": "bench.py"}, "it is FILE.py:FUNCTION or MODULE:FUNCTION"),
    ({"call": "bench.py:wrok"}, "bench.py has no function 'wrok'"),
    ({"call": "nowhere.py:work"}, "there is no nowhere.py"),
    ({"tests": ["nose2"]}, "is not a pytest command"),
    ({"call": "bench.py:work", "compare": "bench.py:same"}, "bench.py has no function 'same'"),
    ({"call": "bench.py:work", "compare": "same"}, "it is FILE.py:FUNCTION or MODULE:FUNCTION"),
    ({"command": ["x"], "outputs": ["stdout"], "filter": "("}, "is not a regular expression"),
    ({"adapter": "bench.py:nothing"}, "bench.py has no 'nothing'"),
    ({"adapter": "bench.py:cases"}, "is no adapter: it lacks distribution"),
]


@pytest.mark.parametrize(("config", "message"), MISTAKES, ids=[str(row[0]) for row in MISTAKES])
def test_a_workload_that_cannot_be_run_is_refused_before_anything_runs(
    tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    (tmp_path / "bench.py").write_text("cases = {}\ndef work(): ...\n")
    with pytest.raises(PatcherError) as caught:
        read(tmp_path, config)
    assert message in caught.value.message
    assert caught.value.code == "config"


def test_cases_that_are_no_literal_are_named_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "bench.py").write_text("import os\ncases = dict(a=1)\ndef work(): ...\n")
    adapter = find_adapter("hum", {"call": "bench.py:work"}, root=tmp_path, packages=("hum",))
    assert adapter is not None
    with pytest.raises(PatcherError) as caught:
        adapter.matrix({})
    assert caught.value.where == f"{tmp_path / 'bench.py'}:2"


def test_a_changed_workload_is_another_workload(bench: Path) -> None:
    from patcher.targets.adapter import Options

    config = {"call": "bench.py:work"}

    def fingerprint() -> str:
        adapter = find_adapter("hum", config, root=bench, packages=("hum",))
        assert adapter is not None
        return adapter.assets(adapter.matrix({}), Options(), "1").fingerprint

    first = fingerprint()
    (bench / "bench.py").write_text(BENCH + "\n# changed\n")
    assert fingerprint() != first


def test_an_adapter_in_a_file_needs_no_packaging(tmp_path: Path) -> None:
    from tests.verify.judging import REPOSITORY

    source = (REPOSITORY / "tests" / "smalltarget" / "adapter.py").read_text()
    (tmp_path / "mine.py").write_text(source.replace("tests.smalltarget.adapter:", "mine:"))
    config = {"adapter": "mine.py:adapter"}
    adapter = find_adapter("hum", config, root=tmp_path)
    assert adapter is not None
    assert adapter.sys_path == (str(tmp_path),)  # type: ignore[attr-defined]
    options = {"sys_path": adapter.sys_path}  # type: ignore[attr-defined]
    assert judged(tmp_path, config, **options).verdict is Verdict.PASS
    assert json.dumps(adapter.assets(adapter.matrix({}), None, "").fingerprint)  # type: ignore[arg-type]


def test_a_function_whose_arguments_are_only_drawn_is_called_with_drawn_ones(
    tmp_path: Path,
) -> None:
    (tmp_path / "bench.py").write_text(
        "def draw(rng):\n    return rng.random()\n\n\ndef work(number):\n    return number\n"
    )
    config = {"call": "bench.py:work"}
    adapter = find_adapter("package", config, root=tmp_path, packages=("package",))
    assert adapter is not None
    (test,) = adapter.matrix(config).tests
    assert test.options == {"kind": "call", "call": "bench.py:work", "draw": 0}


def test_a_command_may_write_into_its_own_copy_of_the_workspace_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "log.txt").write_text("theirs")
    code = "open('data/log.txt', 'w').write('mine'); open('new.txt', 'w').write('mine')"
    actual = judged(tmp_path, {"command": ["python", "-c", code]}, SAME)
    assert actual.verdict is Verdict.PASS
    assert (tmp_path / "data" / "log.txt").read_text() == "theirs"
    assert not (tmp_path / "new.txt").exists()


@pytest.mark.parametrize("way", ["", "by a link"])
def test_a_workspace_that_holds_the_commands_folder_is_not_copied_into_itself(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tmp_path / "workspace"
    (workspace / "tmp").mkdir(parents=True)
    (workspace / "tmp" / "other.txt").write_text("x")
    monkeypatch.setattr(tempfile, "tempdir", str(workspace / "tmp"))
    root = tmp_path / "link" if way else workspace
    if way:
        root.symlink_to(workspace)
    with private_folder(root, (), str(tmp_path / "tree"), ()) as folder:
        assert (folder / "tmp").is_symlink()
        assert (folder / "tmp" / "other.txt").read_text() == "x"


def test_a_command_finds_the_trees_package_also_where_the_workspace_holds_one(
    tmp_path: Path,
) -> None:
    """In place the workspace is the checkout, and a command looks in its own folder first."""
    (tmp_path / "hum").mkdir()
    (tmp_path / "hum" / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    actual = judged(tmp_path, {"command": ["python", "-c", "import hum.voice"]}, SAME)
    assert actual.verdict is Verdict.PASS
