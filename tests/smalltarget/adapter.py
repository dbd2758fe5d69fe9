"""All that patcher has to know about the distribution ``hum``: a complete adapter.

The upper half runs in patcher's process and never imports ``hum``; the lower half in workers.
"""

from __future__ import annotations

import inspect
import time
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from patcher.targets.adapter import (
    SOUND,
    SPECTRUM,
    TOKENS,
    Assets,
    Buffer,
    Matrix,
    Model,
    NotApplicable,
    Opening,
    Options,
    Produced,
    Session,
    Subject,
    Test,
)
from patcher.targets.state import shapes

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

MODELS = (Model("Low hum", {"pitch": 110.0}), Model("High hum", {"pitch": 220.0}))
TESTS = (
    Test("Short", {"text": "measure twice"}, seed=1),
    Test("Long", {"text": "measure twice, cut once"}, seed=2),
)


@dataclass(frozen=True)
class HumAdapter:
    """The parent side."""

    distribution: str = "hum"
    packages: tuple[str, ...] = ("hum",)
    serving: str = "tests.smalltarget.adapter:open_session"
    making: str | None = None

    def matrix(self, config: Mapping[str, Any]) -> Matrix:
        """Always the same two models and two tests."""
        return Matrix(MODELS, TESTS)

    def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
        """A voice is one number: there is nothing to find or to make."""
        return Assets("no weights", fingerprint="none")

    def draw(self, rng: random.Random, model: Model, count: int, full: bool) -> tuple[Test, ...]:
        """Texts of random letters; the first is long and has every argument off its default."""
        return tuple(drawn(rng, at, 400 if full else 60) for at in range(count))

    def edges(self, rng: random.Random, model: Model) -> tuple[Test, ...]:
        """Short texts without a blank, one letter many times, arguments at their least."""
        letters = "abcdefghijklm"
        options: tuple[dict[str, Any], ...] = (
            {"text": "".join(rng.choices(letters, k=3))},
            {"text": rng.choice(letters)},
            {"text": f"{rng.choice(letters)} " * 8},
            {"text": "".join(rng.choices(letters, k=9)), "spread": 1, "gain": 0.01},
        )
        return tuple(
            Test(f"Edge {at}", each, seed=rng.randrange(1 << 30))
            for at, each in enumerate(options, 1)
        )

    def refused(self, model: Model) -> Test:
        """No text at all."""
        return Test("A call that is refused", {"text": None})


def drawn(rng: random.Random, at: int, longest: int) -> Test:
    """One random call; number 0 is the longest."""
    letters = longest if at == 0 else rng.randrange(3, 30)
    options: dict[str, Any] = {"text": "".join(rng.choices("abcdefghij klm", k=letters))}
    if at == 0:
        options |= {"spread": rng.randrange(5, 9), "gain": round(rng.uniform(0.5, 0.9), 2)}
    return Test(f"Drawn {at + 1}: {letters} letters", options, seed=rng.randrange(1 << 30))


adapter = HumAdapter()


def open_session(opening: Opening) -> HumSession:
    """Load one model."""
    return HumSession(opening)


