"""The worker side: one Chatterbox model, run through the package's own loading and `generate`.

The only change made to what runs is the number of tokens a generation is capped at. Stages are
watched by wrapping four methods of the loaded instance; each wrapper sets the stage's seed, calls
the method and keeps its output.
"""

from __future__ import annotations

import contextlib
import copy
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Buffer, NotApplicable, Opening, Produced, Session, stage_seed
from patcher.targets.chatterbox import components, probes
from patcher.targets.chatterbox.recipes import RECIPES
from patcher.targets.chatterbox.scale import TOKENS, apply_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from patcher.targets.adapter import Test

TOKENS_PER_S = 25
LENGTH_TOLERANCE = 0.2  # the prompt's half frame moves the length by up to one token


def open_session(opening: Opening) -> ChatterboxSession:
    """Load one model of the matrix (the function `Adapter.serving` names)."""
    return ChatterboxSession(opening)


class ChatterboxSession(Session):
    """A loaded `ChatterboxTTS`, its stages watched."""

    def __init__(self, opening: Opening) -> None:
        import torch

        self.torch = torch
        self.assets = opening.assets
        self.device = pick_device(opening.device)
        self.scale = self.assets["scale"]
        if self.assets["kind"] == "synthetic":
            apply_scale(self.scale)
        if opening.deterministic and self.device == "cuda":
            torch.use_deterministic_algorithms(True, warn_only=True)
            torch.backends.cudnn.benchmark = False
        torch.manual_seed(opening.seed)
        self.speaker = self._load(opening.model.options)
        self.recipe = self._convert(opening.model.options.get("recipe"))
        self.built_in = copy.deepcopy(self.speaker.conds)
        self.cap: int | None = None
        self.seed = 0
        self.kept: dict[str, Any] | None = None
        self.stage_s: dict[str, float] = {}
        self.tokens = 0
        self._watch()

    def _load(self, options: Mapping[str, Any]) -> Any:
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
        self._wrap(speaker.t3, "inference", "speech_tokens", lambda tokens: tokens)
        self._wrap(flow, "flow_inference", "mel", lambda mel: mel)
        self._wrap(flow, "hift_inference", "vocoder", None)
        self._wrap(flow, "inference", "waveform", lambda found: found[0])

    def _wrap(
        self, owner: Any, method: str, stage: str, output: Callable[[Any], Any] | None
    ) -> None:
        call = getattr(owner, method)

        def watched(*arguments: Any, **named: Any) -> Any:
            if stage == "speech_tokens" and self.cap is not None:
                named["max_new_tokens"] = min(self.cap, named.get("max_new_tokens") or self.cap)
            self.torch.manual_seed(stage_seed(self.seed, stage))
            self.synchronize()
            started = time.perf_counter()
            found = call(*arguments, **named)
            self.synchronize()
            self.stage_s[stage] = time.perf_counter() - started
            if stage == "waveform":
                # What the package made of the sampled tokens before it spoke them.
                spoken = named.get("speech_tokens", arguments[0] if arguments else None)
                self.tokens = int(spoken.numel()) if spoken is not None else 0
            if output is not None:
                self.keep(stage, output(found))
            return found

        setattr(owner, method, watched)

    def keep(self, stage: str, output: Any) -> None:
        """Record what a stage gave, while a run is captured."""
        if self.kept is not None:
            self.kept[stage] = output.detach().cpu().clone()

    def run(self, test: Test, *, capture: bool) -> Produced:
        clip = self.begin(test)
        self.kept = {} if capture else None
        self.synchronize()
        started = time.perf_counter()
        listening: contextlib.AbstractContextManager[list[Any]] = contextlib.nullcontext([])
        if capture:
            listening = components.heard(self)
        with listening as logits:
            watermarked = self.speak(test.options["text"], clip)
        self.synchronize()
        wall_s = time.perf_counter() - started
        kept, self.kept = self.kept or {}, None
        if logits:
            kept["logits"] = self.torch.stack(logits)
        audio_s = watermarked.shape[-1] / self.speaker.sr
        spoken_s = self.tokens / TOKENS_PER_S
        return Produced(
            stages={name: to_buffer(kept[name]) for name in STAGES if name in kept},
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

    def speak(self, text: str, clip: str | None) -> Any:
        """One generation by the package: (1, samples), watermarked."""
        return self.speaker.generate(text, audio_prompt_path=clip)

    def begin(self, test: Test) -> str | None:
        """Set the voice, the seed and the cap of a test; returns its clip's path, or None."""
        self.seed = test.seed
        self.stage_s.clear()
        self.tokens = 0
        self.cap = test.options.get("tokens") or (
            TOKENS[self.scale][self.device] if self.assets["kind"] == "synthetic" else None
        )
        clip = self.assets["clips"].get(test.name)
        if clip is None and self.built_in is None:
            raise NotApplicable("this checkpoint has no built-in voice (conds.pt)")
        # A generation writes into the conditionals it used: every run gets fresh ones.
        self.speaker.conds = copy.deepcopy(self.built_in)
        if self.device == "cuda":
            self.torch.cuda.reset_peak_memory_stats()
        return None if clip is None else str(clip["path"])

    def replay(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        return components.replay(self, test, recorded)

    def replay_exact(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        return probes.exact_replay(self, test, recorded)

    def components(self) -> Sequence[str]:
        return tuple(components.COMPONENTS)

    def component(self, name: str, *, seed: int) -> Callable[[], Mapping[str, Buffer]]:
        return components.component(self, name, seed)

    def describe(self) -> Mapping[str, Any]:
        facts: dict[str, Any] = {
            "device": self.device,
            "torch": self.torch.__version__,
            "threads": self.torch.get_num_threads(),
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
        if self.device == "cuda":
            self.torch.cuda.empty_cache()

    def synchronize(self) -> None:
        """Wait until the device has done all it was given."""
        if self.device == "cuda":
            self.torch.cuda.synchronize()
        elif self.device == "mps":
            self.torch.mps.synchronize()


STAGES = ("logits", "speech_tokens", "mel", "waveform")


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


def to_buffer(tensor: Any) -> Buffer:
    """A tensor's elements as bytes; bfloat16, which NumPy lacks, by its bit patterns."""
    import torch

    tensor = tensor.detach().cpu().contiguous()
    dtype = str(tensor.dtype).removeprefix("torch.")
    bits = tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor
    return Buffer(dtype, tuple(tensor.shape), bits.numpy().tobytes())


def from_buffer(buffer: Buffer, device: str) -> Any:
    """The tensor `to_buffer` was given, on ``device``."""
    import torch

    dtype = getattr(torch, buffer.dtype)
    flat = torch.frombuffer(bytearray(buffer.data), dtype=dtype)
    return flat.reshape(buffer.shape).to(device)
