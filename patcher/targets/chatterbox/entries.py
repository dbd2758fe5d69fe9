"""Other ways into the package than `ChatterboxTTS`, tried when a series touches them.

Each is the package's own class, loaded by its own `from_local` from synthetic files of its own
layout, and called as a user calls it. The files are made once a worker, in a folder of its own.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Buffer, NotApplicable, Produced, Test, stage_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


SECONDS = 5.2  # of the voice: the turbo model refuses five and less
RATE = 24_000
VOICE = {"seed": 21, "samples": round(SECONDS * RATE)}
SOURCE = {"seed": 22, "samples": RATE}
TOKENS = 8
AUDIBLE = 6561  # tokens below this one have a sound
ANALYSED_LAYERS = 14  # the analyser watches layers 9, 12 and 13
FILES = {
    "chatterbox/vc.py": "vc",
    "chatterbox/mtl_tts.py": "multilingual",
    "chatterbox/models/t3/inference/alignment_stream_analyzer.py": "multilingual",
    "chatterbox/tts_turbo.py": "turbo",
}
NAMES = {
    "vc": "Voice conversion",
    "multilingual": "Multilingual",
    "turbo": "Turbo, its voice",
}


def entries(files: set[str]) -> tuple[Test, ...]:
    """A call of each entry point that lives in, or is alone in reaching, one of these files."""
    wanted = {FILES[file] for file in files if file in FILES}
    return tuple(
        Test(NAMES[each], {"entry": each, "text": "Well measured.", "covers": covers(each)}, seed=5)
        for each in NAMES
        if each in wanted
    )


def covers(entry: str) -> list[str]:
    """The files that this entry point alone reaches."""
    return [file for file, each in FILES.items() if each == entry]


def run(session: Any, test: Test) -> Produced:
    """Load the entry point's model and call it; what it returns, and the mel on the way."""
    call = CALLS[test.options["entry"]]
    mel: dict[str, Any] = {}
    session.torch.manual_seed(stage_seed(test.seed, "entry"))
    found = call(session, test.options["text"], mel)
    returned = {name: session.buffer(value) for name, value in found.items()}
    return Produced(
        returned=returned,
        stages={name: session.buffer(value) for name, value in mel.items()},
        again=lambda: {name: session.buffer(value) for name, value in found.items()},
        sample_rate=RATE if "audio" in found else None,
    )


