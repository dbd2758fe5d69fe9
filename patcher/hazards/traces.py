"""What a worker's tracers say, as frozen values: read once, where an answer arrives.

`patcher.worker.tracing` runs in the target's process and answers in JSON values; the names here are
its keys. Lines are those of the tree that ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from patcher.hazards.model import Place

if TYPE_CHECKING:
    from patcher.worker.tracing import answers

Row = TypeVar("Row")


@dataclass(frozen=True)
class TracedScope:
    """A scope of a mode (``inference_mode``, ``no_grad``) and the line that opened it."""

    mode: str
    enabled: bool
    decorator: bool
    file: str
    line: int
    function: str

    @classmethod
    def read(cls, answer: answers.ScopeJson) -> TracedScope:
        """From the worker's JSON."""
        return cls(
            answer["mode"], answer["enabled"], answer["decorator"],
            answer["file"], answer["line"], answer["function"],
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mode} in {self.function} ({self.file}:{self.line})"


@dataclass(frozen=True)
class TakenBranch:
    """A test around a line, and the outcome with which the line is reached."""

    line: int
    test: str
    outcome: bool


@dataclass(frozen=True)
class GuardFact:
    """What a test came to, with the values of its parts; ``held`` None where it was not tried."""

    line: int
    held: bool | None
    values: Mapping[str, str]


@dataclass(frozen=True)
class FollowedLine:
    """A line whose tests were followed.

    Attributes:
        act: what ran: a test's name; empty in the trace of a single call.
        calls, reached: how often its function was called, and how often it ran.
    """

    act: str
    file: str
    line: int
    calls: int
    reached: int
    guards: Sequence[TakenBranch]
    seen: Sequence[GuardFact]

    @classmethod
    def read(cls, answer: answers.WatchedJson) -> FollowedLine:
        """From the worker's JSON."""
        guards = [
            TakenBranch(each["line"], each["test"], each["outcome"]) for each in answer["guards"]
        ]
        seen = [GuardFact(each["line"], each["held"], each["values"]) for each in answer["seen"]]
        whose = answer.get("act", ""), answer.get("file", "")
        counts = answer["line"], answer["calls"], answer["reached"]
        return cls(*whose, *counts, tuple(guards), tuple(seen))


@dataclass(frozen=True)
class TracedEvent:
    """Something that inference mode could turn into a failure; numbers count places and scopes."""

    kind: str
    operator: str
    at: int
    made: int | None
    scopes: Sequence[int]
    made_scopes: Sequence[int]
    inference: bool
    made_inference: bool
    on_inference_tensor: bool
    adopted: bool
    shape: Sequence[int]
    dtype: str
    acts: Sequence[str]
    count: int

    @classmethod
    def read(cls, answer: answers.EventJson) -> TracedEvent:
        """From the worker's JSON."""
        return cls(**_fields(cls, answer))


@dataclass(frozen=True)
class Tally:
    """Operators of one kind at one line; ``facts`` are the distinct things seen of them."""

    at: int
    via: Sequence[int]
    count: int
    wall_s: float
    facts: Sequence[Sequence[Any]]
    acts: Sequence[str]

    @classmethod
    def read(cls, answer: answers.TallyJson) -> Tally:
        """From the worker's JSON."""
        return cls(**_fields(cls, answer))


@dataclass(frozen=True)
class TracedError:
    """What an act raised; ``at`` is the last line of the target that it went through."""

    act: str
    type: str
    message: str
    at: Place | None

    @classmethod
    def read(cls, answer: answers.ActFailureJson) -> TracedError:
        """From the worker's JSON."""
        return cls(answer["act"], answer["type"], answer["message"], _place(answer["at"]))


