"""The streaming fork on the index, `chatterbox-streaming`: the same model, generated in chunks.

A run is one `generate_stream`, all of its chunks. A stage's output is that of every chunk, one
after the other; a stage's time is that of the last.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import stage_seed
from patcher.targets.chatterbox import entries, sessions
from patcher.targets.chatterbox.serving import ChatterboxSession

if TYPE_CHECKING:
    from patcher.targets.adapter import Opening

CHUNK = 5  # tokens, so that the few of a synthetic checkpoint are several chunks


def open_session(opening: Opening) -> ChatterboxSession:
    """Load one model of the matrix (the function `Adapter.serving` names)."""
    if "entry" in opening.model.options:
        return sessions.open_session(opening)
    session = StreamingSession(opening)
    session.elsewhere = entries
    return session


class StreamingSession(ChatterboxSession):
    """A loaded `ChatterboxTTS` of the fork, run through `generate_stream`."""

    generated = 0  # speech tokens of the present call

    def _watch(self) -> None:
        super()._watch()
        from chatterbox.models.s3tokenizer import SPEECH_VOCAB_SIZE

        stream = self.speaker.inference_stream

        def watched(**named: Any) -> Iterator[Any]:
            if self.cap is not None:
                named["max_new_tokens"] = min(self.cap, named.get("max_new_tokens") or self.cap)
            self.torch.manual_seed(stage_seed(self.seed, "speech_tokens"))
            for chunk in stream(**named):
                self.keep("speech_tokens", chunk)
                self.generated += int((chunk < SPEECH_VOCAB_SIZE).sum())
                yield chunk

        self.speaker.inference_stream = watched
        watermark = self.speaker.watermarker.apply_watermark

        def captured(samples: Any, **named: Any) -> Any:
            self._append("waveform", self.torch.from_numpy(samples)[None])
            return watermark(samples, **named)

        self.speaker.watermarker.apply_watermark = captured

    def speak(self, options: Mapping[str, Any], clip: str | None) -> dict[str, Any]:
        """The joined ``audio`` of (1, samples), and every chunk as the consumer got it."""
        self.generated = 0
        chunks: dict[str, Any] = {}
        arguments = options.get("arguments", {})
        started = time.perf_counter()
        stream = self.speaker.generate_stream(
            options["text"],
            audio_prompt_path=clip,
            chunk_size=CHUNK,
            print_metrics=False,
            **arguments,
        )
        for chunk, _ in stream:
            if not chunks:
                self.synchronize()
                self.stage_s["first chunk"] = time.perf_counter() - started
            chunks[f"chunk {len(chunks) + 1}"] = chunk
        self.tokens = self.generated  # the package speaks those before a chunk once more with it
        return {"audio": self.torch.cat(list(chunks.values()), dim=-1), **chunks}

    def keep(self, stage: str, output: Any) -> None:
        # The vocoder speaks a chunk with those before it; what the user hears of it comes later.
        if stage != "waveform":
            self._append(stage, output)

    def _append(self, stage: str, output: Any) -> None:
        if self.kept is not None:
            now = output.detach().cpu().clone()
            then = self.kept.get(stage)
            self.kept[stage] = now if then is None else self.torch.cat([then, now], dim=-1)
