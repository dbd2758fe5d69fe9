"""What patcher needs to know about a package in order to run it: the adapter interface.

An adapter has two halves.

The *parent side* (`Adapter`) lives in patcher's own process. It names the matrix of models and
tests and finds or describes the assets (weights, reference clips). It never imports the target.

The *worker side* (`Session`) lives in a worker process, on one frozen tree. `Adapter.serving`
names a function ``module:function``; it is called with an `Opening` and returns a `Session` with
one model loaded. The session runs a test and returns what it `Produced`.

This module needs the standard library alone: workers load it before they import the target.
docs/targets.md walks through a complete adapter.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from patcher.targets.buffer import Buffer

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Mapping, Sequence

    JSON = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None

__all__ = [
    "Adapter",
    "Assets",
    "Buffer",
    "Matrix",
    "Model",
    "NotApplicable",
    "Opening",
    "Options",
    "Produced",
    "Session",
    "Subject",
    "Test",
    "draw_inputs",
    "stage_seed",
]


@dataclass(frozen=True)
class Model:
    """One model of the matrix; ``options`` (JSON values) mean something to its adapter alone."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Test:
    """One test of the matrix: what to generate, and the seed every stage's own seed comes from."""

    __test__ = False  # not a pytest class

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Matrix:
    """All models times all tests."""

    models: tuple[Model, ...]
    tests: tuple[Test, ...]

    def pairs(self) -> Iterator[tuple[Model, Test]]:
        """Every case, model by model."""
        return ((model, test) for model in self.models for test in self.tests)


@dataclass(frozen=True)
class Options:
    """How the user asked for the target to be run.

    Attributes:
        device: ``auto`` (the best there is), ``cpu``, ``cuda`` or ``mps``.
        scale: ``tiny`` or ``full``: the size of synthetic weights.
        checkpoint: a folder of real weights, or None.
        pretrained: fetch the published weights through the target's own loading.
        cache: the folder where assets are kept between runs.
    """

    device: str = "auto"
    scale: str = "tiny"
    checkpoint: Path | None = None
    pretrained: bool = False
    cache: Path = Path()


@dataclass(frozen=True)
class Assets:
    """Weights and clips for one matrix.

    Attributes:
        summary: which weights these are, in the words of the report.
        fingerprint: changes whenever the assets' content does; part of the key of stored results.
        values: JSON values handed to every session.
        ready: False while the assets still have to be made: `Adapter.making` is then called once
            in a worker on the baseline tree before anything runs.
        memory_mib: what one worker needs, roughly; two run side by side only where both fit.
    """

    summary: str = ""
    fingerprint: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    ready: bool = True
    memory_mib: int = 0


SOUND, SPECTRUM, TOKENS, LOGITS, DRAWS, VOICE = (
    "sound", "spectrum", "tokens", "logits", "draws", "voice",
)  # fmt: skip
MEASURES: Mapping[str, str] = {
    SOUND: "samples of a sound: signal-to-noise ratio, and whether it can be heard",
    SPECTRUM: "bands over time: mean absolute difference, and the mean spectrum of free runs",
    TOKENS: "integers that are drawn, one after another: where two runs part",
    LOGITS: "one row a step, from which tokens are chosen: the best elements, and the divergence",
    DRAWS: "distributions that tokens are drawn from, a row each: their mean distance",
    VOICE: "whose voice is asked for: the same vector but for rounding",
}
"""What a stage may be (`Session.measures`), and what gates ask of it then."""


@dataclass(frozen=True)
class Produced:
    """What one run of a test gave.

    Attributes:
        returned: what the package's public call returned, every byte of it, by name. Gates compare
            this first; it is all that a user gets.
        asked: what the call asked of its parts (a token limit, a temperature), by
            ``part.argument``, as it was before the adapter changed it. Must be equal in both arms.
        again: reads the objects behind ``returned`` once more; None when the adapter cannot. A
            result must not change when later calls are made.
        stages: outputs by stage in the order of computation, for instance ``speech_tokens``,
            ``mel``, ``waveform``. They say where a difference came from.
        wall_s: seconds of the call itself, the device synchronised at both ends.
        sample_rate: of ``waveform`` in Hz; None when the target makes no audio.
        audio_s: seconds of audio made; None when it makes none.
        tokens: tokens generated; None when it generates none.
        expected_s: the (shortest, longest) plausible audio in seconds, if the adapter can tell.
        stage_s: seconds by stage.
        called_with: the input in one line, for the report of a failure; empty for none.
    """

    stages: Mapping[str, Buffer] = field(default_factory=dict)
    returned: Mapping[str, Buffer] = field(default_factory=dict)
    asked: Mapping[str, JSON] = field(default_factory=dict)
    again: Callable[[], Mapping[str, Buffer]] | None = None
    wall_s: float = 0.0
    sample_rate: int | None = None
    audio_s: float | None = None
    tokens: int | None = None
    expected_s: tuple[float, float] | None = None
    stage_s: Mapping[str, float] = field(default_factory=dict)
    called_with: str = ""


