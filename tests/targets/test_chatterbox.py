"""The real Chatterbox in one worker process: the branch that trims, replays and parts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from patcher.commands.shared.verify_request import cache_folder
from patcher.execution.executor import Job, LocalExecutor, Report, Step
from patcher.execution.process import FrozenTree, WorkerSite
from patcher.execution.results import stage_from
from patcher.execution.runner import Silent, run_job
from patcher.gates import arrays
from patcher.targets.adapter import Matrix, Options, Test
from patcher.targets.chatterbox import MODELS, TESTS, adapter
from tests.compiled_before import variables

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]

BLOCK = 960  # samples of 40 ms: one speech token, two mel frames
INPLACE = "Inplace update to inference tensor outside InferenceMode is not allowed"
RESIDUES = {238: "passes", 239: "fails"}


def clip_of(residue: int) -> Test:
    samples = 50 * BLOCK + residue
    options = {"text": "To the sample.", "reference": {"seed": 5, "samples": samples}, "tokens": 4}
    return Test(f"residue {residue}", options, seed=1)


MATRIX = Matrix(MODELS[:1], (*(clip_of(residue) for residue in RESIDUES), TESTS[0]))


def frozen(folder: Path, *, inference_mode: bool) -> FrozenTree:
    """The installed package's sources, with the report's decorators when asked for."""
    actual = distribution("chatterbox-tts")
    for file in actual.files or ():
        path = Path(str(file.locate()))
        if file.parts[0].startswith("chatterbox") and path.suffix != ".pyc" and path.is_file():
            target = folder / str(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    if inference_mode:
        for name in ("s3gen/hifigan.py", "s3tokenizer/s3tokenizer.py"):
            source = folder / "chatterbox" / "models" / name
            text = source.read_text()
            assert "torch.no_grad()" in text
            source.write_text(text.replace("torch.no_grad()", "torch.inference_mode()"))
    return FrozenTree.of(folder, f"inference_mode={inference_mode}", adapter.packages)


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    with LocalExecutor() as actual:
        yield actual


@pytest.fixture(scope="module")
def answers(executor: LocalExecutor, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One worker on the patched tree, asked everything these tests are about."""
    folder = tmp_path_factory.mktemp("chatterbox")
    tree = frozen(folder / "tree", inference_mode=True)
    version = distribution("chatterbox-tts").version
    assets = adapter.assets(MATRIX, Options(device="cpu", cache=cache_folder()), version)
    site = WorkerSite(
        tree,
        adapter.serving,
        folder / "logs",
        folder / "stages",
        assets=assets.values,
        device="cpu",
        threads=1,
        environ=variables(folder / "compiled"),
    )
    if not assets.ready:
        made = run_job(executor, Job(site, (Step("make", {"function": adapter.making}),)), Silent())
        assert made[-1].failure is None, made[-1].failure
    built_in = asdict(TESTS[0])
    run = {"test": built_in}
    steps = {
        "open": Step("open", {"model": asdict(MODELS[0]), "seed": 0}),
        **{test.name: Step("run", {"test": asdict(test)}) for test in MATRIX.tests[:-1]},
        "run first": Step("run", run),
        "first": Step("stages"),
        "run second": Step("run", run),
        "second": Step("stages"),
        "components": Step("components"),
        **{
            name: Step("component", {"name": name, "seed": 1, "warm": 1, "repeats": 1})
            for name in ("vocoder", "decoder", "tokenizer", "t3_step")
        },
    }
    actual = dict(
        zip(steps, run_job(executor, Job(site, tuple(steps.values())), Silent()), strict=True)
    )
    recorded = {stage["name"]: stage for stage in actual["first"].value["stages"]}
    audio = {
        "baseline/audio": actual["run first"].value["returned"][0],
        "patched/audio": {**recorded["waveform"], "name": "audio"},  # before it was marked
    }
    rates = {"baseline": 24_000, "patched": 24_000}
    again = (
        steps["open"],
        Step("replay", {"test": built_in, "recorded": recorded}),
        steps["vocoder"],
        Step("embedded", {"recorded": audio, "sample_rates": rates}),
    )
    names = ("reopened", "replay", "vocoder again", "embedded")
    return {
        **actual,
        **dict(zip(names, run_job(executor, Job(site, again), Silent()), strict=True)),
    }


def hashes(report: Report) -> Mapping[str, str]:
    assert report.failure is None, report.failure
    return {stage["name"]: stage["sha256"] for stage in report.value["stages"]}


def test_a_reference_clip_at_residue_238_passes_under_inference_mode(
    answers: dict[str, Report],
) -> None:
    report = answers["residue 238"]
    assert report.failure is None
    assert report.value["tokens"] == 4


