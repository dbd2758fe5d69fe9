"""Prediction on the real package, held against what happens when it is patched for real."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from patcher.hazards.diagnosis_runs import tree_reader
from patcher.hazards.draft import draft
from patcher.hazards.model import Hazard, Place
from patcher.hazards.predict import predict
from patcher.hazards.tree import installed_package
from patcher.patchfile.reader import read_spec
from patcher.rewrite.replay import replay
from patcher.targets.adapter import Options
from tests.hazards.chatterbox_trees import Target, every_no_grad, shipped, target
from tests.hazards.embedding import FAILING, PASSING, Embedding

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]

S3GEN = "chatterbox/models/s3gen/s3gen.py"
REFUSED = "Inplace update to inference tensor outside InferenceMode is not allowed"


@pytest.fixture(scope="module")
def embedding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("embedding")
    with target(folder, Embedding(), Options(device="cpu")) as actual:
        yield actual


@pytest.fixture(scope="module")
def hazards(embedding: Target) -> tuple[Hazard, ...]:
    """What `inference_mode` will break, remedies of the shipped catalogue tried."""
    catalogue = shipped("embed_ref_lens_clone", "embed_ref_inference_mode")
    patches = shipped("inference_mode")
    return predict(patches, embedding.read, replay, embedding.surveys.survey, catalogue)


def test_inference_mode_has_exactly_the_hazard_that_makes_cases_fail(
    hazards: tuple[Hazard, ...],
) -> None:
    (hazard,) = hazards
    assert (hazard.kind, hazard.at.file, hazard.at.function) == (
        "inplace-update",
        S3GEN,
        "S3Token2Mel.embed_ref",
    )
    assert hazard.at.source == "ref_speech_token_lens[0] = ref_speech_tokens.shape[1]"
    assert hazard.made is not None
    assert hazard.made.function == "S3Tokenizer.forward"
    assert hazard.patch == "inference_mode"
    assert "decorator in S3Tokenizer.forward" in hazard.under


def test_the_condition_is_the_clips_length_with_239_samples_over_and_not_with_238(
    hazards: tuple[Hazard, ...],
) -> None:
    (hazard,) = hazards
    assert hazard.fires_when == (
        "`ref_mels_24.shape[1] != 2 * ref_speech_tokens.shape[1]` "
        "(ref_mels_24.shape[1] = 150, 2 * ref_speech_tokens.shape[1] = 152); "
        f"seen with {FAILING} (samples {FAILING}); "
        f"not with {PASSING} (ref_mels_24.shape[1] = 150, 2 * ref_speech_tokens.shape[1] = 150)"
    )


def test_the_shipped_remedy_is_named_because_nothing_is_left_with_it(
    hazards: tuple[Hazard, ...],
) -> None:
    assert [hazard.remedy for hazard in hazards] == ["embed_ref_lens_clone"]


@pytest.mark.slow
def test_with_every_no_grad_turned_what_is_predicted_is_what_fails(embedding: Target) -> None:
    patch = every_no_grad(embedding.tree)
    assert len(patch.edits) >= 3
    predicted = predict([patch], embedding.read, replay, embedding.surveys.survey)
    seen = embedding.failures(embedding.patched("every", [patch]))
    assert {case for hazard in predicted for case in hazard.cases} == set(seen)
    assert {(each.at.file, each.at.line) for each in predicted} == {
        (file, line) for file, line, _ in seen.values()
    }
    assert all(text.startswith(REFUSED) for _, _, text in seen.values())


@pytest.mark.slow
def test_the_drafted_remedy_makes_every_case_pass(
    embedding: Target, hazards: tuple[Hazard, ...]
) -> None:
    source = embedding.read(S3GEN)
    assert source is not None
    name, text = draft(hazards[0], source, "chatterbox-tts >=0.1,<0.2")
    drafted = read_spec(text, f"patches/{name}.yaml")
    tree = embedding.patched("drafted", [*shipped("inference_mode"), drafted])
    assert embedding.failures(tree) == {}


def test_the_draft_writes_the_very_bytes_of_the_shipped_remedy() -> None:
    root, _ = installed_package("chatterbox")
    read = tree_reader(root)
    source = read(S3GEN)
    assert source is not None
    update = "ref_speech_token_lens[0] = ref_speech_tokens.shape[1]"
    line = 1 + [text.strip() for text in source.decode().split("\n")].index(update)
    place = Place(S3GEN, line, "S3Token2Mel.embed_ref", update)
    hazard = Hazard("inplace-update", place, "", "inference_mode")
    name, text = draft(hazard, source, "chatterbox-tts >=0.1,<0.2")
    drafted = read_spec(text, f"patches/{name}.yaml")
    both = [*shipped("inference_mode"), drafted]
    assert replay(read, both) == replay(read, shipped("inference_mode", "embed_ref_lens_clone"))


@pytest.fixture(scope="module")
def generation(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Target]:
    """The nine cases of the matrix, on the tiny checkpoint."""
    from patcher.commands.shared.verify_request import cache_folder
    from patcher.targets.chatterbox import adapter

    folder = tmp_path_factory.mktemp("generation")
    options = Options(device="cpu", cache=cache_folder())
    with target(folder, adapter, options) as actual:
        yield actual


@pytest.mark.slow
def test_six_of_nine_real_generations_are_predicted_to_fail_and_do(generation: Target) -> None:
    patch = every_no_grad(generation.tree)
    (hazard,) = predict([patch], generation.read, replay, generation.surveys.survey)
    seen = generation.failures(generation.patched("every", [patch]))
    assert len(seen) == 6
    assert set(hazard.cases) == set(seen)
    assert {(file, line) for file, line, _ in seen.values()} == {(hazard.at.file, hazard.at.line)}


@pytest.mark.slow
def test_each_conversion_to_channels_last_is_named_with_its_rank(generation: Target) -> None:
    patches = shipped("channels_last")
    actual = predict(patches, generation.read, replay, generation.surveys.survey)
    assert {each.kind for each in actual} == {"channels-last-rank"}
    assert {(each.at.function, each.at.source.split(" = ")[0]) for each in actual} == {
        ("HiFTGenerator.inference", "speech_feat"),
        ("HiFTGenerator.inference", "cache_source"),
        ("HiFTGenerator.decode", "x"),
        ("HiFTGenerator.decode", "s"),
        *(("ConditionalDecoder.forward", name) for name in ("x", "mask", "mu", "cond")),
    }
    assert all("rank 3" in each.under for each in actual)
