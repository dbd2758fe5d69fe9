"""Chatterbox TTS as a target: everything patcher knows about it is in this folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.targets.adapter import Adapter, Assets, Matrix, Model, Options, Test
from patcher.targets.chatterbox.checkpoint import RECIPE
from patcher.targets.chatterbox.clips import clip_name
from patcher.targets.chatterbox.recipes import RECIPES

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Mapping

MODELS = (
    Model("Base Chatterbox", {"weights": "base"}),
    Model("GRPO Fine-tuned", {"weights": "grpo"}),
    Model(
        "Mixed Precision Quantized",
        {"weights": "base", "recipe": "mixed-precision-quantized"},
    ),
)
ENTRY_MODELS = (
    Model("Multilingual v2", {"entry": "multilingual"}),
    Model("Multilingual v3", {"entry": "multilingual-v3"}),
    Model("Turbo", {"entry": "turbo"}),
    Model("Nano", {"entry": "nano"}),
    Model("Voice conversion", {"entry": "voice-conversion"}),
)
"""The other entry points of the package; those a version does not have are not applicable there."""
STREAMING_ENTRY_MODELS = (
    Model("Whole utterance", {"entry": "whole"}),
    Model("Voice conversion", {"entry": "voice-conversion"}),
)
# Both clips leave `embed_ref` with an odd mel frame (N mod 960 >= 239): the branch that trims.
TESTS = (
    Test("Built-in voice", {"text": "Measure twice, cut once."}, seed=1),
    Test(
        "Cloned voice A",
        {"text": "The rain had stopped by noon.", "reference": {"seed": 11, "samples": 72_480}},
        seed=2,
    ),
    Test(
        "Cloned voice B",
        {"text": "Nine of nine, or not at all.", "reference": {"seed": 12, "samples": 96_700}},
        seed=3,
    ),
)


WORKER_MIB = {"tiny": 1600, "full": 7000}


ENTRY_POINTS = (
    "chatterbox/tts.py::ChatterboxTTS.generate",
    "chatterbox/tts.py::ChatterboxTTS.generate_stream",
    "chatterbox/tts.py::ChatterboxTTS.prepare_conditionals",
    "chatterbox/mtl_tts.py::ChatterboxMultilingualTTS.generate",
    "chatterbox/mtl_tts.py::ChatterboxMultilingualTTS.prepare_conditionals",
    "chatterbox/tts_turbo.py::ChatterboxTurboTTS.generate",
    "chatterbox/tts_turbo.py::ChatterboxTurboTTS.prepare_conditionals",
    "chatterbox/vc.py::ChatterboxVC.generate",
    "chatterbox/vc.py::ChatterboxVC.set_target_voice",
)
"""What people call; a guarded patch is chosen once a call of these."""


@dataclass(frozen=True)
class ChatterboxAdapter:
    """The parent side: names the matrix and the assets, imports nothing of the target."""

    distribution: str = "chatterbox-tts"
    packages: tuple[str, ...] = ("chatterbox",)
    serving: str = "patcher.targets.chatterbox.sessions:open_session"
    making: str | None = "patcher.targets.chatterbox.folders:make"
    entry_points: tuple[str, ...] = ENTRY_POINTS
    edition: str = ""  # before a version in names of checkpoints: a fork counts its own
    further: tuple[Model, ...] = ENTRY_MODELS

    def matrix(self, config: Mapping[str, Any]) -> Matrix:
        """Read ``matrix.models`` and ``matrix.tests``; each falls back to the report's.

        A model: ``name``, and optionally ``weights`` (``base``, ``grpo`` or a checkpoint folder),
        ``recipe`` and ``entry`` (the name of another entry point). A test: ``name``, ``text``, and
        optionally ``seed``, ``tokens`` (a cap), ``reference`` (a path, or a table of ``seed`` and
        ``samples``).
        """
        settings = config.get("matrix", {})
        models = tuple(read_model(entry) for entry in settings.get("models", ())) or MODELS
        tests = tuple(read_test(entry) for entry in settings.get("tests", ())) or TESTS
        return Matrix(models, tests)

    def further_models(self) -> tuple[Model, ...]:
        """The other entry points: `ChatterboxTTS` alone is in the report's matrix."""
        return self.further

    def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
        """Describe the weights; synthetic ones and clips are made by `folders.make`."""
        root = options.cache / "chatterbox"
        clips = {
            clip_key(test.options["reference"]): clip_of(test.options["reference"], root)
            for test in matrix.tests
            if test.options.get("reference")
        }
        if options.pretrained:
            kind, weights, base = "pretrained", "published weights", root / "pretrained"
        elif options.checkpoint is not None:
            base = options.checkpoint.expanduser().resolve()
            kind, weights = "checkpoint", f"checkpoint {base}"
            check_folder(base)
        else:
            kind, weights = "synthetic", f"synthetic weights, {options.scale} scale"
            base = root / f"synthetic-{options.scale}-{self.edition}{version}-r{RECIPE}" / "base"
        identity = fingerprint_of(base) if kind == "checkpoint" else f"{base}"
        key = hashlib.sha256(f"{kind} {identity} r{RECIPE}".encode()).hexdigest()[:16]
        tuned = base.with_name("grpo") if kind == "synthetic" else root / f"grpo-{key}"
        named = (model.options.get("entry") for model in matrix.models)
        entries = {entry: str(base.with_name(entry)) for entry in named if entry is not None}
        # Of the user's own weights each worker makes them; a batch is a call of the base model.
        tried = [test.options for test in matrix.tests if "entry" in test.options]
        tried = [each for each in tried if kind == "synthetic" and each["entry"] != "batch"]
        beside = {each["entry"]: str(base.with_name(each["entry"])) for each in tried}
        voices = {clip_key(each["voice"]): clip_of(each["voice"], root) for each in tried}
        values = {
            "kind": kind,
            "scale": options.scale,
            "base": str(base),
            "grpo": str(tuned),
            "clips": clips | voices,
            "entries": entries,
            "tried": beside,
        }
        folders = map(Path, (entries | beside).values())
        made = [tuned, *([base, *folders] if kind == "synthetic" else [])]
        ready = kind != "pretrained" and all(folder.is_dir() for folder in made)
        ready = ready and all(
            (root / "clips" / clip_name(clip["seed"], clip["samples"])).is_file()
            for clip in (clips | voices).values()
            if "samples" in clip
        )
        identity_text = json.dumps(
            [kind, identity, options.scale, RECIPE, version, clips], sort_keys=True
        )
        fingerprint = hashlib.sha256(identity_text.encode()).hexdigest()
        tiny = kind == "synthetic" and options.scale == "tiny"
        return Assets(weights, fingerprint, values, ready, WORKER_MIB["tiny" if tiny else "full"])

    def draw(self, rng: random.Random, model: Model, count: int, full: bool) -> tuple[Test, ...]:
        """Texts, voices and arguments of `generate`; see `drawn_inputs`."""
        from patcher.targets.chatterbox.drawn_inputs import drawn

        return tuple(drawn(rng, at, full=full) for at in range(count))

    def edges(self, rng: random.Random, model: Model) -> tuple[Test, ...]:
        """The shortest texts, one word again and again, arguments at their least."""
        from patcher.targets.chatterbox.drawn_inputs import edges

        return edges(rng)

    def code_of(self, model: Model) -> str:
        """Its entry point: the report's models are one class with other weights."""
        return str(model.options.get("entry", ""))

    def entries(self, touched: Collection[str]) -> tuple[Test, ...]:
        """A call of each other entry point that a series touches."""
        from patcher.targets.chatterbox.entries import entries

        return entries(touched)

    def refused(self, model: Model) -> Test:
        """No text at all: `generate` raises before it draws anything."""
        return Test("A call that is refused", {"text": None})