class NotApplicable(Exception):  # noqa: N818 - a statement, not an error
    """Raised by a session when a case cannot exist here; it is counted and shown, not judged."""


@dataclass(frozen=True)
class Opening:
    """What a session is opened with.

    Attributes:
        model: the model to load.
        assets: `Assets.values`.
        device: as asked for; ``auto`` is for the session to resolve.
        deterministic: True in gate runs: switch on what makes results reproducible. Never set
            while timing.
        seed: set before loading, since constructors may draw random numbers.
    """

    model: Model
    assets: Mapping[str, Any]
    device: str = "auto"
    deterministic: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Subject:
    """A model as the package hands it to a user, for what users do beside calling it.

    Attributes:
        load: loads one, given the options of a model of the matrix; nothing of it is wrapped.
        call: calls it with a test's input, its seed set; what it returned, by name.
        move: moves it in place to another element type or device and back to where it was, so that
            no weight changes; None where there is no such thing.
    """

    load: Callable[[Mapping[str, Any]], Any]
    call: Callable[[Any, Test], Mapping[str, Buffer]]
    move: Callable[[Any], None] | None = None


class Session:
    """One loaded model in a worker. Subclass it; only `run` is required.

    Attributes:
        measures: how gates compare a stage, by its name, see `MEASURES`; a stage that is not
            named is numbers.
    """

    measures: ClassVar[Mapping[str, str]] = {}

    def prepare(self, test: Test) -> str | None:
        """Put in place what ``test`` needs before its call (a voice, a file). Never timed. Where
        inputs are drawn here, a text that equal ones share is returned: few may be different."""
        return None

    def run(self, test: Test, *, capture: bool) -> Produced:
        """Run one test, its seed set anew before every stage.

        Args:
            test: what to run.
            capture: return the stages' arrays. Judged and timed runs ask for the same, so that no
                patch can tell them apart; False under a tracer alone.

        Raises:
            NotApplicable: this test cannot be run on this model.
        """
        raise NotImplementedError

    def replay(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        """Recompute every stage from the stage before it as ``recorded`` on the baseline.

        A difference in one stage then cannot spread to the next; gates looser than bitwise
        compare these outputs.
        """
        raise NotApplicable("this target cannot replay stages")

    def replay_exact(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        """`replay` in double precision, of the noise `replay` sees: how far off a baseline is.

        Asked for on the baseline when the gate `close` rejects; without it there is no excuse.
        """
        raise NotApplicable("this target cannot replay stages in double precision")

    def embedded(
        self, returned: Mapping[str, Buffer], sample_rate: int | None
    ) -> Mapping[str, JSON]:
        """What a result carries that its values do not show, such as a watermark, by name.

        Asked in a process of the baseline, of what either arm returned: the patch has no say in
        what is read. What the baseline's result carries, the patched one must carry too, under
        the gates looser than bitwise. A result that carries nothing leaves the name out.
        """
        return {}

    def recognised(
        self, returned: Mapping[str, Buffer], sample_rate: int | None
    ) -> Mapping[str, JSON]:
        """Words and voices of a result (`patcher.gates.speech`); none of untrained weights."""
        return {}

    def state(self) -> Mapping[str, str]:
        """Digests, by name, of what a call may leave behind in the loaded model.

        Asked for before and after calls, in both arms. A name whose digest a call changes on the
        patched arm alone is a fault: the next call would start from something else. A digest that
        begins with ``#`` is of a shape, which may settle (`patcher.targets.state`).
        """
        return {}

    def subject(self, test: Test) -> Subject:
        """What `patcher.targets.survival` copies, pickles, moves and shares between threads.

        Args:
            test: the first that it will be called with.
        """
        raise NotApplicable("this target does not say what can be done with a model")

    def components(self) -> Sequence[str]:
        """Names of the parts that can be run alone."""
        return ()

    def component(self, name: str, *, seed: int) -> Callable[[], Mapping[str, Buffer]]:
        """A part as a callable on inputs made from ``seed`` once, outside the callable.

        The callable does the part's work, synchronises the device and returns its outputs.
        """
        raise NotApplicable(f"no component {name!r}")

    def describe(self) -> Mapping[str, Any]:
        """Facts for the report (JSON values): ``device``, versions, sizes."""
        return {}

    def memory_mib(self) -> float | None:
        """Peak device memory since the last call, in MiB; None where the process's own counts."""
        return None

    def close(self) -> None:
        """Free the model: the worker may open another one."""


class Adapter(Protocol):
    """The parent side of a target."""

    @property
    def distribution(self) -> str:
        """The distribution's name, for instance ``chatterbox-tts``."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Top-level packages of the target; their sources are hashed as they are imported."""

    @property
    def serving(self) -> str:
        """``module:function``; in a worker, ``function(opening: Opening) -> Session``."""

    @property
    def making(self) -> str | None:
        """``module:function`` that makes assets: ``function(values, say) -> None``.

        ``values`` are `Assets.values`; ``say(text)`` shows a line of progress. None when the
        assets are always ready.
        """

    def matrix(self, config: Mapping[str, Any]) -> Matrix:
        """The models and tests of ``[tool.patcher.verify]``, or the adapter's defaults.

        Raises:
            PatcherError: ``config`` says something the adapter cannot do.
        """

    def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
        """Find the assets, or describe those to be made for this version of the target.

        Raises:
            PatcherError: ``environment`` when weights that were asked for cannot be reached.
        """

    # An adapter may also have (`Tests` is a tuple of `Test`):
    #
    #     def draw(self, rng: random.Random, model: Model, count: int, full: bool) -> Tests
    #
    # Inputs drawn from `rng` (`draw_inputs`), every argument of the call in `options`. The first
    # should have every public argument off its default and be longer than the named tests.
    #
    #     def edges(self, rng: random.Random, model: Model) -> Tests
    #
    # Inputs at the edges of what the package takes: the shortest text, one word again and again,
    # each argument at its least. The first is tried always, all of them in the full plan.
    #
    #     def refused(self, model: Model) -> Test | None  # raises; the next call must not suffer
    #
    #     def entries(self, touched: Collection[str]) -> Tests
    #
    # Other ways into the package than the one the named tests take, for a series that touches
    # these functions (`file:qualified name`, as in `chatterbox/vc.py:ChatterboxVC.generate`).
    #
    #     def further_models(self) -> tuple[Model, ...]
    #
    # Models beside those of the matrix: `verify --models all` runs them, too; each can be named.
    #
    #     def code_of(self, model: Model) -> str
    #
    # Equal for models that run the same code: one of them stands for all in rarer further calls.
    #
    #     fresh_process: bool  # every run is a process of its own: no call can spoil the next
    #     def lives_on(self, test: Test) -> bool
    #
    # Whether a test runs in the worker's own process; only those are called again. All by default.


def draw_inputs(
    adapter: Adapter, rng: random.Random, model: Model, count: int, *, full: bool = False
) -> tuple[Test, ...]:
    """``count`` inputs for ``model`` that nobody could know, by `Adapter.draw`.

    Args:
        rng: seeded after the trees were frozen; the same draws for both arms.
        full: up to the model's own limits, which may take long.

    Returns:
        fewer, or none, where the adapter cannot draw.
    """
    draw = getattr(adapter, "draw", None)
    return tuple(draw(rng, model, count, full)) if draw is not None and count > 0 else ()


def stage_seed(seed: int, stage: str) -> int:
    """The seed of one stage, in [0, 2**32): a function of the test's seed and the stage's name.

    Seeding each stage anew keeps one changed draw from shifting all later noise.
    """
    digest = hashlib.sha256(f"{seed}/{stage}".encode()).digest()
    return int.from_bytes(digest[:4], "little")
