"""Sessions of the entry points beside `ChatterboxTTS`: multilingual, Turbo, Nano, conversion.

Runs in a worker. Each is the package's own class, loaded by its own `from_local` (or fetched by its
own `from_pretrained`), and called as a user calls it.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from patcher.targets.adapter import Buffer, NotApplicable, Produced, stage_seed
from patcher.targets.chatterbox import components, folders
from patcher.targets.chatterbox.loaded_model import from_buffer, to_buffer
from patcher.targets.chatterbox.serving import TOKENS_PER_S, ChatterboxSession, digest_of
from patcher.targets.state import shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from patcher.targets.adapter import Test

AUDIBLE = 6561  # tokens below this one have a sound
LANGUAGES = ("en", "de", "fr")  # of a test that names none: by its seed
RATE = 24_000
SHORTEST_S = 5  # of a voice for Turbo
LONGER = 75 * 960  # three seconds, a whole number of blocks: the branch that trims stays the same
BATCH_TOKENS = 8  # of a text in a batch
SOURCE_S = 1.0  # of the speech that is converted


def session_of(entry: str) -> type[ChatterboxSession]:
    """The session of an entry point by the name it has in a model's options."""
    return SESSIONS[entry]


class EntrySession(ChatterboxSession):
    """Another class of the package than `ChatterboxTTS`."""

    def load(self, options: Mapping[str, Any]) -> Any:
        self.entry = options["entry"]
        reason = folders.missing(self.entry)
        if reason is not None:
            raise NotApplicable(reason)
        if self.assets["kind"] == "pretrained":
            return self.fetched()
        return self.loaded(self.folder())

    def folder(self) -> Path:
        """Where the weights are: made for this entry point, or a folder of the user's."""
        if self.assets["kind"] == "synthetic":
            return Path(self.assets["entries"][self.entry])
        folder = Path(self.assets["base"])
        file = folders.T3_FILES.get(self.entry)
        if file is not None and not (folder / file).is_file():
            raise NotApplicable(f"this checkpoint has no {file}")
        return folder

    def loaded(self, folder: Path) -> Any:
        """The package's own loading from a folder."""
        raise NotImplementedError

    def fetched(self) -> Any:
        """The package's own loading of the published weights."""
        raise NotImplementedError

    def components(self) -> Sequence[str]:
        return ()  # the base model's parts are these


