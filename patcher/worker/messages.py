"""What is said over a worker's pipe, line by line, each an object of JSON.

The first line is the `Greeting`, every further one an `AnyRequest`, answered by one `Reply`. Lines
``{"say": text}`` in between are progress.

Arrays travel as raw bytes after the line, in both directions: ``payload`` lists them in order.

These are shapes for the type checker and for readers: nothing imports them when patcher runs, and
a worker that starts does not load this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

Fields = dict[str, Any]
"""The fields of a `patcher.targets.adapter.Model` or `Test`, as ``asdict`` has them."""

Options = dict[str, Any]
"""What is given to a tracer, by the names of its parameters."""


class Greeting(TypedDict):
    """The first line: a `patcher.execution.site.WorkerSite` as the worker has to know it.

    ``nonce`` is repeated in every reply. ``parent`` is the process to end with, None where the
    launcher sees to that. ``watch`` are the arguments of `patcher.worker.lines.LineWatch`.
    """

    nonce: str
    parent: int | None
    tree: str
    packages: Sequence[str]
    sys_path: Sequence[str]
    serving: str
    assets: dict[str, Any]
    device: str
    deterministic: bool
    cpus: Sequence[int]
    watch: tuple[Spans, Mapping[str, Sequence[Sequence[int]]]] | None
    memory_limit_mib: int | None


Spans = Mapping[str, Sequence[Sequence[int]]]
"""First and last line of functions, by file of the tree."""


class ArrayHeader(TypedDict):
    """An array that follows the line: ``size`` bytes."""

    name: str
    dtype: str
    shape: Sequence[int]
    size: int


class ReplyArray(ArrayHeader):
    """The same in a reply: of which part (``returned``, ``stages``), and how gates compare it."""

    part: str
    measure: str


# -- requests --------------------------------------------------------------------------------


class AnyRequest(TypedDict):
    """What every request has; ``data`` is put there by the worker, the bytes of ``payload``."""

    id: int
    op: str
    payload: list[ArrayHeader]
    data: list[bytes]


class OpenRequest(AnyRequest):
    model: Fields
    seed: int


class TestRequest(AnyRequest):
    test: Fields


class TestsRequest(AnyRequest):
    tests: list[Fields]


class TraceOptions(TypedDict, total=False):
    """What a tracer is called with beside the call and the tree."""

    options: Options


class TraceRequest(TestRequest, TraceOptions):
    tracer: str


class SurveyRequest(OpenRequest, TestsRequest, TraceOptions):
    tracer: str


class FollowRequest(TestRequest):
    spans: Spans


class ReplayOptions(TypedDict, total=False):
    """Whether stages are recomputed as they were, bit for bit."""

    exact: bool


class ReplayRequest(TestRequest, ReplayOptions):
    pass


class EmbeddedRequest(AnyRequest):
    sample_rates: dict[str, int | None]


class CompareRequest(AnyRequest):
    root: str
    function: str
    modules: list[str]


class SurviveRequest(TestsRequest):
    models: list[Fields]
    probe: str


class ComponentRequest(AnyRequest):
    name: str
    seed: int
    warm: int
    repeats: int


class MakeRequest(AnyRequest):
    function: str


class CallOptions(TypedDict, total=False):
    """Whether a function is given the session."""

    session: bool


class CallRequest(AnyRequest, CallOptions):
    function: str
    arguments: dict[str, Any]


# -- replies ---------------------------------------------------------------------------------


class FailedFrame(TypedDict):
    """The fields of `patcher.execution.results.Frame`."""

    file: str
    line: int
    function: str
    text: str
    in_target: bool


class FailedRequest(TypedDict):
    """Fields of `patcher.execution.results.Failure`."""

    kind: str
    type: str
    message: str
    frames: list[FailedFrame]
    stage: str


class RunReply(TypedDict):
    """One run of a test: `patcher.targets.adapter.Produced` without its arrays."""

    asked: dict[str, Any]
    unread: bool
    wall_s: float
    sample_rate: int | None
    audio_s: float | None
    tokens: int | None
    expected_s: tuple[float, float] | None
    called_with: str
    stage_s: dict[str, float]
    memory_mib: float


class ReplyValue(TypedDict, total=False):
    """What came of a request, by what was asked for."""

    facts: dict[str, Any]  # open: what the session says of itself
    state: dict[str, str]  # prepare, state: digests by name
    inputs: list[str | None]  # prepare: what tells the inputs apart, where the session can say
    runs: list[RunReply]  # batch
    tests: list[str]  # results: whose they are
    process_mib: float  # memory
    probe_s: float  # probe
    trace: dict[str, Any]  # trace: what the tracer says
    survey: dict[str, Any]  # survey: the same
    embedded: dict[str, dict[str, Any]]  # embedded: by arm
    survival: dict[str, str]  # survive
    components: list[str]  # components
    times_s: list[float]  # component
    value: Any  # call
    not_applicable: str  # any: the adapter says that the case cannot exist
    ran: dict[str, list[int]]  # any, where lines are watched: those that ran, by file


class ProgressLine(TypedDict):
    """Not an answer yet."""

    say: str


class Reply(TypedDict, total=False):
    """One answer; ``value`` where ``ok``, else ``failure``.

    ``sources`` are the hashes of what was imported of the tree, by path.
    """

    id: int
    nonce: str
    ok: bool
    value: ReplyValue | Mapping[str, Any]
    failure: FailedRequest
    wall_s: float
    sources: dict[str, str]
    payload: list[ReplyArray]
