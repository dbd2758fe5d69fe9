"""Other ways into the package than `ChatterboxTTS`, tried when a series touches them.

One short call each, by the session that `--models all` has for the entry point. Synthetic weights
are made before any worker starts; of a user's own base model, once a worker in a folder of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Buffer, Model, NotApplicable, Produced, Test
from patcher.targets.chatterbox import folders
from patcher.targets.chatterbox.entry_points import session_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from patcher.targets.chatterbox.serving import ChatterboxSession

SECONDS = 5.2  # of the voice: the turbo model refuses five and less
VOICE = {"seed": 21, "samples": round(SECONDS * 24_000)}
TOKENS = 8
PLACES = {
    "chatterbox/vc.py": "voice-conversion",
    "chatterbox/mtl_tts.py": "multilingual",
    "chatterbox/models/t3/inference/alignment_stream_analyzer.py": "multilingual",
    "chatterbox/tts_turbo.py": "turbo",
    "chatterbox/models/t3/t3.py:T3.inference_turbo": "turbo",
    "chatterbox/batch.py": "batch",
}
"""Files, and functions of files, that one of these entry points alone reaches."""
NAMES = {
    "voice-conversion": "Voice conversion",
    "multilingual": "Multilingual",
    "turbo": "Turbo",
    "batch": "Batch",
}


def entries(touched: Collection[str]) -> tuple[Test, ...]:
    """A call of each entry point that is alone in reaching one of these functions.

    Args:
        touched: ``file:qualified name``.
    """
    files = {place.partition(":")[0] for place in touched}
    reached = {entry for place, entry in PLACES.items() if place in touched or place in files}
    return tuple(
        Test(
            name,
            {"entry": entry, "text": "Well measured.", "voice": VOICE, "covers": covers(entry)},
            seed=5,
        )
        for entry, name in NAMES.items()
        if entry in reached
    )


def covers(entry: str) -> list[str]:
    """The files that this entry point alone reaches."""
    return [place for place, each in PLACES.items() if each == entry and ":" not in place]


def run(session: ChatterboxSession, test: Test) -> Produced:
    """Load the entry point's model and call it; the multilingual one a second time.

    Its analyser must leave nothing behind that makes a second sentence another one.
    """
    opened = opened_for(session, test)
    try:
        produced = opened.run(call_of(test), capture=True)
        if test.options["entry"] != "multilingual":
            return produced
        again = opened.run(call_of(test), capture=False)
        both = {**produced.returned, "audio again": again.returned["audio"]}
        return replace(produced, returned=both, again=lambda: both)
    finally:
        opened.close()


def replay(session: ChatterboxSession, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
    """Every stage of the call from the recorded one before it."""
    opened = opened_for(session, test)
    try:
        return opened.replay(call_of(test), recorded)
    finally:
        opened.close()


def call_of(test: Test) -> Test:
    """The call itself: in a cloned voice, a few tokens of it."""
    options = {
        "text": test.options["text"],
        "reference": test.options["voice"],
        "tokens": TOKENS,
    }
    return Test(test.name, options, test.seed)


def opened_for(session: ChatterboxSession, test: Test) -> ChatterboxSession:
    """A session of the entry point that ``test`` names, beside the one that is open."""
    entry = test.options["entry"]
    if entry == "batch":  # a call of `ChatterboxTTS` itself
        model = Model(entry, {"weights": "base"})
        return session_of(entry)(replace(session.opening, model=model))
    assets = {**session.assets, "entries": {entry: str(weights_for(session, entry))}}
    model = Model(entry, {"entry": entry})
    return session_of(entry)(replace(session.opening, model=model, assets=assets))


def weights_for(session: Any, entry: str) -> Path:
    """The entry point's folder: made before, or one of the worker's own."""
    made = {**session.assets["entries"], **session.assets["tried"]}.get(entry)
    if made is not None and Path(made).is_dir():
        return Path(made)
    base = Path(session.assets["base"])
    if not any(base.glob("s3gen.*")):
        raise NotApplicable("these weights are not in a folder that the entry point loads from")
    folder = Path(session.clips) / entry
    if not folder.exists() and folders.missing(entry) is None:
        folder.mkdir()
        folders.fill(entry, folder, base, session.scale)
    return folder