class MultilingualSession(EntrySession):
    """A loaded `ChatterboxMultilingualTTS`, v2 or v3."""

    def _watch(self) -> None:
        super()._watch()
        infer = self.speaker.t3.inference

        def audible(*arguments: Any, **named: Any) -> Any:
            return self.spoken_tokens(infer(*arguments, **named))

        self.speaker.t3.inference = audible

    def chosen(self) -> dict[str, str]:
        """The argument that asks for a T3 of another number than the default."""
        return {"t3_model": "v3"} if self.entry == "multilingual-v3" else {}

    def loaded(self, folder: Path) -> Any:
        import huggingface_hub.constants
        from chatterbox.mtl_tts import ChatterboxMultilingualTTS

        huggingface_hub.constants.HF_HUB_OFFLINE = True  # the table of characters is for Chinese
        tiny = self.assets["kind"] == "synthetic"
        sizes = folders.sizes_of(folder / folders.T3_FILES[self.entry]) if tiny else {}
        with without("spacy_pkuseg"), folders.resized("Llama_520M", sizes):  # fetched for Chinese
            return ChatterboxMultilingualTTS.from_local(folder, self.device, **self.chosen())

    def fetched(self) -> Any:
        from chatterbox.mtl_tts import ChatterboxMultilingualTTS

        return ChatterboxMultilingualTTS.from_pretrained(self.device, **self.chosen())

    def language(self, options: Mapping[str, Any]) -> str:
        return str(options.get("language") or LANGUAGES[self.seed % len(LANGUAGES)])

    def call(
        self, options: Mapping[str, Any], clip: str | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        (text,), named = super().call(options, clip)
        return (text, self.language(options)), named

    def spoken_tokens(self, result: Any) -> Any:
        # Untrained weights sample from all of the head. This class, unlike `ChatterboxTTS`, hands
        # the flow what no trained model says, and its embedding has no row for that.
        return result[:, result[0] < AUDIBLE]

    def text_tokens(self, options: Mapping[str, Any]) -> Any:
        from chatterbox.mtl_tts import punc_norm

        text = punc_norm(options["text"])
        tokens = self.speaker.tokenizer.text_to_tokens(text, language_id=self.language(options))
        return components.framed(self, tokens)


class TurboSession(EntrySession):
    """A loaded `ChatterboxTurboTTS`, or its smaller relative, Nano."""

    sampling: ClassVar[str] = "inference_turbo"

    def limit(self, named: dict[str, Any], cap: int) -> None:
        named["max_gen_len"] = min(cap, named.get("max_gen_len", cap)) - 1  # after the first one

    def loaded(self, folder: Path) -> Any:
        return folders.load_turbo(
            self.entry, folder, self.device, tiny=self.assets["kind"] == "synthetic"
        )

    def fetched(self) -> Any:
        from chatterbox.tts_turbo import ChatterboxTurboTTS

        return ChatterboxTurboTTS.from_pretrained(self.device, **folders.chosen_turbo(self.entry))

    def clip(self, reference: Any) -> str | None:
        """A synthesised voice that is too short for Turbo is three seconds longer."""
        if isinstance(reference, dict) and reference["samples"] <= SHORTEST_S * RATE:
            longer = reference["samples"]
            while longer <= SHORTEST_S * RATE:
                longer += LONGER
            reference = {**reference, "samples": longer}
        return super().clip(reference)

    def text_tokens(self, options: Mapping[str, Any]) -> Any:
        from chatterbox.tts_turbo import punc_norm

        text = punc_norm(options["text"])
        tokens = self.speaker.tokenizer(text, return_tensors="pt", padding=True, truncation=True)
        return tokens.input_ids.to(self.device)


class ConversionSession(EntrySession):
    """A loaded `ChatterboxVC`: speech of a second, in the voice of the test."""

    sampling: ClassVar[str] = ""
    voice: ClassVar[str] = "ref_dict"

    def loaded(self, folder: Path) -> Any:
        from chatterbox.vc import ChatterboxVC

        return ChatterboxVC.from_local(folder, self.device)

    def fetched(self) -> Any:
        from chatterbox.vc import ChatterboxVC

        return ChatterboxVC.from_pretrained(self.device)

    def _watch(self) -> None:
        speaker, flow = self.speaker, self.speaker.s3gen
        self._wrap(speaker, "set_target_voice", "conditionals", None)
        self._wrap(flow.tokenizer, "forward", "speech_tokens", lambda output: output[0])
        self._wrap(flow, "flow_inference", "mel", lambda mel: mel)
        self._wrap(flow, "hift_inference", "vocoder", None)
        self._wrap(flow, "inference", "waveform", lambda output: output[0])

    def limit(self, named: dict[str, Any], cap: int) -> None:
        pass  # as long as the speech that is converted

    def call(
        self, options: Mapping[str, Any], clip: str | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (self.source_clip(options),), {"target_voice_path": clip}

    def source_clip(self, options: Mapping[str, Any]) -> str:
        """The file of what is converted: a clip that the text and the test's seed decide."""
        seed = stage_seed(self.seed, str(options["text"].strip()))
        return str(self.clip({"seed": seed, "samples": round(SOURCE_S * RATE)}))

    def state(self) -> Mapping[str, str]:
        result = shapes({"speaker": self.speaker, "s3gen": self.speaker.s3gen}, ("chatterbox",))
        voice = {f"voice.{name}": digest_of(v) for name, v in (self.speaker.ref_dict or {}).items()}
        return {**result, **voice}

    def describe(self) -> Mapping[str, Any]:
        return {
            "device": self.device,
            "torch": self.torch.__version__,
            "threads": self.torch.get_num_threads(),
            "parameters": sum(each.numel() for each in self.speaker.s3gen.parameters()),
        }

    def replay(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        """Tokens of the speech; the flow on recorded tokens; the vocoder on the recorded mel."""
        import librosa

        torch, speaker = self.torch, self.speaker
        clip = self.begin(test)
        if clip is not None:
            speaker.set_target_voice(clip)
        self.kept = None
        samples, _ = librosa.load(self.source_clip(test.options), sr=16_000)
        tokens, mel = (
            from_buffer(recorded[name], self.device) for name in ("speech_tokens", "mel")
        )
        with torch.inference_mode():
            speech, _ = speaker.s3gen.tokenizer(torch.from_numpy(samples).to(self.device)[None])
            flowed = speaker.s3gen.flow_inference(
                tokens, ref_dict=dict(speaker.ref_dict), finalize=True
            )
            waveform = speaker.s3gen.hift_inference(mel, None)[0]
        stages = {"speech_tokens": speech, "mel": flowed, "waveform": waveform}
        return Produced(
            stages={name: to_buffer(value) for name, value in stages.items()},
            sample_rate=speaker.sr,
        )

    def replay_exact(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        raise NotApplicable("voice conversion is not replayed in double precision")


class BatchSession(ChatterboxSession):
    """`generate_batch`, which a patch brings, beside `generate` for each of its texts.

    An arm without the method calls `generate` after each text's seed. So the gates hold every text
    of a batch to its single call.
    """

    sampling: ClassVar[str] = ""  # a batch has no logits of one text to record

    def _watch(self) -> None:
        """Only the number of tokens is held down: a seed for each stage is not a batch's."""
        infer = self.speaker.t3.inference

        def capped(*arguments: Any, **named: Any) -> Any:
            self.limit(named, BATCH_TOKENS)
            return infer(*arguments, **named)

        self.speaker.t3.inference = capped

    def speak(self, options: Mapping[str, Any], clip: str | None) -> dict[str, Any]:
        texts = [options["text"], f"Twice: {options['text']} {options['text']}", options["text"]]
        voices, seeds = [clip, None, None], [self.seed + number for number in range(len(texts))]
        together = getattr(self.speaker, "generate_batch", None)
        if together is None:
            made = [self.alone(*each) for each in zip(texts, voices, seeds, strict=True)]
        else:
            limits = {"max_new_tokens": BATCH_TOKENS, "flow_rows": len(texts)}
            made = together(texts, voices, seeds, **limits)
        self.tokens = round(made[0].shape[-1] / self.speaker.sr * TOKENS_PER_S)
        return {"audio": made[0], "audio 2": made[1], "audio 3": made[2]}

    def alone(self, text: str, voice: str | None, seed: int) -> Any:
        """One text by `generate`, in its voice or the built-in one."""
        self.speaker.conds = self.built_in
        if voice is not None:
            self.speaker.prepare_conditionals(voice)
        self.torch.manual_seed(seed)
        try:
            return self.speaker.generate(text)
        finally:
            self.speaker.conds = self.built_in

    def replay(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        """All texts once more: how long each is, and their sound."""
        clip = self.begin(test)
        self.kept = None
        audio = self.speak(test.options, clip).values()
        lengths = self.torch.tensor([each.shape[-1] for each in audio])
        sound = self.torch.cat([each.flatten() for each in audio])
        stages = {"speech_tokens": to_buffer(lengths), "waveform": to_buffer(sound)}
        return Produced(stages=stages, sample_rate=self.speaker.sr)

    def replay_exact(self, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
        raise NotApplicable("a batch is not replayed in double precision")

    def components(self) -> Sequence[str]:
        return ()


class WholeSession(ChatterboxSession):
    """The streaming fork's `ChatterboxTTS`, run through `generate`: one utterance at once."""


SESSIONS: Mapping[str, type[ChatterboxSession]] = {
    "multilingual": MultilingualSession,
    "multilingual-v3": MultilingualSession,
    "turbo": TurboSession,
    "nano": TurboSession,
    "voice-conversion": ConversionSession,
    "whole": WholeSession,
    "batch": BatchSession,
}


@contextlib.contextmanager
def without(module: str) -> Iterator[None]:
    """Let a module be one that is not installed."""
    before = sys.modules.get(module)
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]
        if before is not None:
            sys.modules[module] = before
