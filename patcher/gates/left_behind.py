"""What calls leave behind: results that change later, a model that is no longer what it was.

Compared within each arm, before and after a call; what only the patched arm does is a fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.gates.result import GateResult
from patcher.targets.state import RANDOM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from patcher.execution.results import Case, CaseResult


@dataclass(frozen=True)
class StateRules:
    """What is asked of the state that calls leave.

    Attributes:
        exact: the series claims equal bits, so that what is left behind must be equal too.
        may_keep: the series declares that it keeps things between calls.
        unsteady: generators of random numbers that the baseline does not leave alike itself; what
            it does not promise is not asked of a patch.
        further: calls before which the arms made other calls, because some of the baseline's are on
            record. A module's first import may draw numbers: random numbers are not judged there.
    """

    exact: bool
    may_keep: bool = False
    unsteady: frozenset[str] = frozenset()
    further: frozenset[Case] = frozenset()


def left_behind(
    gate: str, baseline: Sequence[CaseResult], patched: Sequence[CaseResult], rules: StateRules
) -> dict[Case, GateResult]:
    """Faults by case among the calls of one model, in the order they were made."""
    before = {result.case: result for result in baseline}
    collected: dict[Case, GateResult] = {}
    settled: set[str] = set()
    for result in patched:
        expected = before.get(result.case)
        if expected is None or not expected.ok or not result.ok:
            continue
        messages = [
            message
            for name, message in _faults(expected, result, settled, rules)
            if not is_random(name)
            or (
                result.case not in rules.further and name.removeprefix(RANDOM) not in rules.unsteady
            )
        ]
        if messages:
            collected[result.case] = GateResult(gate, False, messages[0], "left behind")
    return collected


def _faults(
    expected: CaseResult, actual: CaseResult, settled: set[str], rules: StateRules
) -> Iterator[tuple[str, str]]:
    """What of the state is at fault, and in a sentence."""
    if differing(actual) and not differing(expected):
        yield (
            "",
            f"{', '.join(differing(actual))}: what the call returned was changed by later calls",
        )
    if actual.unreadable and not expected.unreadable:
        yield "", f"what the call returned cannot be read once more: {actual.unreadable}"
    for name in actual.changed:
        if name in expected.changed:
            continue
        if is_random(name) and name not in expected.state:
            continue  # the baseline had not loaded the generator's library yet
        if not rules.exact and is_random(name):
            continue  # listed, not judged: another kernel may draw otherwise
        if not is_shape(actual.state.get(name, "")):
            yield name, f"a call changes {name}, which it leaves alone on the baseline"
        elif name in settled and not rules.may_keep:
            yield name, f"every call changes {name}, which it leaves alone on the baseline"
        settled.add(name)
    if rules.exact:
        for name, value in expected.state.items():
            other = actual.state.get(name, value)
            called = name in actual.changed or is_random(name)  # seeded alike before the call
            if not is_shape(value) and called and other != value:
                yield name, f"a call leaves another {name} behind than on the baseline"


def is_shape(digest: str) -> bool:
    """A digest of lengths and types, which may settle."""
    return digest.startswith("#")


def is_random(name: str) -> bool:
    """Where a generator of random numbers stands."""
    return name.startswith(RANDOM)


def other_random_numbers(
    pairs: Iterable[tuple[CaseResult, CaseResult]],
) -> list[str]:
    """Generators that the patched arm's calls leave elsewhere than the baseline's."""
    names = {
        name.removeprefix(RANDOM)
        for expected, actual in pairs
        for name, value in expected.state.items()
        if is_random(name) and actual.state.get(name, value) != value
    }
    return sorted(names)


def differing(result: CaseResult) -> list[str]:
    """Names of returned values that read otherwise after later calls."""
    first = {each.name: each.sha256 for each in result.returned}
    return [each.name for each in result.later if first.get(each.name) != each.sha256]


def from_load_on(baseline: Mapping[str, str], patched: Mapping[str, str]) -> list[str]:
    """Names of what differs between the arms before anything was called; listed, not judged."""
    return sorted(
        name
        for name in {*baseline, *patched}
        if baseline.get(name) != patched.get(name)
        and not name.startswith("globals of ")
        and not is_random(name)
    )
