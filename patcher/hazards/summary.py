"""The dynamic map as tables: one row a line of the target, merged over models and cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from patcher.hazards.model import Place
    from patcher.hazards.traces import DynamicMap, SurveyedRun, Tally

Facts = Sequence[Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class RanLine:
    """What ran at one line.

    Attributes:
        where: the file, relative to the import root.
        count: how often it ran; ``wall_s`` the seconds that took, 0 where nobody asks for them.
        cases: ``MODEL / TEST`` in which it ran.
        outside: the line is not the target's: of a workload or an adapter.
    """

    where: str
    line: int
    function: str
    source: str
    outside: bool = False
    count: int = 0
    wall_s: float = 0.0
    cases: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class UpdateLine(RanLine):
    """An in-place update: where its tensor was made, and the modes then and now."""

    operator: str
    created_at: str | None
    made_under: Sequence[str]
    under: Sequence[str]
    inference_tensor: bool
    inference_mode: bool
    shape: Sequence[int]
    dtype: str


@dataclass(frozen=True, kw_only=True)
class ConvolutionLine(RanLine):
    """A convolution: the forms its inputs and weights were seen in, and its modules."""

    rank: Sequence[int]
    dtype: Sequence[str]
    layout: Sequence[str]
    weight_rank: Sequence[int]
    weight_dtype: Sequence[str]
    weight_layout: Sequence[str]
    module: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ConversionLine(RanLine):
    """A memory format that was asked for, and the ranks of the tensors."""

    memory_format: Sequence[str]
    rank: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class WaitingLine(RanLine):
    """A wait for the device."""

    operator: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class MixedLine(RanLine):
    """Operators that saw two floating dtypes."""

    operator: Sequence[str]
    dtypes: Sequence[str]


@dataclass(frozen=True)
class DynamicSummary:
    """What real runs did; ``operators`` is how many ran."""

    cases: Sequence[str]
    operators: int
    updates: Sequence[UpdateLine]
    convolutions: Sequence[ConvolutionLine]
    conversions: Sequence[ConversionLine]
    synchronisations: Sequence[WaitingLine]
    mixed: Sequence[MixedLine]


Line = TypeVar("Line", bound=RanLine)


def summarise(dynamic: DynamicMap, packages: Sequence[str] = ()) -> DynamicSummary:
    """What real runs did, merged over models and cases.

    Args:
        packages: top-level packages and modules of the target; what ran elsewhere is ``outside``.
    """
    return DynamicSummary(
        cases=[
            f"{model} / {act}"
            for model, run in dynamic.runs.items()
            for act in run.acts
            if act != "open"
        ],
        operators=sum(run.operators for run in dynamic.runs.values()),
        updates=_updates(dynamic, packages),
        convolutions=_tallies(
            dynamic, packages, lambda run: run.convolutions, _convolution, ConvolutionLine
        ),
        conversions=_tallies(
            dynamic, packages, lambda run: run.conversions, _conversion, ConversionLine
        ),
        synchronisations=_tallies(
            dynamic, packages, lambda run: run.synchronisations, _operator, WaitingLine
        ),
        mixed=_tallies(dynamic, packages, lambda run: run.mixed, _dtypes, MixedLine),
    )


def is_outside(file: str, packages: Sequence[str]) -> bool:
    """Whether a file is none of these packages and modules; nothing is where none are named."""
    top = file.partition("/")[0]
    return bool(packages) and top not in packages and top.removesuffix(".py") not in packages


def _updates(dynamic: DynamicMap, packages: Sequence[str]) -> Sequence[UpdateLine]:
    rows = []
    for model, run, event in dynamic.rows(lambda run: run.events):
        if event.kind != "inplace-update":
            continue
        rows.append(
            UpdateLine(
                **_where(run.places[event.at], packages),
                operator=event.operator.removeprefix("aten::"),
                created_at=None if event.made is None else str(run.places[event.made]),
                made_under=[str(run.scopes[number]) for number in event.made_scopes],
                under=[str(run.scopes[number]) for number in event.scopes],
                inference_tensor=event.on_inference_tensor,
                inference_mode=event.inference,
                shape=event.shape,
                dtype=event.dtype,
                count=event.count,
                cases=_cases(model, event.acts),
            )
        )
    return _merged(rows, _like)


def _like(row: UpdateLine) -> object:
    """Rows that are merged: all is equal but shapes, dtypes and how often."""
    return str(replace(row, shape=(), dtype="", count=0, cases=()))


def _tallies(
    dynamic: DynamicMap,
    packages: Sequence[str],
    table: Callable[[SurveyedRun], Sequence[Tally]],
    describe: Callable[[Facts], Mapping[str, Any]],
    kind: type[Line],
) -> Sequence[Line]:
    rows = [
        kind(
            **_where(run.places[row.at], packages),
            **describe(row.facts),
            count=row.count,
            wall_s=row.wall_s,
            cases=_cases(model, row.acts),
        )
        for model, run, row in dynamic.rows(table)
    ]
    return _merged(rows, lambda row: (row.where, row.line))


def _merged(rows: Iterable[Line], key: Callable[[Line], object]) -> Sequence[Line]:
    """One row for all with an equal key, by file and line."""
    merged: dict[object, Line] = {}
    for row in rows:
        before = merged.get(key(row))
        merged[key(row)] = (
            replace(row, wall_s=round(row.wall_s, 6))
            if before is None
            else replace(
                before,
                count=before.count + row.count,
                wall_s=round(before.wall_s + row.wall_s, 6),
                cases=[*before.cases, *row.cases],
            )
        )
    return sorted(merged.values(), key=lambda row: (row.where, row.line))


def _where(place: Place, packages: Sequence[str]) -> Mapping[str, Any]:
    return {
        "where": place.file,
        "line": place.line,
        "function": place.function,
        "source": place.source,
        "outside": is_outside(place.file, packages),
    }


def _cases(model: str, acts: Sequence[str]) -> Sequence[str]:
    return [f"{model} / {act}" for act in acts]


def _convolution(facts: Facts) -> Mapping[str, Any]:
    names = ("rank", "dtype", "layout", "weight_rank", "weight_dtype", "weight_layout", "module")
    return {name: _distinct(facts, number) for number, name in enumerate(names)}


def _conversion(facts: Facts) -> Mapping[str, Any]:
    return {"memory_format": _distinct(facts, 0), "rank": _distinct(facts, 2)}


def _operator(facts: Facts) -> Mapping[str, Any]:
    return {"operator": _distinct(facts, 0)}


def _dtypes(facts: Facts) -> Mapping[str, Any]:
    dtypes = sorted({name for fact in facts for name in fact[1:]})
    return {**_operator(facts), "dtypes": dtypes}


def _distinct(facts: Facts, column: int) -> Sequence[Any]:
    return sorted({fact[column] for fact in facts})
