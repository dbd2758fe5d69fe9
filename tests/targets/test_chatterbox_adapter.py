"""The parent side of the Chatterbox adapter: matrix, assets and errors, without torch."""

from __future__ import annotations

import subprocess
import sys
import wave
from dataclasses import replace
from pathlib import Path

import pytest

from patcher.commands.shared.verify_request import further_models, selected
from patcher.errors import PatcherError
from patcher.targets import find_adapter
from patcher.targets.adapter import Options
from patcher.targets.chatterbox import adapter, clip_key, folders
from patcher.targets.chatterbox.clips import SAMPLE_RATE, write_clip

EMPTY: dict[str, object] = {}


def test_the_default_matrix_is_the_reports_three_models_by_three_tests() -> None:
    matrix = adapter.matrix(EMPTY)
    assert [model.name for model in matrix.models] == [
        "Base Chatterbox",
        "GRPO Fine-tuned",
        "Mixed Precision Quantized",
    ]
    assert len(list(matrix.pairs())) == 9


def test_both_cloned_voices_enter_the_branch_that_trims_and_the_built_in_one_has_no_clip() -> None:
    built_in, *cloned = adapter.matrix(EMPTY).tests
    assert "reference" not in built_in.options
    for reference in (test.options["reference"] for test in cloned):
        assert reference["samples"] % 960 >= 239
        assert reference["samples"] < 10 * SAMPLE_RATE  # longer ones are cut to a whole block


def test_models_and_tests_come_from_the_configuration(tmp_path: Path) -> None:
    voice = tmp_path / "voice.wav"
    write_clip(voice, 1, 960)
    settings = {
        "matrix": {
            "models": [{"name": "Mine", "weights": "/weights/mine"}],
            "tests": [{"name": "Hello", "text": "Hello.", "seed": 9, "reference": str(voice)}],
        }
    }
    matrix = adapter.matrix(settings)
    assert matrix.models[0].options == {"weights": "/weights/mine"}
    assert (matrix.tests[0].seed, matrix.tests[0].options["reference"]) == (9, str(voice))
    assets = adapter.assets(matrix, Options(cache=tmp_path), "0.1.7")
    assert assets.values["clips"][clip_key(str(voice))] == {"path": str(voice)}
    voice.unlink()
    with pytest.raises(PatcherError) as caught:
        adapter.assets(matrix, Options(cache=tmp_path), "0.1.7")
    assert caught.value.where == str(voice)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param({"models": [{"weights": "base"}]}, "needs a `name`", id="no name"),
        pytest.param(
            {"models": [{"name": "A", "recipe": "int4"}]}, "no recipe 'int4'", id="no such recipe"
        ),
        pytest.param(
            {"models": [{"name": "A", "weight": "base"}]}, "unknown key 'weight'", id="a typo"
        ),
        pytest.param({"tests": [{"name": "A"}]}, "needs a `text`", id="no text"),
        pytest.param(
            {"tests": [{"name": "A", "text": "x", "reference": {"seconds": 3}}]},
            "table of seed and samples",
            id="a reference of no length",
        ),
    ],
)
def test_a_matrix_it_cannot_run_is_a_configuration_error(
    settings: dict[str, object], says: str
) -> None:
    with pytest.raises(PatcherError) as caught:
        adapter.matrix({"matrix": settings})
    assert caught.value.code == "config"
    assert says in str(caught.value)


def test_synthetic_weights_are_not_ready_before_they_are_made(tmp_path: Path) -> None:
    actual = adapter.assets(adapter.matrix(EMPTY), Options(cache=tmp_path), "0.1.7")
    assert not actual.ready
    assert actual.summary == "synthetic weights, tiny scale"
    for folder in ("base", "grpo"):
        Path(actual.values[folder]).mkdir(parents=True)
    for clip in actual.values["clips"].values():
        Path(clip["path"]).parent.mkdir(exist_ok=True)
        Path(clip["path"]).touch()
    assert adapter.assets(adapter.matrix(EMPTY), Options(cache=tmp_path), "0.1.7").ready


def test_assets_of_another_scale_version_or_checkpoint_have_another_fingerprint(
    tmp_path: Path,
) -> None:
    matrix = adapter.matrix(EMPTY)
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json"):
        (folder / name).touch()

    def mark(version: str = "0.1.7", **options: object) -> str:
        asked = Options(cache=tmp_path, **options)  # type: ignore[arg-type]
        return adapter.assets(matrix, asked, version).fingerprint

    marks = [mark(), mark(scale="full"), mark("0.1.6"), mark(checkpoint=folder)]
    (folder / "t3_cfg.safetensors").write_bytes(b"trained on")
    marks.append(mark(checkpoint=folder))
    assert len(set(marks)) == len(marks)
    assert mark() == marks[0]


@pytest.mark.parametrize("content", [(), ("ve.safetensors", "tokenizer.json")])
def test_a_folder_that_is_no_checkpoint_is_named_with_what_it_lacks(
    tmp_path: Path, content: tuple[str, ...]
) -> None:
    for name in content:
        (tmp_path / name).touch()
    with pytest.raises(PatcherError) as caught:
        adapter.assets(adapter.matrix(EMPTY), Options(checkpoint=tmp_path), "0.1.7")
    assert caught.value.code == "environment"
    assert "s3gen" in str(caught.value)
    assert caught.value.where == str(tmp_path)


@pytest.mark.parametrize("samples", [72_480, 960, 1])
def test_a_clip_has_exactly_the_samples_asked_for(tmp_path: Path, samples: int) -> None:
    write_clip(tmp_path / "a.wav", 1, samples)
    with wave.open(str(tmp_path / "a.wav")) as clip:
        assert (clip.getnframes(), clip.getframerate()) == (samples, SAMPLE_RATE)


