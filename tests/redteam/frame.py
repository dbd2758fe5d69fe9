"""One hostile patch: what it changes, what it claims, what it must come to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pytest

from patcher.bench.speed import BenchPlan
from patcher.patchfile.model import Declaration, Equivalence
from patcher.verify.declarations import added
from patcher.verify.judge import judge
from patcher.verify.timing import TimingOptions, measure_speed
from tests.verify.judging import SOURCE, Change, one_case, request, two_models

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from patcher.verify.judgement import Judgement

# Few pairs: what is wrong shows in the first; what a patch wins is asked of its ratio.
PLAN = BenchPlan("red team", looks=(4,), confidence=0.8, timed=1, measured_s=0.1, reruns=0)
VOICE = "hum/voice.py"


@dataclass(frozen=True)
class Trick:
    """A hostile patch, or an honest one that looks like it.

    Attributes:
        changes: replacements in ``hum/voice.py``; ``baseline`` those that both arms have.
        must: the verdict it must get.
        reason: of the verdict; empty where several may come first.
        declares: what its spec says.
        gains: the least ratio of times it may show where it passes; a trick gains nothing.
        full: judged as ``--bench=full`` judges, with what a model has to survive beside calls.
        slow: run with ``-m slow`` alone; the fast slice has others of its kind.
        open: why it is not caught yet; empty when it is. A trick that is caught must not be open.
    """

    changes: tuple[Change, ...]
    must: str = "fail"
    reason: str = ""
    claim: Equivalence = Equivalence.BITWISE
    declares: tuple[Declaration, ...] = ()
    gains: float = 0.6
    open: str = ""
    baseline: tuple[Change, ...] = ()
    full: bool = False
    slow: bool = False


def tricks(table: Mapping[str, Trick]) -> pytest.MarkDecorator:
    """Parametrise a test with the tricks of a kind; their names are its ids."""
    return pytest.mark.parametrize(
        "trick",
        [pytest.param(trick, id=name, marks=_marks(trick)) for name, trick in table.items()],
    )


def _marks(trick: Trick) -> list[pytest.MarkDecorator]:
    open_ = [pytest.mark.xfail(reason=trick.open)] if trick.open else []
    return [*open_, *([pytest.mark.slow] if trick.slow else [])]


def top(code: str) -> Change:
    """Code at the top of the module."""
    return ("import random\n", f"import random\n{code}\n")


def first(code: str) -> Change:
    """Code at the start of the public call, `Hum.hum`."""
    line = "        tokens = self.tokens(text, seed, spread=spread)\n"
    return (line, _inside(code) + line)


def last(code: str) -> Change:
    """Code at the end of the public call; ``samples`` is what it is about to return."""
    line = "        samples = self.waveform(self.spectrogram(tokens))\n"
    return (line, line + _inside(code))


def _inside(code: str) -> str:
    return "".join(f"        {line}\n" for line in code.splitlines())


def meets(trick: Trick, folder: Path) -> None:
    """Run the trick and hold its verdict against what it must be."""
    verdict, reason, judgement = run(trick, folder)
    why = judgement.sentence if judgement else reason
    assert verdict == trick.must, f"{verdict} ({why})"
    if trick.reason:
        assert reason == trick.reason, why
    if verdict == "pass" and judgement is not None and judgement.speed is not None:
        ratio = judgement.speed.figures.time_ratio
        assert ratio is None or ratio > trick.gains, f"it gained {ratio}"


def run(trick: Trick, folder: Path) -> tuple[str, str, Judgement | None]:
    """Verdict and reason, and the judgement where the trick was run at all."""
    if hidden := undeclared(trick):
        return "undeclared", hidden[0], None
    judgement = judge(
        request(
            folder,
            *trick.changes,
            baseline=trick.baseline,
            full=trick.full,
            equivalence=trick.claim,
            matrix=one_case() if not trick.full else two_models(),
            declares=frozenset(each.value for each in trick.declares),
        ),
        measure_speed=partial(
            measure_speed, options=TimingOptions(PLAN, declares=frozenset(trick.declares))
        ),
    )
    return judgement.verdict.value, judgement.reason, judgement


def undeclared(trick: Trick) -> list[str]:
    """What the trick's diff shows and its spec does not say."""
    before = (SOURCE / VOICE).read_text()
    for old, new in trick.baseline:
        before = before.replace(old, new)
    after = before
    for old, new in trick.changes:
        assert after.count(old) == 1, old
        after = after.replace(old, new)
    actual = added(VOICE, before.encode(), after.encode())
    return [one.what for one in actual if not one.accepts & frozenset(trick.declares)]