def replay(session: Any, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
    """The call once more: nothing in it is drawn but noise that is seeded alike."""
    return Produced(stages=run(session, test).stages)


def convert(session: Any, text: str, mel: dict[str, Any]) -> dict[str, Any]:
    """`ChatterboxVC.generate` to a target voice."""
    from chatterbox.vc import ChatterboxVC

    converter = ChatterboxVC.from_local(base_of(session), session.device)
    with kept_mel(converter.s3gen, mel):
        audio = converter.generate(session.clip(SOURCE), target_voice_path=session.clip(VOICE))
    return {"audio": audio}


def speak_multilingual(session: Any, text: str, mel: dict[str, Any]) -> dict[str, Any]:
    """`ChatterboxMultilingualTTS.generate` in a cloned voice, a few tokens of it."""
    import huggingface_hub.constants
    from chatterbox.models.t3 import T3, llama_configs
    from chatterbox.models.t3.modules.t3_config import T3Config
    from chatterbox.mtl_tts import ChatterboxMultilingualTTS

    huggingface_hub.constants.HF_HUB_OFFLINE = True  # the table of characters is for Chinese
    sizes = llama_configs.LLAMA_CONFIGS["Llama_520M"]
    layers = sizes["num_hidden_layers"]
    sizes["num_hidden_layers"] = max(layers, ANALYSED_LAYERS)
    try:
        folder = session.clips / "multilingual"
        if not folder.exists():
            folder.mkdir()
            speaker = session.speaker
            save(speaker.ve, folder / "ve.pt")
            save(T3(T3Config.multilingual()), folder / "t3_mtl23ls_v2.safetensors")
            save(fresh_s3gen(), folder / "s3gen.pt")
            tokenizer = folder / "grapheme_mtl_merged_expanded_v1.json"
            shutil.copyfile(base_of(session) / "tokenizer.json", tokenizer)
        with without("spacy_pkuseg"):  # a download of its own, for Chinese
            speaker = ChatterboxMultilingualTTS.from_local(folder, session.device)
    finally:
        sizes["num_hidden_layers"] = layers
    inference = speaker.t3.inference

    def few(*arguments: Any, **named: Any) -> Any:
        session.torch.manual_seed(stage_seed(5, "speech_tokens"))
        tokens = inference(*arguments, **{**named, "max_new_tokens": TOKENS})
        # Untrained weights sample from all of the head; this entry point, unlike `ChatterboxTTS`,
        # hands the flow what no trained model says, and its embedding has no row for that.
        return tokens[:, tokens[0] < AUDIBLE]

    speaker.t3.inference = few
    with kept_mel(speaker.s3gen, mel):
        audio = speaker.generate(text, "en", audio_prompt_path=session.clip(VOICE))
        # The analyser must leave nothing behind that makes a second sentence another one.
        again = speaker.generate(text, "en", audio_prompt_path=session.clip(VOICE))
    return {"audio": session.torch.cat([audio, again], dim=-1)}


def prepare_turbo(session: Any, text: str, mel: dict[str, Any]) -> dict[str, Any]:
    """`ChatterboxTurboTTS.from_local` and `prepare_conditionals`."""
    from chatterbox.models.s3gen import S3Gen
    from chatterbox.models.t3 import T3, llama_configs
    from chatterbox.models.t3.modules.t3_config import T3Config
    from chatterbox.tts_turbo import ChatterboxTurboTTS

    folder = session.clips / "turbo"
    sizes = llama_configs.LLAMA_CONFIGS["GPT2_medium"]
    before = dict(sizes)
    sizes.update({name: 2 for name in ("n_layer", "num_hidden_layers") if name in sizes})
    try:
        if not folder.exists():
            folder.mkdir()
            hp = T3Config(text_tokens_dict_size=50276)
            hp.llama_config_name, hp.speech_tokens_dict_size = "GPT2_medium", 6563
            hp.input_pos_emb, hp.speech_cond_prompt_len = None, 375
            hp.use_perceiver_resampler = hp.emotion_adv = False
            save(session.speaker.ve, folder / "ve.safetensors")
            save(T3(hp), folder / "t3_turbo_v1.safetensors")
            save(S3Gen(meanflow=True), folder / "s3gen_meanflow.safetensors")
            save_tokenizer(base_of(session) / "tokenizer.json", folder)
        speaker = ChatterboxTurboTTS.from_local(folder, session.device)
    finally:
        sizes.clear()
        sizes.update(before)
    speaker.prepare_conditionals(session.clip(VOICE))
    conds = speaker.conds
    tensors = {**vars(conds.t3), **conds.gen}
    return {name: value for name, value in tensors.items() if hasattr(value, "detach")}


CALLS: Mapping[str, Callable[[Any, str, dict[str, Any]], dict[str, Any]]] = {
    "vc": convert,
    "multilingual": speak_multilingual,
    "turbo": prepare_turbo,
}


@contextlib.contextmanager
def kept_mel(flow: Any, mel: dict[str, Any]) -> Iterator[None]:
    """Keep what the flow gives, its noise and the vocoder's seeded."""
    import torch

    infer, vocode = flow.flow_inference, flow.hift_inference

    def kept(*arguments: Any, **named: Any) -> Any:
        torch.manual_seed(stage_seed(5, "mel"))
        mel["mel"] = infer(*arguments, **named)
        return mel["mel"]

    def seeded(*arguments: Any, **named: Any) -> Any:
        torch.manual_seed(stage_seed(5, "vocoder"))
        return vocode(*arguments, **named)

    flow.flow_inference, flow.hift_inference = kept, seeded
    yield


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


def base_of(session: Any) -> Path:
    """The folder of the base checkpoint; there is none for weights that were fetched."""
    folder = Path(session.assets["base"])
    if not (folder / "s3gen.safetensors").is_file():
        raise NotApplicable("these weights are not in a folder that the entry point loads from")
    return folder


def fresh_s3gen() -> Any:
    from chatterbox.models.s3gen import S3Gen

    return S3Gen()


def save(module: Any, path: Path) -> None:
    """A module's state in the layout of ``path``'s suffix."""
    from patcher.targets.chatterbox.checkpoint import save_state

    save_state(module.state_dict(), path)


def save_tokenizer(source: Path, folder: Path) -> None:
    """A tokenizer in the library's own layout."""
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(source), eos_token="[STOP]")
    tokenizer.save_pretrained(folder)