@dataclass(frozen=True)
class SurveyedRun:
    """What one model's acts did (`patcher.worker.tracing.survey.observe`)."""

    acts: Sequence[str]
    operators: int
    places: Sequence[Place]
    scopes: Sequence[TracedScope]
    events: Sequence[TracedEvent]
    convolutions: Sequence[Tally]
    conversions: Sequence[Tally]
    synchronisations: Sequence[Tally]
    mixed: Sequence[Tally]
    refusals: Sequence[Tally]
    watched: Sequence[FollowedLine]
    failures: Sequence[TracedError]

    @classmethod
    def read(cls, answer: answers.SurveyJson) -> SurveyedRun:
        """From the worker's JSON."""

        def tallies(rows: Sequence[answers.TallyJson]) -> tuple[Tally, ...]:
            return tuple(map(Tally.read, rows))

        return cls(
            acts=tuple(answer["acts"]),
            operators=answer["operators"],
            places=tuple(Place(*each) for each in answer["places"]),
            scopes=tuple(map(TracedScope.read, answer["scopes"])),
            events=tuple(map(TracedEvent.read, answer["events"])),
            watched=tuple(map(FollowedLine.read, answer["watched"])),
            failures=tuple(map(TracedError.read, answer["failures"])),
            convolutions=tallies(answer["convolutions"]),
            conversions=tallies(answer["conversions"]),
            synchronisations=tallies(answer["synchronisations"]),
            mixed=tallies(answer["mixed"]),
            refusals=tallies(answer["refusals"]),
        )


@dataclass(frozen=True)
class DynamicMap:
    """What real runs did, by model.

    Attributes:
        tree: key of the tree that ran.
        inputs: what each test is run with, in a few words, by test.
        cached: it was run before and read from disk.
    """

    tree: str
    runs: Mapping[str, SurveyedRun]
    inputs: Mapping[str, str] = field(default_factory=dict)
    cached: bool = False

    def rows(
        self, table: Callable[[SurveyedRun], Sequence[Row]]
    ) -> Iterator[tuple[str, SurveyedRun, Row]]:
        """Rows of one table of every run: the model, its run, the row."""
        for model, run in self.runs.items():
            for row in table(run):
                yield model, run, row


@dataclass(frozen=True)
class TracedMaker:
    """Where a tensor was made: the lines of the target, innermost first, and the open scopes."""

    inference: bool
    stack: Sequence[Place]
    scopes: Sequence[TracedScope]

    @classmethod
    def read(cls, answer: answers.MakerJson) -> TracedMaker:
        """From the worker's JSON."""
        stack = (Place(each["file"], each["line"], each["function"]) for each in answer["stack"])
        return cls(
            answer["inference"], tuple(stack), tuple(map(TracedScope.read, answer["scopes"]))
        )


@dataclass(frozen=True)
class FailureTrace:
    """Why a call failed (`patcher.worker.tracing.failure.trace`).

    Attributes:
        kind: ``none`` (it passed), ``inplace-update``, ``inference-tensor``, ``memory-format`` or
            ``other``.
        type: the exception's class.
        at: the line that raised, with its statement as ``source``.
        shape: of the tensor it was done to.
        memory_format, needed_rank: what was asked for, where that is what failed.
        made: where the tensor was made.
        conditions: the tests around the line that raised.
        watched: the lines that were to be followed.
    """

    kind: str
    type: str = ""
    at: Place | None = None
    shape: Sequence[int] = ()
    memory_format: str = ""
    needed_rank: int = 0
    made: TracedMaker | None = None
    conditions: FollowedLine | None = None
    watched: Sequence[FollowedLine] = ()

    @classmethod
    def read(cls, answer: answers.FailureJson) -> FailureTrace:
        """From the worker's JSON."""
        conditions, made, tensor = (
            answer.get("conditions"),
            answer.get("made"),
            answer.get("tensor"),
        )
        return cls(
            kind=answer["kind"],
            type=answer.get("type", ""),
            at=_place(answer.get("at")),
            shape=tuple(tensor["shape"]) if tensor else (),
            memory_format=answer.get("memory_format", ""),
            needed_rank=answer.get("rank_wanted", 0),
            made=TracedMaker.read(made) if made else None,
            conditions=FollowedLine.read(conditions) if conditions else None,
            watched=tuple(map(FollowedLine.read, answer["watched"])),
        )


def _place(answer: answers.StatementJson | None) -> Place | None:
    """A place with its statement."""
    if not answer:
        return None
    return Place(answer["file"], answer["line"], answer["function"], answer.get("statement", ""))


def _fields(cls: type, answer: Mapping[str, object]) -> dict[str, Any]:
    """What a class has fields for."""
    names = [each.name for each in fields(cls)]
    return {name: _frozen(answer[name]) for name in names}


def _frozen(value: Any) -> Any:
    """Lists as tuples, so that a value cannot be changed."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
