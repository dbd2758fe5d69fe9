"""Diagnosis on the real package, through workers: also when the target is not as it was shipped."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from patcher.execution.results import Arm, Case, Failure, Frame
from patcher.execution.runner import Runner, Silent
from patcher.hazards.diagnosis import Failed, Suspects, diagnose
from patcher.hazards.diagnosis_runs import Variants, WorkerRuns
from patcher.rewrite.replay import replay
from patcher.targets.adapter import Options
from patcher.verify.judge import Bench
from tests.hazards.chatterbox_trees import shipped, target
from tests.hazards.embedding import FAILING, MODEL, PASSING, Embedding

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.slow,  # `test_diagnosis` is its fast slice
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]

S3GEN = "chatterbox/models/s3gen/s3gen.py"
UPDATE = "ref_speech_token_lens[0] = ref_speech_tokens.shape[1]"
MOVED = """
def trim(lengths, tokens):
    lengths[0] = tokens.shape[1]


class S3Token2Mel("""


def test_the_update_is_found_where_it_was_moved_to_under_another_name(tmp_path: Path) -> None:
    edits = (
        (S3GEN, UPDATE, "trim(sizes, ref_speech_tokens)"),
        (S3GEN, "ref_speech_token_lens", "sizes"),
        (S3GEN, "\nclass S3Token2Mel(", MOVED),
    )
    with target(tmp_path, Embedding(), Options(device="cpu"), *edits) as actual:
        patches = shipped("inference_mode")
        tree = actual.patched("patched", patches)
        failures = actual.failures(tree)
        (case,) = failures
        file, line, text = failures[case]
        actual.setup.sites[Arm.PATCHED] = actual.site(tree)  # type: ignore[index]
        runner = Runner(actual.executor, actual.setup.sites, Silent())
        bench = Bench(actual.setup, actual.executor, Silent(), runner)
        frame = Frame(file, line, "", in_target=True)
        failed = Failed(
            Case(MODEL.name, str(FAILING)), Failure("exception", "RuntimeError", text, (frame,))
        )
        catalogue = shipped("embed_ref_lens_clone", "embed_ref_inference_mode")
        (diagnosis,) = diagnose(
            [failed],
            [Case(MODEL.name, str(PASSING))],
            Suspects(patches, actual.read, replay, catalogue),
            WorkerRuns(bench, Variants(actual.tree, tmp_path / "remedies")),
        )
        source = (actual.read(S3GEN) or b"").decode().split("\n")
    assert diagnosis.where == S3GEN
    assert diagnosis.line == 1 + source.index("    lengths[0] = tokens.shape[1]")
    assert "in trim updates in place" in diagnosis.cause
    assert diagnosis.created_at is not None
    assert diagnosis.created_at.endswith(" S3Tokenizer.forward")
    assert diagnosis.patch == "inference_mode"
    # `embed_ref_lens_clone` no longer fits this source; the other companion does.
    assert diagnosis.remedy == "embed_ref_inference_mode"
