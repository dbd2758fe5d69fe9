"""Synthetic checkpoints of the other entry points, each in the file layout its own loader asks for.

Runs in a worker. What an entry point shares with `ChatterboxTTS` (voice encoder, flow, vocoder) has
the base checkpoint's weights; its T3 is seeded and small.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.targets.chatterbox import checkpoint
from patcher.targets.chatterbox.clips import write_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MODULES = {
    "multilingual": ("chatterbox.mtl_tts", "ChatterboxMultilingualTTS", None),
    "multilingual-v3": ("chatterbox.mtl_tts", "ChatterboxMultilingualTTS", "t3_model"),
    "turbo": ("chatterbox.tts_turbo", "ChatterboxTurboTTS", None),
    "nano": ("chatterbox.tts_turbo", "ChatterboxTurboTTS", "nano"),
    "voice-conversion": ("chatterbox.vc", "ChatterboxVC", None),
    "whole": ("chatterbox.tts", "ChatterboxTTS", None),
}
"""By entry point: its module, its class, and the argument of `from_local` that asks for it."""

T3_FILES = {
    "multilingual": "t3_mtl23ls_v2.safetensors",
    "multilingual-v3": "t3_mtl23ls_v3.safetensors",
    "turbo": "t3_turbo_v1.safetensors",
    "nano": "t3_nano_v1.safetensors",
}
BACKBONES = {"turbo": "GPT2_medium", "nano": "GPT2_small"}  # any other: Llama_520M
ANALYSED_LAYERS = 14  # v2: its analyser watches layers 9, 12 and 13
TURBO_VOICE_SAMPLES = 150 * 960  # six seconds: five and less are refused
TINY_VOCABULARY = 8  # of the backbone's own embedding, which the loader deletes


def make(values: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Make what is missing of ``values``, the folders of other entry points included.

    Those of entry points that this version does not have are left out. One that is tried beside
    the models and cannot be made stops nothing: its call says why, in both arms.
    """
    checkpoint.make(values, say)
    if values["kind"] == "pretrained":
        from patcher.targets.chatterbox import recognition

        recognition.fetch(say)
    if values["kind"] != "synthetic":
        return
    for entry, path in values["entries"].items():
        make_entry(entry, Path(path), values, say)
    for entry, path in values["tried"].items():
        try:
            make_entry(entry, Path(path), values, say)
        except Exception as error:
            say(f"no synthetic checkpoint for {entry}: {type(error).__name__}: {error}")


def make_entry(
    entry: str, folder: Path, values: Mapping[str, Any], say: Callable[[str], None]
) -> None:
    """Make an entry point's folder, where this version has the entry point and it is not there."""
    if not folder.exists() and missing(entry) is None:
        say(f"making a synthetic checkpoint for {entry}")
        base, scale = Path(values["base"]), values["scale"]
        checkpoint.appear(folder, partial(fill, entry, base=base, scale=scale))


def missing(entry: str) -> str | None:
    """Why this version of the package does not have an entry point; None when it does."""
    module, name, argument = MODULES[entry]
    if find_spec(module) is None:
        return f"this version has no {module}"
    if argument is None:
        return None
    loader = getattr(importlib.import_module(module), name).from_local
    if argument in inspect.signature(loader).parameters:
        return None
    return f"{name}.from_local of this version has no argument {argument}"


def fill(entry: str, folder: Path, base: Path, scale: str) -> None:
    """Fill ``folder`` with what the loader of ``entry`` asks for.

    Args:
        base: the checkpoint of `ChatterboxTTS`, made before.
    """
    import torch

    from patcher.targets.chatterbox.scale import apply_scale

    apply_scale(scale)
    torch.manual_seed(checkpoint.SEED + list(MODULES).index(entry))
    if entry in BACKBONES:
        fill_turbo(entry, folder, base, scale)
    elif entry in T3_FILES:
        fill_multilingual(entry, folder, base, scale)
    else:  # the base checkpoint's own files
        for file in base.iterdir():
            os.symlink(file.resolve(), folder / file.name)


