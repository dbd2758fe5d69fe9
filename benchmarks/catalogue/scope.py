"""Which stages of a generation a patch can change, and what cannot be measured where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from patcher.patchfile.model import Edit, EditKind
from patcher.patchfile.versions import fits

if TYPE_CHECKING:
    from benchmarks.catalogue.trees import Subject

STAGES = ("conditionals", "speech_tokens", "mel", "vocoder")
VOICE, TOKENS, MEL, VOCODER = ((stage,) for stage in STAGES)
MULTILINGUAL = "chatterbox/models/t3/inference/alignment_stream_analyzer.py"

# File and definition as globs, and what the edit's text mentions: the first that fits decides.
RULES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("chatterbox/tts.py", "*.prepare_conditionals", "", VOICE),
    ("chatterbox/tts.py", "*.from_local", r"\bt3\b", TOKENS),
    ("chatterbox/tts.py", "*.from_local", r"\bmel2wav\b", VOCODER),
    ("chatterbox/tts.py", "*.from_local", r"\bs3gen\b", MEL),
    ("chatterbox/tts.py", "ChatterboxTTS", r"\bgenerate_batch\b", (*TOKENS, *MEL)),
    ("chatterbox/tts.py", "*.inference_stream", "", TOKENS),
    ("chatterbox/tts.py", "*.generate_stream", "", (*TOKENS, *MEL, *VOCODER)),
    ("chatterbox/models/t3/*", "*", "", TOKENS),
    ("chatterbox/models/s3gen/s3gen.py", "*.embed_ref", "", VOICE),
    ("chatterbox/models/s3gen/xvector.py", "*", "", VOICE),
    ("chatterbox/models/s3gen/hifigan.py", "*", "", VOCODER),
    ("chatterbox/models/s3gen/f0_predictor.py", "*", "", VOCODER),
    ("chatterbox/models/s3gen/*", "*", "", MEL),
    ("chatterbox/models/s3tokenizer/*", "*", "", VOICE),
    ("chatterbox/models/voice_encoder/*", "*", "", VOICE),
    # Other programs of the same package, which the generations measured here never enter.
    ("chatterbox/mtl_tts.py", "*", "", ()),
    ("chatterbox/tts_turbo.py", "*", "", ()),
    ("chatterbox/vc.py", "*", "", ()),
)
# These run nothing by themselves: some other edit of the patch calls what they bring.
SUPPORTING = (EditKind.IMPORT, EditKind.ADD_FILE, EditKind.DEFINE)

_NO_KERNEL = "for CPUs: dynamic int8 has no other kernel, and the patch changes nothing"
_OWN_CALL = "a call of its own, which these generations do not make"
OWN_CALL = {"generate_batch": _OWN_CALL, "@throughput": _OWN_CALL}
GPU_ONLY = {"@fast-gpu": "for a GPU: a CPU runs it as the exact set"}
CPU_ONLY = {"t3_int8": _NO_KERNEL, "cfm_int8": _NO_KERNEL, "flow_int8": _NO_KERNEL}


def stages_of(subject: Subject) -> tuple[str, ...]:
    """The stages whose code a subject edits, in the order they run."""
    edits = (edit for patch in subject.series for edit in patch.edits)
    touched = {stage for edit in edits for stage in touches(edit)}
    return tuple(stage for stage in STAGES if stage in touched)


def touches(edit: Edit) -> tuple[str, ...]:
    """The stages that run what one edit changes.

    Raises:
        LookupError: no rule says so; `RULES` needs another line.
    """
    if edit.kind in SUPPORTING:
        return ()
    text = f"{edit.pattern or ''}\n{edit.replacement or ''}"
    for file, within, mentions, stages in RULES:
        named = fnmatchcase(edit.file, file) and fnmatchcase(edit.within or "", within)
        if named and re.search(mentions, text):
            return stages
    raise LookupError(f"no rule says which stage runs {edit.file}: {edit.within}")


def why_not(part: str, subject: Subject, distribution: str, version: str, device: str) -> str:
    """Why a part cannot say anything of a subject, in words; empty where it can."""
    for patch in subject.series:
        if not fits(patch, distribution, version):
            return f"for {names_of(patch.targets)}"
    alone = [patch.name for patch in subject.series] == [subject.name]
    if device != "cpu" and alone and subject.name in CPU_ONLY:
        return CPU_ONLY[subject.name]
    if part == "gates":
        return ""
    if part in ("stages", "speed", "start"):
        why = OWN_CALL.get(subject.name) or (device == "cpu" and GPU_ONLY.get(subject.name))
        if why:
            return why
    if alone and subject.series[0].reproduction:
        return "documents a failure, see its gate"
    if part != "counts" and alone and any(e.file == MULTILINGUAL for e in subject.series[0].edits):
        return "for the multilingual model, which these generations do not use"
    return ""


def names_of(requirements: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(Requirement(text).name for text in requirements))