def test_a_clip_is_a_function_of_its_seed(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_clip(tmp_path / name, seed, 4800)
    first, same, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == same
    assert first != other


def test_the_streaming_fork_has_its_own_adapter_and_its_own_checkpoints(tmp_path: Path) -> None:
    streaming = find_adapter("chatterbox_streaming")
    assert streaming is not None
    assert streaming.matrix(EMPTY) == adapter.matrix(EMPTY)
    options = Options(cache=tmp_path)
    made = [each.assets(adapter.matrix(EMPTY), options, "0.1.2") for each in (streaming, adapter)]
    assert made[0].values["base"] != made[1].values["base"]
    assert made[0].fingerprint != made[1].fingerprint
    assert made[0].values["clips"] == made[1].values["clips"]


def test_the_adapter_is_found_by_its_distributions_name_and_imports_no_torch() -> None:
    assert find_adapter("Chatterbox_TTS") == adapter
    assert find_adapter("no-such-thing") is None
    code = (
        "import sys; from patcher.targets import find_adapter; "
        "a = find_adapter('chatterbox-tts'); a.matrix({}); "
        "print(sorted({'torch', 'numpy', 'chatterbox'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_models_are_the_reports_and_every_entry_point_and_each_can_be_named() -> None:
    further = further_models(adapter)
    everything = selected(adapter.matrix(EMPTY), "all", further)
    names = [model.name for model in everything.models]
    assert names[:3] == [model.name for model in adapter.matrix(EMPTY).models]
    assert names[3:] == [
        "Multilingual v2",
        "Multilingual v3",
        "Turbo",
        "Nano",
        "Voice conversion",
    ]
    assert [m.name for m in selected(adapter.matrix(EMPTY), "nano,base", further).models] == [
        "Base Chatterbox",
        "Nano",
    ]
    assert selected(adapter.matrix(EMPTY), None, further) == adapter.matrix(EMPTY)


def test_entry_points_have_a_checkpoint_of_their_own_that_is_made_when_they_are_run(
    tmp_path: Path,
) -> None:
    further = further_models(adapter)
    options = Options(cache=tmp_path)
    report = adapter.assets(adapter.matrix(EMPTY), options, "0.1.7")
    assert report.values["entries"] == {}
    turbo = adapter.assets(selected(adapter.matrix(EMPTY), "Turbo", further), options, "0.1.7")
    assert turbo.values["entries"] == {"turbo": str(Path(turbo.values["base"]).with_name("turbo"))}
    assert turbo.values["base"] == report.values["base"]


def test_what_an_entry_point_that_is_tried_needs_is_made_once_and_before(tmp_path: Path) -> None:
    options, matrix = Options(cache=tmp_path), adapter.matrix(EMPTY)
    tried = adapter.entries(["chatterbox/mtl_tts.py:x", "chatterbox/batch.py:x"])  # type: ignore[attr-defined]
    more = replace(matrix, tests=(*matrix.tests, *tried))
    plain, asked = (adapter.assets(each, options, "0.1.7") for each in (matrix, more))
    assert set(asked.values["tried"]) == {"multilingual"}, "a batch is a call of the base model"
    (voice,) = set(asked.values["clips"]) - set(plain.values["clips"])
    assert asked.values["clips"][voice]["path"].startswith(str(tmp_path))
    assert asked.fingerprint == plain.fingerprint, "results of the matrix stay what they were"


def test_an_entry_point_that_is_tried_and_cannot_be_made_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders.checkpoint, "make", lambda values, say: None)
    monkeypatch.setattr(folders, "missing", lambda entry: None)
    monkeypatch.setattr(folders, "fill", lambda *given, **named: 1 / 0)
    values = {"kind": "synthetic", "scale": "tiny", "base": str(tmp_path / "base")}
    place = {"turbo": str(tmp_path / "turbo")}
    progress: list[str] = []
    folders.make({**values, "entries": {}, "tried": place}, progress.append)
    assert "no synthetic checkpoint for turbo: ZeroDivisionError" in progress[-1]
    with pytest.raises(ZeroDivisionError):  # one that was asked for
        folders.make({**values, "entries": place, "tried": {}}, progress.append)
    assert list(tmp_path.iterdir()) == []


def test_an_entry_point_can_be_a_model_of_the_configuration_and_a_misspelt_one_is_refused() -> None:
    settings = {"matrix": {"models": [{"name": "Fast", "entry": "turbo"}]}}
    assert adapter.matrix(settings).models[0].options == {"entry": "turbo"}
    with pytest.raises(PatcherError, match="no entry point 'trubo'"):
        adapter.matrix({"matrix": {"models": [{"name": "Fast", "entry": "trubo"}]}})


@pytest.mark.parametrize(
    ("touched", "tried"),
    [
        (["chatterbox/models/t3/t3.py:T3.inference"], []),
        (["chatterbox/models/t3/t3.py:T3.inference_turbo"], ["Turbo"]),
        (["chatterbox/vc.py:ChatterboxVC.generate", "chatterbox/mtl_tts.py:punc_norm"],
         ["Voice conversion", "Multilingual"]),
    ],
)  # fmt: skip
def test_a_series_is_tried_on_the_entry_points_that_alone_reach_its_code(
    touched: list[str], tried: list[str]
) -> None:
    setup_entries = adapter.entries(touched)  # type: ignore[attr-defined]
    assert [test.name for test in setup_entries] == tried
