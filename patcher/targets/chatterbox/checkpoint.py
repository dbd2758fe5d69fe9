"""Synthetic checkpoints: seeded weights of the package's own classes, in the real file layout.

Runs in a worker on the baseline tree. The files are those `ChatterboxTTS.from_local` asks for;
the classes make their own initial weights, with three changes that make verdicts mean something:

- the speech head carries a planted margin. Untrained logits are nearly flat, so that any rounding
  flips the argmax and token agreement says nothing; adding a little of a token's embedding to the
  head's row of another token gives a gap between first and second as trained models have;
- the tiny T3's attention is sharpened. Untrained attention is an average over all positions and
  adds next to nothing: losing an entry of the cache changes the logits no more than rounding to
  int8 does. Sharp and louder, it changes them some ten times more (figures: docs/gates.md);
- the speaker's embedding weighs more in the flow, so that another speaker is another sound.
"""

from __future__ import annotations

import inspect
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.targets.chatterbox.clips import write_clip
from patcher.targets.chatterbox.scale import apply_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RECIPE = 5
"""Number of this recipe; raise it whenever the files it makes change."""

SEED = 20_260_101
MARGIN = {"tiny": 0.035, "deep": 0.06, "full": 0.01}  # times the embedding
# Times the weights of queries and keys, and of values and outputs. Ten or thirty layers of it would
# multiply rounding by as much: int8 then fails the gate it should pass.
SHARPNESS = {"tiny": 3.5, "full": 1.0}
LOUDNESS = {"tiny": 2.5, "full": 1.0}
SHARP_LAYERS = 2  # all of the tiny T3; a fork that hooks deep layers has more, see above
DEEP = {"tiny": 0.25, "full": 1.0}  # what the layers below them add, so that depth changes little
SPEAKER_WEIGHT = 4.0
VALID_TOKENS = 6561
FINE_TUNE_RANK = 8
FINE_TUNED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
# A whole number of 40 ms blocks: embedding the built-in voice trims nothing.
BUILT_IN_SAMPLES = 75 * 960
TEXT_TOKENS = ("[STOP]", "[UNK]", "[SPACE]", "[PAD]", "[SEP]", "[CLS]", "[MASK]")
START_ID = 255


