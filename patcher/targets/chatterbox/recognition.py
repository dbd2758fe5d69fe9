"""What a listener makes of Chatterbox's sound: its words, and whose voice it is.

Runs in a worker of the baseline, with real weights only: what untrained weights say has no words.
The words are those of a recogniser from transformers, which Chatterbox brings; its weights are
fetched beside the published ones. The speaker is what the package's own `VoiceEncoder` hears.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RECOGNISER = "openai/whisper-base.en"
RECOGNISED_RATE = 16_000  # of the recogniser and of the voice encoder, in Hz
# As in patcher.gates.speech.
WORDS, SPEAKER, NOT_RECOGNISED = "words of ", "speaker of ", "not heard"


def recognised(model: Any, returned: Mapping[str, Any], sample_rate: int) -> dict[str, Any]:
    """Words and speaker of every sound that was returned; why not, where something is missing.

    Args:
        model: of any entry point; one without a `VoiceEncoder` (``ve``) hears no speaker.
        returned: samples by name, float32 of shape (samples,).
    """
    import librosa

    rates = {"orig_sr": sample_rate, "target_sr": RECOGNISED_RATE}
    sounds = {name: librosa.resample(each, **rates) for name, each in returned.items()}
    result: dict[str, Any] = {}
    if not sounds:
        return result
    encoder = getattr(model, "ve", None)
    if encoder is not None:
        result = {f"{SPEAKER}{name}": speaker_of(encoder, each) for name, each in sounds.items()}
    try:
        recognise = recogniser()
    except Exception as error:  # whatever a library says of what it lacks
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        return {**result, NOT_RECOGNISED: f"no words, for {RECOGNISER} cannot be loaded: {why}"}
    return {**result, **{f"{WORDS}{name}": recognise(each) for name, each in sounds.items()}}


def speaker_of(encoder: Any, samples: Any) -> list[float]:
    """The embedding of a speaker, of length 1."""
    (embedded,) = encoder.embeds_from_wavs([samples], RECOGNISED_RATE)
    return [float(value) for value in embedded]


def recogniser() -> Callable[[Any], str]:
    """Samples to words, by weights that are on this machine.

    Raises:
        Exception: what transformers says when it or the weights are not there.
    """
    from huggingface_hub import snapshot_download
    from transformers import pipeline

    folder = snapshot_download(RECOGNISER, local_files_only=True)
    recognise = pipeline("automatic-speech-recognition", model=folder)

    def words(samples: Any) -> str:
        result = recognise({"raw": samples, "sampling_rate": RECOGNISED_RATE})
        return str(result["text"]).strip()

    return words


def fetch(say: Callable[[str], None]) -> None:
    """Fetch the recogniser's weights; without them a verdict says that no words were compared."""
    from huggingface_hub import snapshot_download

    say(f"fetching {RECOGNISER}")
    try:
        snapshot_download(RECOGNISER, allow_patterns=["*.json", "*.txt", "model.safetensors"])
    except Exception as error:
        say(f"{RECOGNISER} cannot be fetched: {type(error).__name__}")
