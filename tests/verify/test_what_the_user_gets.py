"""What a patch returns, leaves behind and does later, judged on workers of the small target."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from patcher.execution.results import Arm
from patcher.patchfile.model import Equivalence
from patcher.results.judged import outcome_of
from patcher.verify.exercised import places_of
from patcher.verify.judge import judge
from patcher.verify.judgement import Status, Verdict
from tests.verify.judging import Watcher, judged, one_case, request

if TYPE_CHECKING:
    from pathlib import Path

RESULT = "        return samples if gain == 1.0 else [gain * sample for sample in samples]\n"
TOKENS = "        tokens = self.tokens(text, seed, spread=spread)\n"
IMPORT = "import random\n"


def returning(expression: str) -> tuple[str, str]:
    """``hum`` gives back ``expression`` of the right samples."""
    return (RESULT, f"        samples = [gain * sample for sample in samples]\n{expression}\n")


def line(code: str) -> str:
    return f"        {code}"


HOSTILE = {
    "silence is returned though every stage is right": returning(
        line("return [0.0 for _ in samples]")
    ),
    "half of the audio": returning(line("return samples[: len(samples) // 2]")),
    "another type": returning(line("return tuple(map(float, samples[:-1])) + (0,)")),
    "the gain is ignored": (RESULT, "        return samples\n"),
    "the spread is ignored": (TOKENS, "        tokens = self.tokens(text, seed, spread=4)\n"),
    "it stops after forty letters": (
        TOKENS, "        tokens = self.tokens(text[:40], seed, spread=spread)\n"
    ),
    "wrong beyond a length": returning(
        line("return samples if len(text) < 41 else [-sample for sample in samples]")
    ),
    "the first result for every later call": returning(
        line("self.__dict__.setdefault('_all', samples); return self._all")
    ),
    "answers kept by the text": (
        TOKENS,
        "        kept = self.__dict__.setdefault('_kept', {})\n"
        "        tokens = kept.setdefault(text, self.tokens(text, seed, spread=spread))\n",
    ),
    "silence from the second call of a text on": returning(
        line("seen = self.__dict__.setdefault('_seen', set())\n")
        + line("again = (text, seed) in seen; seen.add((text, seed))\n")
        + line("return [0.0 * sample for sample in samples] if again else samples")
    ),
    "it raises at the second call of a text": returning(
        line("seen = self.__dict__.setdefault('_seen', set())\n")
        + line("assert (text, seed) not in seen; seen.add((text, seed))\n")
        + line("return samples")
    ),
    "it leaves at the second call of a text": returning(
        line("seen = self.__dict__.setdefault('_seen', set())\n")
        + line("(text, seed) in seen and __import__('os')._exit(0); seen.add((text, seed))\n")
        + line("return samples")
    ),
    "one buffer for all results": returning(
        line("shared = self.__dict__.setdefault('_shared', [])\n")
        + line("shared[:] = samples; return shared")
    ),
    "a result that later calls make unreadable": returning(
        line("import sys; Kept = type('Kept', (list,), {}); samples = Kept(samples)\n")
        + line("old = vars(sys).get('_old'); vars(sys)['_old'] = samples\n")
        + line("Spoilt = type('Spoilt', (list,), {'__len__': lambda self: 1 // 0})\n")
        + line("_ = old is not None and setattr(old, '__class__', Spoilt)\n")
        + line("return samples")
    ),
    "the voice is another one afterwards": returning(line("self.pitch = 90.0; return samples")),
    "a list that every call makes longer": returning(
        line("self.__dict__.setdefault('_log', []).append(text); return samples")
    ),
    "the garbage collector is off afterwards": returning(
        line("__import__('gc').disable(); return samples")
    ),
    "a call that is refused is answered": (
        TOKENS, "        tokens = self.tokens(text or 'hm', seed, spread=spread)\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_patch_that_gives_the_user_something_else_fails(tmp_path: Path, name: str) -> None:
    actual = judged(tmp_path, HOSTILE[name], matrix=one_case())
    assert actual.verdict is Verdict.FAIL, actual.sentence


@pytest.mark.parametrize("claim", list(Equivalence))
def test_a_patch_that_changes_nothing_passes_every_further_call(
    tmp_path: Path, claim: Equivalence
) -> None:
    actual = judged(tmp_path, (IMPORT, "import random  # as before\n"), equivalence=claim)
    assert actual.verdict is Verdict.PASS
    assert {each.judgement.status for each in actual.further} == {Status.PASS}
    kinds = [each.kind for each in actual.further if each.judgement.case.model == "Low hum"]
    assert sorted(kinds) == ["again", "drawn", "edge", "refused", "reseeded"]


@pytest.mark.parametrize(
    "change",  # as perceptual: tests/redteam/test_other_words.py
    [
        pytest.param(
            (TOKENS, "        text = text[::-1]\n" + TOKENS), id="the text is read backwards"
        ),
        pytest.param(
            (TOKENS, "        tokens = self.tokens(text, seed, spread=1)\n"), id="no randomness"
        ),
        pytest.param(returning(line("return samples[::-1]")), id="the samples backwards"),
        pytest.param(returning(line("return [0.0 for _ in samples]")), id="silence"),
    ],
)
def test_other_words_are_not_close(tmp_path: Path, change: tuple[str, str]) -> None:
    actual = judged(tmp_path, change, equivalence=Equivalence.CLOSE, matrix=one_case())
    assert actual.verdict is Verdict.FAIL, actual.sentence


def test_a_cache_that_settles_is_listed_and_no_fault(tmp_path: Path) -> None:
    keeps = returning(line("self.__dict__.setdefault('_table', [1.0]); return samples"))
    assert judged(tmp_path, keeps).verdict is Verdict.PASS


def test_what_grows_passes_for_a_series_that_declares_it(tmp_path: Path) -> None:
    keeps = returning(line("self.__dict__.setdefault('_log', {})[text] = 1; return samples"))
    actual = judged(tmp_path, keeps, declares=frozenset({"cache-answers"}))
    assert actual.verdict is Verdict.PASS


def test_the_same_seed_draws_the_same_calls_and_another_seed_others(tmp_path: Path) -> None:
    drawn = [
        [each.options for each in judged(tmp_path, seed=seed, inputs=4).further]
        for seed in (7, 7, 8)
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_the_cases_of_the_matrix_stay_the_table_and_the_drawn_ones_stand_apart(
    tmp_path: Path,
) -> None:
    actual = outcome_of(judged(tmp_path, seed=3))
    assert len(actual.cases) == 4
    assert actual.inputs.seed == 3
    assert len(actual.inputs.drawn) == 10
    assert actual.compared == "returned"


def test_no_inputs_are_drawn_where_none_are_wanted(tmp_path: Path) -> None:
    kinds = {each.kind for each in judged(tmp_path, inputs=0).further}
    assert kinds == {"again", "refused"}


def unexercised(folder: Path, *changes: tuple[str, str], **options: object) -> object:
    """A judgement that knows where the changes are."""
    asked = request(folder, *changes, **options)
    voice = "hum/voice.py"
    before, after = ((asked.trees[arm].path / voice).read_bytes() for arm in Arm)
    read = {voice: before}.get
    places = places_of([("tried", {voice: after})], read)
    from dataclasses import replace

    return judge(replace(asked, places=places))


CHORD = (
    "    def hum(self, text",
    "    def chord(self, text):\n        return self.hum(text)\n\n    def hum(self, text",
)


def test_an_edit_that_no_case_runs_is_no_pass_and_is_named(tmp_path: Path) -> None:
    actual = unexercised(
        tmp_path,
        ("return self.hum(text)", "return self.hum(text * 2)"),
        baseline=(CHORD,),
        matrix=one_case(),
    )
    assert actual.verdict is Verdict.NOT_EXERCISED  # type: ignore[attr-defined]
    assert "tried: hum/voice.py" in actual.sentence  # type: ignore[attr-defined]
    assert "Hum.chord" in actual.sentence  # type: ignore[attr-defined]
    (never,) = outcome_of(actual).exercised
    assert (never.kind, list(never.cases)) == ("never", [])


def test_an_edit_that_never_ran_passes_when_the_user_says_so_and_that_is_recorded(
    tmp_path: Path,
) -> None:
    actual = unexercised(
        tmp_path,
        ("return self.hum(text)", "return self.hum(text * 2)"),
        baseline=(CHORD,),
        matrix=one_case(),
        allow_unexercised=True,
    )
    assert actual.verdict is Verdict.PASS  # type: ignore[attr-defined]
    assert actual.allowed_unexercised


def test_edits_that_ran_name_the_cases_and_a_branch_not_taken_is_no_failure(
    tmp_path: Path,
) -> None:
    actual = unexercised(
        tmp_path,
        (TOKENS, f"{TOKENS}        if text == 'never':\n            tokens = []\n"),
        ("RATE = 8000", "RATE = 4000 * 2"),
        ("        polished = table\n", "        polished = table  # the same\n"),
        matrix=one_case(),
    )
    assert actual.verdict is Verdict.PASS  # type: ignore[attr-defined]
    reported = {each.function: each.kind for each in outcome_of(actual).exercised}
    assert reported == {"Hum.hum": "ran", "": "import", "Hum.polish": "ran"}


def test_a_life_that_grows_fails_and_one_that_does_not_passes(tmp_path: Path) -> None:
    grows = returning(line("_HELD.append(bytearray(1 << 20)); return samples"))
    held = (IMPORT, "import random\n\n_HELD = []\n")
    fails = judged(
        tmp_path, held, grows, life=20, matrix=one_case(), inputs=0,
        declares=frozenset({"cache-answers"}),
    )  # fmt: skip
    assert fails.verdict is Verdict.FAIL
    assert fails.reason == "grows"
    assert re.search(r"grows by (0\.9|1\.0)", fails.sentence)
    passes = judged(tmp_path, life=20, matrix=one_case(), inputs=0)
    assert passes.verdict is Verdict.PASS
    assert passes.life is not None
    assert passes.life.gate.passed


def test_calls_that_get_slower_fail_when_they_do_so_in_every_life(tmp_path: Path) -> None:
    slower = returning(
        line("_HELD.append(0); time.sleep(0.002 * 1.25 ** len(_HELD)); return samples")
    )
    held = (IMPORT, "import random\nimport time\n\n_HELD = []\n")
    watcher = Watcher()
    asked = request(
        tmp_path, held, slower, life=20, matrix=one_case(), inputs=0,
        declares=frozenset({"cache-answers"}),
    )  # fmt: skip
    actual = judge(asked, watcher)
    assert (actual.verdict, actual.reason) == (Verdict.FAIL, "grows")
    assert "times as long after 20 calls" in actual.sentence
    assert sum("got slower" in event[-1] for event in watcher.events) == 2


def test_a_new_file_is_a_branch_where_the_same_patch_ran_elsewhere() -> None:
    from patcher.execution.results import Arm, Case, CaseResult, Outcome
    from patcher.verify.exercised import exercises

    pristine = b"def work(fast):\n    return 1\n"
    edited = b"def work(fast):\n    if fast:\n        return quick()\n    return 1\n"
    new = b"def quick():\n    return 1\n"
    read = {"a.py": pristine}.get
    places = places_of([("tried", {"a.py": edited, "b.py": new})], read)
    result = CaseResult(Case("model", "test"), Arm.PATCHED, Outcome.OK)
    entered = replace(result, ran={"a.py": (1, 2, 4)})
    kinds = {one.place.file: one.kind for one in exercises(places, [entered])}
    assert kinds == {"a.py": "ran", "b.py": "branch"}
    nothing = {one.place.file: one.kind for one in exercises(places, [result])}
    assert nothing == {"a.py": "never", "b.py": "never"}


def test_a_patch_of_which_no_line_ran_is_noted_though_its_function_did() -> None:
    from patcher.execution.results import Arm, Case, CaseResult, Outcome
    from patcher.verify.exercised import branches_alone, exercises

    pristine = b"def work(fast):\n    if fast:\n        return 1\n    return 1\n"
    edited = pristine.replace(b"        return 1", b"        return 2")
    places = places_of([("untried", {"a.py": edited})], {"a.py": pristine}.get)
    result = CaseResult(Case("model", "test"), Arm.PATCHED, Outcome.OK)
    missed = exercises(places, [replace(result, ran={"a.py": (1, 2, 4)})])
    (note,) = branches_alone(missed)
    assert "no case reached what untried changes: a.py:3 (work)" in note
    assert branches_alone(exercises(places, [replace(result, ran={"a.py": (1, 2, 3)})])) == ()