def make(values: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Make what is missing of ``values``: clips, the base folder, the fine-tuned one.

    Every folder appears complete or not at all; two processes making the same one is harmless.
    """
    for clip in values["clips"].values():
        if "samples" in clip and not Path(clip["path"]).exists():
            write_clip(Path(clip["path"]), clip["seed"], clip["samples"])
    if values["kind"] == "pretrained":
        say("fetching the published weights")
        values = {**values, "base": str(fetch_pretrained())}
    base, tuned = Path(values["base"]), Path(values["grpo"])
    if values["kind"] == "synthetic" and not base.exists():
        say(f"making the synthetic checkpoint ({values['scale']}); this happens once")
        appear(base, lambda folder: make_base(folder, values["scale"]))
    if not tuned.exists():
        say("merging a fine-tuned T3 into a checkpoint of its own")
        appear(tuned, lambda folder: make_tuned(folder, base))


def appear(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder that is there complete or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        fill(unfinished)
        unfinished.chmod(0o755)
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def fetch_pretrained() -> Path:
    """The folder of the published weights, fetched as the package itself fetches them."""
    from chatterbox import tts
    from huggingface_hub import hf_hub_download

    names = [f"ve{suffix()}", f"t3_cfg{suffix()}", f"s3gen{suffix()}", "tokenizer.json", "conds.pt"]
    paths = [hf_hub_download(repo_id=tts.REPO_ID, filename=name) for name in names]
    return Path(paths[-1]).parent


def suffix() -> str:
    """Suffix of the weight files this version of the package loads."""
    from chatterbox import tts

    source = inspect.getsource(tts.ChatterboxTTS.from_local)
    return ".safetensors" if "ve.safetensors" in source else ".pt"


def make_base(folder: Path, scale: str) -> None:
    """Fill ``folder`` with a checkpoint of seeded weights."""
    import torch

    apply_scale(scale)
    from chatterbox.models.s3gen import S3Gen
    from chatterbox.models.t3 import T3
    from chatterbox.models.voice_encoder import VoiceEncoder
    from chatterbox.tts import ChatterboxTTS

    torch.manual_seed(SEED)
    save_state(VoiceEncoder().state_dict(), folder / f"ve{suffix()}")
    t3 = T3()
    deep = scale == "tiny" and len(t3.tfmr.layers) > SHARP_LAYERS
    plant_margin(t3, "deep" if deep else scale)
    sharpen_attention(t3, scale)
    save_state(t3.state_dict(), folder / f"t3_cfg{suffix()}")
    del t3
    s3gen = S3Gen()
    with torch.no_grad():
        s3gen.flow.spk_embed_affine_layer.weight *= SPEAKER_WEIGHT
    save_state(s3gen.state_dict(), folder / f"s3gen{suffix()}")
    del s3gen
    make_text_tokenizer(folder / "tokenizer.json")
    write_clip(folder / "voice.wav", SEED, BUILT_IN_SAMPLES)
    speaker = ChatterboxTTS.from_local(folder, "cpu")
    speaker.prepare_conditionals(str(folder / "voice.wav"))
    speaker.conds.save(folder / "conds.pt")


def plant_margin(t3: Any, scale: str, at_start: float = 0.0) -> None:
    """Add to the head's row of one valid token a little of another one's embedding.

    Tokens above the audible ones keep their flat logits, so that generations keep their length.

    Args:
        at_start: times the margin, the same for the start token. Without it the first token's
            logits are flat, and the smallest rounding changes which is the largest.
    """
    import torch

    with torch.no_grad():
        other = torch.randperm(VALID_TOKENS)
        t3.speech_head.weight[other] += MARGIN[scale] * t3.speech_emb.weight[:VALID_TOKENS]
        start = t3.speech_emb.weight[t3.hp.start_speech_token]
        t3.speech_head.weight[other[0]] += at_start * MARGIN[scale] * start


def sharpen_attention(t3: Any, scale: str) -> None:
    """Make each head attend to few positions, and what attention adds count beside the tokens."""
    import torch

    with torch.no_grad():
        for layer in t3.tfmr.layers[:SHARP_LAYERS]:
            attention = layer.self_attn
            for part in (attention.q_proj, attention.k_proj):
                part.weight *= SHARPNESS[scale]
            for part in (attention.v_proj, attention.o_proj):
                part.weight *= LOUDNESS[scale]
        for layer in t3.tfmr.layers[SHARP_LAYERS:]:
            for part in (layer.self_attn.o_proj, layer.mlp.down_proj):
                part.weight *= DEEP[scale]


def make_tuned(folder: Path, base: Path) -> None:
    """Fill ``folder`` with ``base``'s files, its T3 carrying a seeded low-rank update, merged.

    The shape of a LoRA fine-tune after merging: every attention and feed-forward projection gets
    ``B @ A`` of rank 8, scaled to a hundredth of the weight's own norm.
    """
    import torch

    for file in base.iterdir():
        if not file.name.startswith("t3_cfg"):
            os.symlink(file.resolve(), folder / file.name)
    generator = torch.Generator().manual_seed(SEED)
    source = next(base.glob("t3_cfg.*")).resolve()
    state = load_state(source)
    state = state["model"][0] if "model" in state else state
    for name, weight in state.items():
        if name.split(".")[-2:-1] and name.split(".")[-2] in FINE_TUNED:
            rows, columns = weight.shape
            left = torch.randn(rows, FINE_TUNE_RANK, generator=generator)
            update = left @ torch.randn(FINE_TUNE_RANK, columns, generator=generator)
            update *= 0.01 * weight.float().norm() / update.norm()
            state[name] = (weight.float() + update).to(weight.dtype)
    save_state(state, folder / f"t3_cfg{suffix()}")


def save_state(state: Mapping[str, Any], path: Path) -> None:
    """Write a state dict, as safetensors or by pickle, by the suffix of ``path``."""
    import torch
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)


def load_state(path: Path) -> Any:
    """Read what `save_state` writes."""
    import torch
    from safetensors.torch import load_file

    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def make_text_tokenizer(path: Path, further: Sequence[str] = ()) -> None:
    """Write a tokenizer of single characters with the special tokens the package checks for.

    Args:
        further: more special tokens, for instance those of languages.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import BPE

    tokens = [*TEXT_TOKENS, *(chr(code) for code in range(33, 127)), *further]
    tokens += [f"[unused{number}]" for number in range(len(tokens), START_ID)]
    vocabulary = {token: number for number, token in enumerate([*tokens, "[START]"])}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.add_special_tokens(["[START]", *TEXT_TOKENS, *further])
    tokenizer.save(str(path))