def read_model(entry: Mapping[str, Any]) -> Model:
    """A model of the configuration."""
    options = named(entry, "model", {"weights", "recipe", "entry"})
    entries = [model.options["entry"] for model in (*ENTRY_MODELS, *STREAMING_ENTRY_MODELS)]
    if options.get("entry", entries[0]) not in entries:
        known = ", ".join(dict.fromkeys(entries))
        message = f"no entry point {options['entry']!r}"
        raise PatcherError("config", message, hint=f"entry points: {known}")
    recipe = options.get("recipe")
    if recipe is not None and recipe not in RECIPES:
        known = ", ".join(RECIPES)
        raise PatcherError("config", f"no recipe {recipe!r}", hint=f"recipes: {known}")
    return Model(entry["name"], options)


def read_test(entry: Mapping[str, Any]) -> Test:
    """A test of the configuration."""
    options = named(entry, "test", {"text", "seed", "tokens", "reference"})
    if not isinstance(options.get("text"), str):
        raise PatcherError("config", f"test {entry['name']!r} needs a `text`")
    reference = options.get("reference")
    if isinstance(reference, dict) and set(reference) != {"seed", "samples"}:
        raise PatcherError(
            "config",
            f"the reference of test {entry['name']!r} is a path, or a table of seed and samples",
        )
    return Test(entry["name"], options, seed=options.pop("seed", 0))


def named(entry: Mapping[str, Any], kind: str, allowed: set[str]) -> dict[str, Any]:
    """The entry's options without its name; a missing name and unknown keys are refused."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise PatcherError("config", f"every {kind} of the matrix needs a `name`")
    if unknown := set(entry) - allowed - {"name"}:
        known = f"known keys: name, {', '.join(sorted(allowed))}"
        message = f"{kind} {entry['name']!r}: unknown key {min(unknown)!r}"
        raise PatcherError("config", message, hint=known)
    return {key: value for key, value in entry.items() if key != "name"}


def clip_key(reference: Any) -> str:
    """The name of a test's reference among the clips of `Assets.values`."""
    return json.dumps(reference, sort_keys=True)


def clip_of(reference: Any, root: Path) -> dict[str, Any]:
    """Where a test's reference clip is; a synthesised one also says what it is made from."""
    if isinstance(reference, str):
        clip = Path(reference).expanduser().resolve()
        if not clip.is_file():
            raise PatcherError("config", "no such reference clip", where=str(clip))
        return {"path": str(clip)}
    path = root / "clips" / clip_name(reference["seed"], reference["samples"])
    return {**reference, "path": str(path)}


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be a checkpoint, before any worker starts."""
    if not folder.is_dir():
        raise PatcherError("environment", "no such checkpoint folder", where=str(folder))
    stems = {path.stem for path in folder.iterdir()}
    if missing := {"ve", "t3_cfg", "s3gen", "tokenizer"} - stems:
        message = f"not a checkpoint: no {', '.join(sorted(missing))} file"
        raise PatcherError("environment", message, where=str(folder))


def fingerprint_of(folder: Path) -> str:
    """Names, sizes and times of the files: changes when somebody trains on."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return json.dumps([[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in files])


adapter: Adapter = ChatterboxAdapter()
streaming: Adapter = ChatterboxAdapter(
    "chatterbox-streaming",
    serving="patcher.targets.chatterbox.streaming:open_session",
    edition="streaming-",
    further=STREAMING_ENTRY_MODELS,
)
