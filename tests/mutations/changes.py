"""Source changes a gate must reject or accept, for Chatterbox and for the small target.

Each is a set of exact replacements in the target's own source, so that what is judged ran through
the package's own loading and generation.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Change:
    """``before``, which occurs once in ``file``, becomes ``after``."""

    file: str
    before: str
    after: str


Changes = Sequence[Change]


def copy_tree(source: Path, destination: Path, changes: Changes) -> str:
    """Copy a package's folder with changes made; the hash of the copy.

    Args:
        source: folder that holds the files the changes name, relative to it.
    """
    shutil.copytree(source, destination, ignore=shutil.ignore_patterns("__pycache__"))
    for change in changes:
        path = destination / change.file
        text = path.read_text(encoding="utf-8")
        if text.count(change.before) != 1:
            actual = text.count(change.before)
            raise ValueError(f"{change.file}: {actual} occurrences of {change.before!r}, not one")
        path.write_text(text.replace(change.before, change.after), encoding="utf-8")
    return sources_sha256(destination)


def sources_sha256(folder: Path) -> str:
    """The hash of all Python sources below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def installed_package(name: str) -> Path:
    """The folder of an installed package."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


HIFIGAN, FLOW = "models/s3gen/hifigan.py", "models/s3gen/flow.py"
MATCHING = "models/s3gen/flow_matching.py"
T3, BACKEND = "models/t3/t3.py", "models/t3/inference/t3_hf_backend.py"
SOURCED = "            s[:, :, :cache_source.shape[2]] = cache_source\n"
SPOKEN = SOURCED + "        generated_speech = self.decode(x=speech_feat, s=s)\n"
PREFILLED = "        past = output.past_key_values\n\n        # ---- Generation Loop"
LOADED = "        t3.to(device).eval()\n\n        s3gen = S3Gen()\n        s3gen.load_state_dict("
NOISE = "        z = torch.randn_like(mu)\n"
FRAMES = "        feat = feat[:, :, mel_len1:]\n        assert"
SPEAKER = "        embedding = torch.atleast_2d(embedding)\n"


def speech(expression: str) -> Changes:
    """Change the vocoder's output ``w`` of shape (1, samples)."""
    after = f"{SPOKEN}        w = generated_speech\n        generated_speech = {expression}\n"
    return (Change(HIFIGAN, SPOKEN, after),)


REJECTED: Mapping[str, Changes] = {
    "silence": speech("w * 0"),
    "one-sample shift": speech("torch.roll(w, 1, -1)"),
    "gain 1.1": speech("w * 1.1"),
    "truncated tail": speech("w[:, :-2400]"),
    "NaN": speech("torch.where(torch.arange(w.shape[1]) == 77, torch.nan, w)"),
    "swapped seeds": (Change(MATCHING, NOISE, f"        torch.rand(1)\n{NOISE}"),),
    "dropped frame": (
        Change(FLOW, FRAMES, FRAMES.replace("mel_len1:]", "mel_len1:].roll(-1, 2)")),
    ),
    "other speaker": (
        Change(FLOW, SPEAKER, SPEAKER.replace("(embedding)", "(embedding).flip(-1)")),
    ),
    "KV cache off by one": (
        Change(
            T3,
            PREFILLED,
            PREFILLED.replace(
                "_values\n", "_values\n        past.crop(past.get_seq_length() - 1)\n", 1
            ),
        ),
    ),
}


def loaded(statement: str) -> Change:
    """Run a statement once T3 is loaded."""
    return Change("tts.py", LOADED, LOADED.replace("\n\n", f"\n        {statement}\n\n", 1))


REORDERED: Changes = (
    loaded('t3.tfmr.set_attn_implementation("eager")'),
    Change(HIFIGAN, "x = xs / self.num_kernels", "x = xs * (1 / self.num_kernels)"),
    Change(
        MATCHING,
        "((1.0 + self.inference_cfg_rate) * dxdt - self.inference_cfg_rate * cfg_dxdt)",
        "dxdt + self.inference_cfg_rate * (dxdt - cfg_dxdt)",
    ),
)
EMBEDDED = (
    "inputs_embeds=inputs_embeds,\n            past_key_values=past_key_values,\n            use"
)
HIDDEN = "hidden_states = tfmr_out.hidden_states[-1]"
BFLOAT16: Changes = (
    loaded("t3.tfmr.to(torch.bfloat16)"),
    Change(BACKEND, EMBEDDED, EMBEDDED.replace("embeds,", "embeds.to(torch.bfloat16),", 1)),
    Change(BACKEND, HIDDEN, f"{HIDDEN}.float()"),
)
QUANTIZE = "torch.ao.quantization.quantize_dynamic"
INT8: Changes = (
    loaded(f"{QUANTIZE}(t3.tfmr, {{torch.nn.Linear}}, dtype=torch.qint8, inplace=True)"),
)

# The loosest claim under which each passes.
ACCEPTED: Mapping[str, tuple[str, Changes]] = {
    "untouched copy": ("bitwise", ()),
    "re-ordered float sums": ("close", REORDERED),
    "T3 in bfloat16": ("perceptual", BFLOAT16),
    "T3 in int8": ("perceptual", INT8),
    # A fault, and a limit: on these weights the perceptual gate cannot tell it from rounding.
    "position off by one": (
        "perceptual",
        (Change(T3, "get_fixed_embedding(i + 1)", "get_fixed_embedding(i + 2)"),),
    ),
}

# The same faults in the small target: `hum/voice.py`, whose samples are ``samples``.
VOICE = "hum/voice.py"
SUNG = "        return samples\n"
DRAWN = "table[at * step % SAMPLES]"


def sung(expression: str) -> Changes:
    """Change the small target's list of samples ``w``."""
    return (Change(VOICE, SUNG, f"        w = samples\n        return {expression}\n"),)


SMALL_REJECTED: Mapping[str, Changes] = {
    "silence": sung("[0.0 * v for v in w]"),
    "one-sample shift": sung("w[-1:] + w[:-1]"),
    "gain 1.1": sung("[1.1 * v for v in w]"),
    "truncated tail": sung("w[:-320]"),
    "NaN": sung("[*w[:77], math.nan, *w[78:]]"),
    "other speaker": (Change(VOICE, "self.pitch = pitch", "self.pitch = pitch * 1.5"),),
    "dropped frame": (
        Change(VOICE, "for token in tokens]", "for token in tokens[1:] + tokens[:1]]"),
    ),
}
SMALL_ACCEPTED: Mapping[str, tuple[str, Changes]] = {
    "untouched copy": ("bitwise", ()),
    "re-ordered float sums": (
        "close",
        (Change(VOICE, "/ 8\n", "* 0.1250000001\n"),),
    ),
    "rounded levels": (
        "perceptual",
        (
            Change(
                VOICE,
                "level * table[at * step % SAMPLES]",
                "round(level * table[at * step % SAMPLES], 3)",
            ),
        ),
    ),
}