def fill_multilingual(entry: str, folder: Path, base: Path, scale: str) -> None:
    """Pickled weights but for T3's, a tokenizer with tokens for languages, the built-in voice."""
    from chatterbox.models.t3 import T3
    from chatterbox.models.t3.modules.t3_config import T3Config
    from chatterbox.mtl_tts import SUPPORTED_LANGUAGES

    for part in ("ve", "s3gen"):
        checkpoint.save_state(weights_of(base, part), folder / f"{part}.pt")
    layers = {"num_hidden_layers": ANALYSED_LAYERS} if entry == "multilingual" else {}
    with resized("Llama_520M", layers if scale == "tiny" else {}):
        t3 = T3(T3Config.multilingual())
    checkpoint.plant_margin(t3, scale, at_start=0.5)
    checkpoint.save_state(t3.state_dict(), folder / T3_FILES[entry])
    languages = [f"[{language}]" for language in SUPPORTED_LANGUAGES]
    name = "grapheme_mtl_merged_expanded_v1.json"
    checkpoint.make_text_tokenizer(folder / name, languages)
    if (base / "conds.pt").exists():
        os.symlink((base / "conds.pt").resolve(), folder / "conds.pt")


def fill_turbo(entry: str, folder: Path, base: Path, scale: str) -> None:
    """Safetensors, a tokenizer in the library's own layout, a voice of more than five seconds."""
    from chatterbox.models.s3gen import S3Gen
    from chatterbox.models.t3 import T3
    from chatterbox.models.t3.modules.t3_config import T3Config

    hp = T3Config(text_tokens_dict_size=50276)  # as `ChatterboxTurboTTS.from_local` has it
    hp.llama_config_name, hp.speech_tokens_dict_size = BACKBONES[entry], 6563
    hp.input_pos_emb, hp.speech_cond_prompt_len = None, 375
    hp.use_perceiver_resampler = hp.emotion_adv = False
    small = {"n_layer": 2, "vocab_size": TINY_VOCABULARY} if scale == "tiny" else {}
    with resized(BACKBONES[entry], small):
        t3 = T3(hp)
    checkpoint.plant_margin(t3, scale)
    checkpoint.save_state(t3.state_dict(), folder / T3_FILES[entry])
    del t3
    checkpoint.save_state(weights_of(base, "ve"), folder / "ve.safetensors")
    checkpoint.save_state(S3Gen(meanflow=True).state_dict(), folder / "s3gen_meanflow.safetensors")
    save_tokenizer(base / "tokenizer.json", folder)
    write_clip(folder / "voice.wav", checkpoint.SEED, TURBO_VOICE_SAMPLES)
    speaker = load_turbo(entry, folder, "cpu", tiny=scale == "tiny")
    speaker.prepare_conditionals(str(folder / "voice.wav"))
    speaker.conds.save(folder / "conds.pt")


def weights_of(base: Path, part: str) -> Mapping[str, Any]:
    """The base checkpoint's weights of one part, whatever layout it is in."""
    state: Mapping[str, Any] = checkpoint.load_state(next(base.glob(f"{part}.*")).resolve())
    return state


def sizes_of(file: Path) -> dict[str, int]:
    """The sizes of a backbone, as a file with a T3's weights has them."""
    from safetensors import safe_open

    with safe_open(file, framework="pt") as weights:  # type: ignore[no-untyped-call]
        names = list(weights.keys())
        layers = {
            name.split(".")[2] for name in names if name.startswith(("tfmr.layers.", "tfmr.h."))
        }
        if "tfmr.wte.weight" in names:
            vocabulary = weights.get_slice("tfmr.wte.weight").get_shape()[0]
            return {"n_layer": len(layers), "vocab_size": vocabulary}
        gate = weights.get_slice("tfmr.layers.0.mlp.gate_proj.weight").get_shape()
        return {"num_hidden_layers": len(layers), "intermediate_size": gate[0]}


@contextlib.contextmanager
def resized(backbone: str, sizes: Mapping[str, int]) -> Iterator[None]:
    """Let models that are built meanwhile have a backbone of these sizes."""
    from chatterbox.models.t3 import llama_configs

    config = llama_configs.LLAMA_CONFIGS[backbone]
    before = dict(config)
    config.update(sizes)
    try:
        yield
    finally:
        config.clear()
        config.update(before)


def chosen_turbo(entry: str) -> dict[str, bool]:
    """The argument that asks for Nano."""
    return {"nano": True} if entry == "nano" else {}


def load_turbo(entry: str, folder: Path, device: str, *, tiny: bool) -> Any:
    """`ChatterboxTurboTTS.from_local`, its backbone of the size that the weights have."""
    from chatterbox.tts_turbo import ChatterboxTurboTTS

    sizes = sizes_of(folder / T3_FILES[entry]) if tiny else {}
    with resized(BACKBONES[entry], sizes):
        return ChatterboxTurboTTS.from_local(folder, device, **chosen_turbo(entry))


def save_tokenizer(source: Path, folder: Path) -> None:
    """A tokenizer in the library's own layout."""
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(source), eos_token="[STOP]")
    tokenizer.save_pretrained(folder)
