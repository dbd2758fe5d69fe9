"""Calls that nobody could know: drawn from a seed, made on both arms, named in a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from patcher.commands.shared.explain_failures import quick_explainer
from patcher.targets import find_adapter
from patcher.verify.judge import judge
from patcher.verify.judgement import Verdict
from tests.targets.workloads import PRINTS, SAME, WRONG, judged
from tests.verify.judging import Change, request

PLAIN = "from hum.voice import Hum\nvoice = Hum()\ndef work():\n    return voice.tokens('abc', 3)\n"


def wrong_after(calls: int) -> Change:
    """Right for so many calls of a process, wrong from then on."""
    return (
        "        rng = random.Random(seed)\n",
        "        self.calls = getattr(self, 'calls', 0) + 1\n"
        f"        rng = random.Random(seed + (self.calls > {calls}))\n",
    )


def test_a_workload_that_draws_is_judged_on_calls_that_nobody_could_know(bench: Path) -> None:
    config = {"call": "bench.py:work"}
    same = judged(bench, config, SAME)
    assert same.verdict is Verdict.PASS
    kinds = {one.kind: one.judgement.status.value for one in same.further}
    assert kinds == dict.fromkeys(("drawn", "reseeded", "refused", "again"), "pass")
    wrong = judged(bench, config, wrong_after(2))
    assert wrong.verdict is Verdict.FAIL
    assert {case.status.value for case in wrong.cases} == {"pass"}


def test_a_workload_that_draws_nothing_is_called_twice_and_compared(tmp_path: Path) -> None:
    (tmp_path / "bench.py").write_text(PLAIN)
    config = {"call": "bench.py:work"}
    same = judged(tmp_path, config, SAME)
    assert [(one.kind, one.judgement.status.value) for one in same.further] == [("again", "pass")]
    wrong = judged(tmp_path, config, wrong_after(1))
    assert wrong.verdict is Verdict.FAIL
    assert [case.status.value for case in wrong.cases] == ["pass"]


def test_calls_of_a_command_are_processes_of_their_own_and_are_not_repeated(tmp_path: Path) -> None:
    assert judged(tmp_path, {"command": PRINTS}, SAME).further == ()


DRAWN = """
from hum.voice import Hum

def draw(rng):
    return "".join(rng.choice("abc") for _ in range(400)), 2

def work(text="ab", count=1):
    return Hum().tokens(text, count)
"""


def test_a_failure_says_what_it_was_called_with_and_how_to_draw_it_again(tmp_path: Path) -> None:
    (tmp_path / "bench.py").write_text(DRAWN)
    config = {"call": "bench.py:work"}
    adapter = find_adapter("hum", config, root=tmp_path, packages=("hum",))
    asked = request(tmp_path, WRONG, adapter=adapter, matrix=adapter.matrix(config), sys_path=())
    actual = judge(asked, explain=quick_explainer(()))
    called = actual.diagnosis[0].called_with or ""
    first, _, drawing = called.partition(", drawn by ")
    assert first.startswith("work('")
    assert first.endswith("', 2)")
    assert len(first) < 100
    scope: dict[str, Any] = {}
    exec("import random\n" + DRAWN.partition("def work")[0].replace("from hum", "# "), scope)
    text, _ = eval(drawing, scope)
    assert text.startswith(first.removeprefix("work('").partition("...")[0])


def test_a_function_whose_inputs_are_drawn_is_called_with_its_own_defaults_too(
    tmp_path: Path,
) -> None:
    (tmp_path / "bench.py").write_text(DRAWN)
    actual = judged(tmp_path, {"call": "bench.py:work"}, SAME, inputs=2)
    names = [each.judgement.case.test for each in actual.further]
    assert "work with its defaults" in names
    assert all(each.judgement.status.value == "pass" for each in actual.further)
    without = DRAWN.replace('text="ab", count=1', "text, count")
    (tmp_path / "bench.py").write_text(without)
    actual = judged(tmp_path, {"call": "bench.py:work"}, SAME, inputs=2)
    assert "work with its defaults" not in [each.judgement.case.test for each in actual.further]