def test_a_reference_clip_at_residue_239_fails_with_the_reports_text_at_the_trimming_line(
    answers: dict[str, Report],
) -> None:
    failure = answers["residue 239"].failure
    assert failure is not None
    assert failure.message.startswith(INPLACE)
    line = failure.frames[-1]
    assert (line.file, line.in_target) == ("chatterbox/models/s3gen/s3gen.py", True)
    assert line.text.startswith("ref_speech_token_lens[0] =")


def test_a_run_has_every_stage_an_audible_waveform_and_the_capped_number_of_tokens(
    answers: dict[str, Report],
) -> None:
    value = answers["run first"].value
    stages = answers["first"].value["stages"]
    names = [stage["name"] for stage in stages]
    assert names[-3:] == ["speech_tokens", "mel", "waveform"]
    assert value["tokens"] == 12
    assert value["audio_s"] == pytest.approx(12 / 25)
    waveform = stage_from(stages[-1])
    assert 0.001 < arrays.rms(arrays.load(waveform).numbers) < 0.5
    assert set(value["stage_s"]) >= {"speech_tokens", "mel", "vocoder"}


def test_a_case_repeats_itself_to_the_bit_after_other_voices_in_the_same_process(
    answers: dict[str, Report],
) -> None:
    assert hashes(answers["first"]) == hashes(answers["second"])


def test_replayed_stages_are_the_recorded_ones_where_the_tree_is_the_same(
    answers: dict[str, Report],
) -> None:
    replayed = hashes(answers["replay"])
    assert list(replayed) == ["logits", "draws", "mel", "waveform"]
    assert replayed["mel"] == hashes(answers["first"])["mel"]
    logits = next(s for s in answers["replay"].value["stages"] if s["name"] == "logits")
    assert logits["shape"][1:] == [2, 8194]


def test_the_planted_margin_keeps_the_best_token_clear_of_the_second(
    answers: dict[str, Report],
) -> None:
    stage = next(s for s in answers["replay"].value["stages"] if s["name"] == "logits")
    gaps = []
    for row in arrays.load(stage_from(stage)).rows():
        first, second = sorted(row, reverse=True)[:2]
        gaps.append(first - second)
    assert sorted(gaps)[len(gaps) // 2] > 0.1


def test_the_watermark_is_read_out_of_what_was_returned_and_of_nothing_else(
    answers: dict[str, Report],
) -> None:
    assert answers["embedded"].failure is None, answers["embedded"].failure
    read = answers["embedded"].value["embedded"]
    assert read == {"baseline": {"watermark of audio": "1"}, "patched": {}}


@pytest.mark.parametrize("name", ["vocoder", "decoder", "tokenizer", "t3_step"])
def test_a_part_runs_alone_and_is_timed(answers: dict[str, Report], name: str) -> None:
    assert name in answers["components"].value["components"]
    value = answers[name].value
    assert answers[name].failure is None, answers[name].failure
    assert len(value["times_s"]) == 1
    assert value["stages"]


def test_a_part_on_the_same_seed_gives_the_same_output_in_another_process(
    answers: dict[str, Report],
) -> None:
    assert hashes(answers["vocoder"]) == hashes(answers["vocoder again"])


CONVERTED = """
        s3gen.flow.decoder.estimator.to(torch.bfloat16)
        torch.ao.quantization.quantize_dynamic(t3.tfmr, {torch.nn.Linear}, inplace=True)
        return cls(t3, s3gen, ve, tokenizer, device, conds=conds)
"""


@pytest.mark.slow  # another load of a model, for one recipe
def test_the_recipe_leaves_alone_what_a_patch_has_converted_and_says_that_nothing_is_left(
    executor: LocalExecutor, answers: dict[str, Report], tmp_path: Path
) -> None:
    tree = frozen(tmp_path / "tree", inference_mode=False)
    source = tree.path / "chatterbox" / "tts.py"
    ending = "        return cls(t3, s3gen, ve, tokenizer, device, conds=conds)\n"
    text = source.read_text()
    assert ending in text
    source.write_text(text.replace(ending, CONVERTED))
    version = distribution("chatterbox-tts").version
    assets = adapter.assets(MATRIX, Options(device="cpu", cache=cache_folder()), version)
    site = WorkerSite(
        FrozenTree.of(tree.path, "converted", adapter.packages),
        adapter.serving,
        tmp_path / "logs",
        tmp_path / "stages",
        assets=assets.values,
        device="cpu",
        threads=1,
    )
    mixed = next(model for model in MODELS if model.options.get("recipe"))
    opening = Step("open", {"model": asdict(mixed), "seed": 0})
    (report,) = run_job(executor, Job(site, (opening, Step("components"))), Silent())
    assert report.failure is None, report.failure
    assert report.value["not_applicable"] == "every part this recipe converts is converted already"
