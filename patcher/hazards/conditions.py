"""From followed tests to a sentence: when a line is reached, with which values, and when not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from patcher.hazards.model import Hazard
    from patcher.hazards.traces import DynamicMap, FollowedLine, TakenBranch


def condition_text(followed: FollowedLine | None) -> str:
    """The tests around a line, each with the values it had when the line ran."""
    if followed is None:
        return ""
    texts = []
    for guard in followed.guards:
        test = guard.test if guard.outcome else f"not ({guard.test})"
        values = values_text(_values(followed, guard))
        texts.append(f"`{test}`" + (f" ({values})" if values else ""))
    return " and ".join(texts)


def _values(followed: FollowedLine, guard: TakenBranch) -> Mapping[str, str]:
    """What a test's parts were when the line was reached."""
    for fact in followed.seen:
        if fact.line == guard.line and fact.held in (None, guard.outcome):
            return fact.values
    return {}


def values_text(values: Mapping[str, str]) -> str:
    """``a = 1, b = 2``; a value that is its own name's text is left out."""
    return ", ".join(f"{name} = {value}" for name, value in values.items() if name != value)


def comparison_text(name: str, followed: FollowedLine | None) -> str:
    """What a run that did not reach the line did at its tests."""
    if followed is None or not followed.calls:
        return f"{name} never gets there"
    facts = [fact for fact in followed.seen if fact.values]
    if facts and not followed.reached:
        return f"not with {name} ({values_text(facts[-1].values)})"
    return ""


def fires_when(ran: DynamicMap, line_of: Callable[[str, int], int], hazard: Hazard) -> str | None:
    """The condition of a hazard, from the surveys' followed tests and the tests' inputs."""
    line = line_of(hazard.at.file, hazard.at.line)
    models = {case.split(" / ")[0] for case in hazard.cases}
    followed: dict[str, FollowedLine] = {}
    tests: set[str] = set()
    for model, run in ran.runs.items():
        if model not in models:
            continue
        tests.update(act for act in run.acts if act != "open")
        for each in run.watched:
            if (each.file, each.line) == (hazard.at.file, line):
                followed.setdefault(each.act, each)
    hit = _tests(hazard.cases)
    reached = [followed[act] for act in hit if act in followed]
    parts = [condition_text(reached[0])] if reached else []
    seen = [_with_inputs(act, ran.inputs.get(act, "")) for act in hit]
    if seen:
        parts.append("seen with " + ", ".join(seen))
    for act in sorted(tests - set(hit)):
        parts.append(comparison_text(act, followed.get(act)))
    return "; ".join(part for part in parts if part) or None


def _tests(cases: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(case.split(" / ", 1)[1] for case in cases))


def _with_inputs(act: str, inputs: str) -> str:
    return f"{act} ({inputs})" if inputs else act
