"""What tracers answer in JSON; `failure` and `survey` write it, `patcher.hazards.traces` reads it.

Shapes for the type checker and for readers; nothing imports them when patcher runs. Lines are those
of the tree that ran.
"""

from __future__ import annotations

from typing import Any, TypedDict


class FrameJson(TypedDict):
    file: str
    line: int
    function: str


class StatementJson(FrameJson):
    """A line with its statement."""

    statement: str


class ScopeJson(FrameJson):
    """A scope of a mode; the frame is the one that opened it."""

    mode: str
    enabled: bool
    decorator: bool


class TensorJson(TypedDict, total=False):
    """A tensor in a report; that of an update has its rank, shape and dtype alone."""

    rank: int
    shape: list[int]
    dtype: str
    device: str
    inference: bool


class MakerJson(TypedDict):
    """Where a tensor was made: the call stack, innermost first, and the modes then."""

    operator: str
    adopted: bool
    inference: bool
    stack: list[FrameJson]
    scopes: list[ScopeJson]


class ModesJson(TypedDict):
    """The modes at the failure."""

    inference: bool
    grad: bool
    scopes: list[ScopeJson]


# -- followed lines --------------------------------------------------------------------------


class WatchJson(TypedDict):
    """A line to follow."""

    file: str
    line: int


class GuardJson(TypedDict):
    """A test around a line, and the outcome with which the line is reached."""

    line: int
    test: str
    outcome: bool


class FactJson(TypedDict):
    """What a test came to, with the values of its parts; ``held`` None where it was not tried."""

    line: int
    test: str
    held: bool | None
    values: dict[str, str]
    times: int


class ActOfLine(TypedDict, total=False):
    """Whose line it was, in a survey: the act, and the file as it was asked for."""

    act: str
    file: str


class WatchedJson(ActOfLine):
    """A line whose tests were followed."""

    line: int
    calls: int
    reached: int
    guards: list[GuardJson]
    seen: list[FactJson]


# -- failures --------------------------------------------------------------------------------


class FailureJson(TypedDict, total=False):
    """Why a call failed. ``kind`` is ``none`` where it passed; then the rest is missing."""

    kind: str
    type: str
    message: str
    at: StatementJson | None
    operator: str
    tensor: TensorJson | None
    operands: list[TensorJson]
    memory_format: str
    rank_wanted: int
    made: MakerJson
    now: ModesJson
    conditions: WatchedJson
    watched: list[WatchedJson]


# -- surveys ---------------------------------------------------------------------------------


class ActFailureJson(FailureJson):
    act: str


class EventJson(TypedDict):
    """Something inference mode could turn into a failure; numbers count places and scopes."""

    kind: str
    operator: str
    at: int
    via: list[int]
    scopes: list[int]
    inference: bool
    on_inference_tensor: bool
    made: int | None
    made_by: str
    made_scopes: list[int]
    made_inference: bool
    adopted: bool
    shape: list[int]
    dtype: str
    acts: list[str]
    count: int


class TallyJson(TypedDict):
    """Operators of one kind at one line; ``facts`` are the distinct things seen of them."""

    at: int
    via: list[int]
    count: int
    wall_s: float
    facts: list[list[Any]]
    acts: list[str]


class SurveyJson(TypedDict):
    """What acts did. A place is file, line, function and source."""

    acts: list[str]
    operators: int
    places: list[list[Any]]
    scopes: list[ScopeJson]
    events: list[EventJson]
    convolutions: list[TallyJson]
    conversions: list[TallyJson]
    synchronisations: list[TallyJson]
    mixed: list[TallyJson]
    refusals: list[TallyJson]
    watched: list[WatchedJson]
    failures: list[ActFailureJson]
