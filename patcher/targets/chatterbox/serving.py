"""The worker side: one Chatterbox model, run through the package's own loading and `generate`.

The only change made to what runs is the number of tokens a generation is capped at. Stages are
watched by wrapping four methods of the loaded instance; each wrapper sets the stage's seed, calls
the method and keeps its output.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from patcher.targets.adapter import (
    DRAWS,
    LOGITS,
    SOUND,
    SPECTRUM,
    TOKENS,
    VOICE,
    Buffer,
    NotApplicable,
    Opening,
    Produced,
    Session,
    stage_seed,
)  # fmt: skip
from patcher.targets.chatterbox import clip_key, components, probes, recognition, survival
from patcher.targets.chatterbox.call_arguments import asked_of
from patcher.targets.chatterbox.clips import clip_name, write_clip
from patcher.targets.chatterbox.loaded_model import from_buffer, to_buffer
from patcher.targets.chatterbox.recipes import RECIPES
from patcher.targets.chatterbox.scale import TOKENS as TOKEN_LIMITS
from patcher.targets.chatterbox.scale import apply_scale
from patcher.targets.state import shapes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from patcher.targets.adapter import Subject, Test

TOKENS_PER_S = 25
LENGTH_TOLERANCE = 0.2  # the prompt's half frame moves the length by up to one token


class ChatterboxSession(Session):
    """A loaded `ChatterboxTTS`, its stages watched."""

    measures: ClassVar[Mapping[str, str]] = {
        "voice": VOICE, "timbre": VOICE, "logits": LOGITS, "draws": DRAWS,
        "speech_tokens": TOKENS, "mel": SPECTRUM, "waveform": SOUND,
    }  # fmt: skip
    sampling: ClassVar[str] = "inference"  # the method of T3 that samples
    voice: ClassVar[str] = "conds"  # the attribute that holds the voice
    elsewhere: Any = None  # runs tests of other entry points; set by who opens the session

    def __init__(self, opening: Opening) -> None:
        import torch

        self.torch = torch
        self.opening = opening
        self.assets = opening.assets
        self.device = pick_device(opening.device)
        self.scale = self.assets["scale"]
        if self.assets["kind"] == "synthetic":
            apply_scale(self.scale)
        if opening.deterministic and self.device == "cuda":
            torch.use_deterministic_algorithms(True, warn_only=True)
            torch.backends.cudnn.benchmark = False
        torch.manual_seed(opening.seed)
        self.speaker = self.load(opening.model.options)
        self.recipe = self._convert(opening.model.options.get("recipe"))
        self.built_in = getattr(self.speaker, self.voice)
        self.asked: dict[str, Any] = {}
        self.cap: int | None = None
        self.seed = 0
        self.kept: dict[str, Any] | None = None
        self.stage_s: dict[str, float] = {}
        self.tokens = 0
        self.clips = Path(tempfile.mkdtemp(prefix="patcher-clips-"))
        self._watch()

    def load(self, options: Mapping[str, Any]) -> Any:
        """A model of the matrix by the package's own loading."""
        from chatterbox.tts import ChatterboxTTS

        weights = options.get("weights", "base")
        if weights == "base" and self.assets["kind"] == "pretrained":
            return ChatterboxTTS.from_pretrained(self.device)
        folder = self.assets.get(weights, weights)  # a name of ours, or a folder of the user's
        return ChatterboxTTS.from_local(Path(folder), self.device)

    def _convert(self, recipe: str | None) -> list[str]:
        return RECIPES[recipe](self.speaker, self.device) if recipe else []

    def _watch(self) -> None:
        speaker, flow = self.speaker, self.speaker.s3gen
        self._wrap(speaker, "prepare_conditionals", "conditionals", None)
        self._wrap(speaker.t3, self.sampling, "speech_tokens", lambda tokens: tokens)
        self._wrap(flow, "flow_inference", "mel", lambda mel: mel)
        self._wrap(flow, "hift_inference", "vocoder", None)
        self._wrap(flow, "inference", "waveform", lambda output: output[0])

    def _wrap(
        self, owner: Any, method: str, stage: str, output: Callable[[Any], Any] | None
    ) -> None:
        call = getattr(owner, method)
        signature = inspect.signature(call)

        def watched(*arguments: Any, **named: Any) -> Any:
            self.asked.update(asked_of(method, signature, arguments, named))
            self._keep_voice(stage, named)
            if stage == "speech_tokens" and self.cap is not None:
                self.limit(named, self.cap)
            self.torch.manual_seed(stage_seed(self.seed, stage))
            self.synchronize()
            started = time.perf_counter()
            result = call(*arguments, **named)
            self.synchronize()
            self.stage_s[stage] = time.perf_counter() - started
            if stage == "waveform":
                # What the package made of the sampled tokens before it spoke them.
                speech = named.get("speech_tokens", arguments[0] if arguments else None)
                self.tokens = int(speech.numel()) if speech is not None else 0
            if output is not None:
                self.keep(stage, output(result))
            return result

        setattr(owner, method, watched)

    def limit(self, named: dict[str, Any], cap: int) -> None:
        """Let a call of the sampling method make at most ``cap`` tokens."""
        named["max_new_tokens"] = min(cap, named.get("max_new_tokens") or cap)

    def spoken_tokens(self, result: Any) -> Any:
        """Of what the sampling method gave, what is handed on."""
        return result

    def _keep_voice(self, stage: str, named: Mapping[str, Any]) -> None:
        """Record whose voice a part is asked to speak in."""
        if stage == "speech_tokens" and "t3_cond" in named:
            self._record("voice", named["t3_cond"].speaker_emb)
        elif stage == "waveform" and named.get("ref_dict"):
            self._record("timbre", named["ref_dict"]["embedding"])

    def _record(self, stage: str, output: Any) -> None:
        if self.kept is not None:
            self.kept[stage] = output.detach().cpu().clone()

    def keep(self, stage: str, output: Any) -> None:
        """Record what a stage gave, while a run is captured."""
        self._record(stage, output)

    def prepare(self, test: Test) -> None:
        with contextlib.suppress(NotApplicable):  # the run is about to say so
            self.begin(test)

    def run(self, test: Test, *, capture: bool) -> Produced:
        if "entry" in test.options:
            elsewhere: Produced = self.elsewhere.run(self, test)
            return elsewhere
        clip = self.begin(test)
        self.kept = {} if capture else None
        self.synchronize()
        started = time.perf_counter()
        listening: contextlib.AbstractContextManager[list[Any]] = contextlib.nullcontext([])
        if capture and self.sampling:
            listening = components.record_logits(self)
        with listening as logits:
            audio = self.speak(test.options, clip)
        returned = {name: to_buffer(each) for name, each in audio.items()}  # waits for the device
        wall_s = time.perf_counter() - started
        kept, self.kept = self.kept or {}, None
        if logits:
            kept["logits"] = self.torch.stack(logits)
        audio_s = audio["audio"].shape[-1] / self.speaker.sr
        spoken_s = self.tokens / TOKENS_PER_S
        return Produced(
            stages={name: to_buffer(kept[name]) for name in STAGES if name in kept},
            returned=returned,
            asked=dict(self.asked),
            again=lambda: {name: to_buffer(each) for name, each in audio.items()},
            wall_s=wall_s,
            sample_rate=self.speaker.sr,
            audio_s=audio_s,
            tokens=self.tokens,
            expected_s=(
                (1 - LENGTH_TOLERANCE) * spoken_s,
                (1 + LENGTH_TOLERANCE) * spoken_s,
            ),
            stage_s=dict(self.stage_s),
        )

    def speak(self, options: Mapping[str, Any], clip: str | None) -> dict[str, Any]:
        """One generation by the package: ``audio`` of (1, samples), watermarked."""
        arguments, named = self.call(options, clip)
        return {"audio": self.speaker.generate(*arguments, **named)}

    def call(
        self, options: Mapping[str, Any], clip: str | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What `generate` is called with."""
        return (options["text"],), {"audio_prompt_path": clip, **options.get("arguments", {})}

    def text_tokens(self, options: Mapping[str, Any]) -> Any:
        """A test's text as `generate` hands it to T3."""
        return components.text_tokens(self, options["text"])

    def embedded(
        self, returned: Mapping[str, Buffer], sample_rate: int | None
    ) -> Mapping[str, Any]:
        """The watermark in the audio, as the package's own watermarker decodes it."""
        return watermarks(self.speaker.watermarker, returned, sample_rate or self.speaker.sr)

    def recognised(
        self, returned: Mapping[str, Buffer], sample_rate: int | None
    ) -> Mapping[str, Any]:
        """Words and speaker, where the weights are published ones."""
        if self.assets["kind"] != "pretrained":
            return {}
        return recognition.recognised(
            self.speaker, sounds_of(returned), sample_rate or self.speaker.sr
        )

    def state(self) -> Mapping[str, str]:
        """The conditionals' tensors by content, everything else by shape."""
        speaker, conds = self.speaker, self.speaker.conds
        loaded = {"speaker": speaker, "t3": speaker.t3, "s3gen": speaker.s3gen, "ve": speaker.ve}
        result = shapes(loaded, ("chatterbox",))
        if conds is None:
            return result
        conditions = {f"t3.{name}": value for name, value in vars(conds.t3).items()}
        tensors = {**conditions, **{f"gen.{name}": value for name, value in conds.gen.items()}}
        return {**result, **{f"conds.{name}": digest_of(each) for name, each in tensors.items()}}

    def begin(self, test: Test) -> str | None:
        """Set the voice, the seed and the cap of a test; returns its clip's path, or None."""
        self.seed = test.seed
        self.stage_s.clear()
        self.asked.clear()
        self.tokens = 0
        self.cap = test.options.get("tokens") or (
            TOKEN_LIMITS[self.scale][self.device] if self.assets["kind"] == "synthetic" else None
        )
        clip = self.clip(test.options.get("reference"))
        if clip is None and self.built_in is None:
            raise NotApplicable("this checkpoint has no built-in voice (conds.pt)")
        # Not a copy: what a generation spoils in them, the next one has to live with.
        setattr(self.speaker, self.voice, self.built_in)
        if self.device == "cuda":
            self.torch.cuda.reset_peak_memory_stats()
        return clip

    def clip(self, reference: Any) -> str | None:
        """The file of a test's reference; a synthesised one is made when it is not there."""
        if reference is None:
            return None
        known = self.assets["clips"].get(clip_key(reference))
        if known is not None:
            return str(known["path"])
        path = self.clips / clip_name(reference["seed"], reference["samples"])
        if not path.exists():
            write_clip(path, reference["seed"], reference["samples"])
        return str(path)

    def replay(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        if "entry" in test.options:
            elsewhere: Produced = self.elsewhere.replay(self, test, recorded)
            return elsewhere
        return components.replay(self, test, recorded)

    def replay_exact(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        return probes.exact_replay(self, test, recorded)

    def subject(self, test: Test) -> Subject:
        return survival.subject(self, test)

    def components(self) -> Sequence[str]:
        return tuple(components.COMPONENTS)

    def component(self, name: str, *, seed: int) -> Callable[[], Mapping[str, Buffer]]:
        return components.component(self, name, seed)

    def describe(self) -> Mapping[str, Any]:
        facts: dict[str, Any] = {
            "device": self.device,
            "torch": self.torch.__version__,
            "threads": self.torch.get_num_threads(),
            # What every call reads at least once.
            "parameters": sum(each.numel() for each in self.speaker.t3.tfmr.parameters()),
        }
        if self.device == "cuda":
            facts["gpu"] = self.torch.cuda.get_device_name()
        if self.recipe:
            facts["recipe"] = self.recipe
        return facts

    def memory_mib(self) -> float | None:
        if self.device != "cuda":
            return None
        return float(self.torch.cuda.max_memory_allocated()) / 2**20

    def close(self) -> None:
        self.speaker = None
        shutil.rmtree(self.clips, ignore_errors=True)
        if self.device == "cuda":
            self.torch.cuda.empty_cache()

    def buffer(self, tensor: Any) -> Buffer:
        """A tensor as bytes."""
        return to_buffer(tensor)

    def synchronize(self) -> None:
        """Wait until the device has done all it was given."""
        if self.device == "cuda":
            self.torch.cuda.synchronize()
        elif self.device == "mps":
            self.torch.mps.synchronize()


STAGES = ("voice", "timbre", "logits", "speech_tokens", "mel", "waveform")


def watermarks(
    watermarker: Any, returned: Mapping[str, Buffer], sample_rate: int
) -> dict[str, str]:
    """The watermark of every audio that carries one, by the name of the value."""
    if type(watermarker).__name__ == "DummyWatermarker":  # reads random bits
        return {}
    result = {}
    for name, samples in sounds_of(returned).items():
        bits = watermarker.get_watermark(samples, sample_rate=sample_rate)
        words = "".join("01"[bool(bit)] for bit in bits.reshape(-1))
        if "1" in words:
            result[f"watermark of {name}"] = words
    return result


def sounds_of(returned: Mapping[str, Buffer]) -> dict[str, Any]:
    """Every array of floats that was returned, as a row of float32."""
    return {
        name: from_buffer(buffer, "cpu").float().flatten().numpy()
        for name, buffer in returned.items()
        if buffer.dtype.startswith("float")
    }


def digest_of(value: Any) -> str:
    """A digest of a tensor by type, shape and bytes; of anything else by what it prints."""
    if hasattr(value, "detach"):
        return to_buffer(value).sha256[:16]
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def pick_device(asked: str) -> str:
    """``auto`` becomes the best device there is; one that is not there is refused."""
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available()}
    there["mps"] = torch.backends.mps.is_available()
    if asked == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[asked]:
        raise RuntimeError(f"torch {torch.__version__} sees no device {asked!r} here")
    return asked