class HumSession(Session):
    """One voice in a worker."""

    measures: ClassVar[Mapping[str, str]] = {
        "speech_tokens": TOKENS,
        "mel": SPECTRUM,
        "waveform": SOUND,
    }

    def __init__(self, opening: Opening) -> None:
        from hum import Hum  # type: ignore[import-not-found]

        self.load = lambda options: Hum(options["pitch"])
        self.voice = self.load(opening.model.options)
        self.calls = {name: self.watch(name) for name in ("tokens", "spectrogram", "waveform")}

    def watch(self, name: str) -> Watched:
        """Keep what a method of the voice is asked for and gives."""
        watched = Watched(getattr(self.voice, name))
        setattr(self.voice, name, watched)
        return watched

    def run(self, test: Test, *, capture: bool) -> Produced:
        text = test.options["text"]
        arguments = {name: value for name, value in test.options.items() if name != "text"}
        for watched in self.calls.values():
            watched.named, watched.output = {}, ()
        began = time.perf_counter()
        samples = self.voice.hum(text, test.seed, **arguments)
        returned = {"samples": real(samples, (-1,))}
        wall_s = time.perf_counter() - began
        outputs = [self.calls[name].output for name in ("tokens", "spectrogram", "waveform")]
        return Produced(
            stages=stages_of(*outputs) if capture and all(outputs) else {},
            returned=returned,
            asked={f"tokens.{name}": value for name, value in self.calls["tokens"].named.items()},
            again=lambda: {"samples": real(samples, (-1,))},
            wall_s=wall_s,
            sample_rate=8000,
            audio_s=len(samples) / 8000,
            tokens=len(outputs[0]),
            expected_s=(len(text) / 25 * 0.9, len(text) / 25 * 1.1) if text else None,
            stage_s={
                "spectrogram": self.calls["spectrogram"].wall_s,
                "vocoder": self.calls["waveform"].wall_s,
            },
        )

    def embedded(
        self, returned: Mapping[str, Buffer], sample_rate: int | None
    ) -> Mapping[str, Any]:
        """A mark: every sample an odd multiple of 2**-30. Plain `hum` makes none."""
        whole = [sample * 2**30 for sample in array("d", returned["samples"].data)]
        marked = all(one.is_integer() and int(one) % 2 for one in whole)
        return {"mark": "1"} if whole and marked else {}

    def state(self) -> Mapping[str, str]:
        content = {f"voice.{name}": repr(self.voice.__dict__.get(name)) for name in ("pitch",)}
        return {**shapes({"voice": self.voice}, ("hum",)), **content}

    def replay(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        tokens = array("q", recorded["speech_tokens"].data)
        flat = array("d", recorded["mel"].data)
        _, _, frames = recorded["mel"].shape
        bands = [list(flat[at : at + frames]) for at in range(0, len(flat), frames)]
        began = time.perf_counter()
        made = self.voice.spectrogram(list(tokens))
        sung = time.perf_counter()
        samples = self.voice.waveform(bands)
        ended = time.perf_counter()
        stages = stages_of(list(tokens), made, samples)
        return Produced(
            stages={name: stages[name] for name in ("mel", "waveform")},
            wall_s=ended - began,
            stage_s={"spectrogram": sung - began, "vocoder": ended - sung},
        )

    def replay_exact(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        import hum.voice

        # The target computes in double precision already; all it can lose is by rounding.
        hum.voice.round = lambda value, digits=0: value
        try:
            return self.replay(test, recorded)
        finally:
            del hum.voice.round

    def subject(self, test: Test) -> Subject:
        return Subject(self.load, call_plainly)

    def components(self) -> Sequence[str]:
        return ("vocoder",)

    def component(self, name: str, *, seed: int) -> Callable[[], Mapping[str, Buffer]]:
        if name != "vocoder":
            raise NotApplicable(f"no component {name!r}")
        bands = self.voice.spectrogram(self.voice.tokens("a part alone", seed))
        return lambda: {"waveform": real(self.voice.waveform(bands), (1, -1))}

    def describe(self) -> Mapping[str, Any]:
        return {"device": "cpu"}


def call_plainly(voice: Any, test: Test) -> Mapping[str, Buffer]:
    """One call as a user makes it."""
    arguments = {name: value for name, value in test.options.items() if name != "text"}
    return {"samples": real(voice.hum(test.options["text"], test.seed, **arguments), (-1,))}


class Watched:
    """A method of the voice; remembers its last call."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.method = method
        self.named: Mapping[str, Any] = {}
        self.output: Any = ()
        self.wall_s = 0.0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        bound = inspect.signature(self.method).bind(*arguments, **named)
        bound.apply_defaults()
        plain = (bool, int, float, str)
        self.named = {k: v for k, v in bound.arguments.items() if isinstance(v, plain)}
        self.output = self.method(*arguments, **named)
        self.wall_s = time.perf_counter() - began
        return self.output


def stages_of(
    tokens: Sequence[int], bands: Sequence[Sequence[float]], samples: Sequence[float]
) -> dict[str, Buffer]:
    """The three outputs in the order of computation."""
    mel = [level for band in bands for level in band]
    return {
        "speech_tokens": Buffer("int64", (1, len(tokens)), array("q", tokens).tobytes()),
        "mel": real(mel, (1, len(bands), len(tokens))),
        "waveform": real(samples, (1, len(samples))),
    }


def real(numbers: Sequence[float], shape: tuple[int, ...]) -> Buffer:
    """Numbers in double precision; -1 in ``shape`` is whatever is left."""
    shape = tuple(len(numbers) if length == -1 else length for length in shape)
    return Buffer("float64", shape, array("d", numbers).tobytes())
