"""Runs in a worker: the stages of one generation, recorded on pristine and replayed elsewhere.

Every subject then does the same work on the same inputs, whatever its own stages before it would
have made of them.
"""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Test

if TYPE_CHECKING:
    from patcher.targets.chatterbox.serving import ChatterboxSession

SPOKEN = "The quick brown fox jumps over the lazy dog, and then it sleeps for a while."
CALLS = {
    "speech_tokens": ("t3", "inference"),
    "mel": ("s3gen", "flow_inference"),
    "vocoder": ("s3gen", "hift_inference"),
}

Recorded = Mapping[str, Any]
"""``(arguments, named)`` by stage, and ``drawn``: the speech tokens."""


def test_of(tokens: int) -> Test:
    """A generation in the built-in voice, capped at so many tokens."""
    return Test("Built-in voice", {"text": SPOKEN, "tokens": tokens}, seed=1)


def record(session: ChatterboxSession, tokens: int) -> Recorded:
    """Arguments of each stage of one generation as they were before its call, and the tokens.

    Raises:
        RuntimeError: the generation ended before so many tokens.
    """
    kept: dict[str, Any] = {}

    def watch(stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*arguments: Any, **named: Any) -> Any:
            # A stage may write into what it is given.
            kept[stage] = copy.deepcopy((arguments, named))
            result = call(*arguments, **named)
            if stage == "speech_tokens":
                kept["drawn"] = result.detach().flatten().clone()
            return result

        return recorded

    with contextlib.ExitStack() as undo:
        for stage, (owner, method) in CALLS.items():
            part = getattr(session.speaker, owner)
            call = getattr(part, method)
            setattr(part, method, watch(stage, call))
            undo.callback(setattr, part, method, call)
        session.run(test_of(tokens), capture=False)
    drawn = int(kept["drawn"].numel())
    if drawn != tokens:
        raise RuntimeError(f"the recorded generation ended after {drawn} of {tokens} tokens")
    return kept


def replay(session: ChatterboxSession, stage: str, recorded: Recorded) -> None:
    """Run one stage on what was recorded; `session.stage_s` has its seconds."""
    owner, method = CALLS[stage]
    arguments, named = copy.deepcopy(recorded[stage])
    drawn = recorded["drawn"]
    session.cap = int(drawn.numel())
    scope = forced(session.torch, drawn) if stage == "speech_tokens" else contextlib.nullcontext()
    with session.torch.inference_mode(), scope:
        getattr(getattr(session.speaker, owner), method)(*arguments, **named)


@contextlib.contextmanager
def forced(torch: Any, tokens: Any) -> Iterator[None]:
    """Let every token be drawn as ever, then take the recorded one: no work is added or saved."""
    turns = iter(tokens.reshape(-1, 1, 1))
    draw = torch.multinomial

    def next_token(*arguments: Any, **named: Any) -> Any:
        draw(*arguments, **named)
        return next(turns)

    torch.multinomial = next_token
    try:
        yield
    finally:
        torch.multinomial = draw
    if next(turns, None) is not None:
        raise RuntimeError("T3 drew fewer tokens than were recorded")


def clone_twice(session: ChatterboxSession) -> dict[str, float]:
    """Seconds to prepare a voice from a file never seen before, and once more from the same."""
    _, clip = next(iter(session.assets["clips"].items()))
    session.begin(Test("A clip", {}, seed=1))
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder, "voice.wav")
        fresh.write_bytes(Path(clip["path"]).read_bytes())
        for stage in ("conditionals", "conditionals_again"):
            session.speaker.prepare_conditionals(str(fresh))
            seconds[stage] = session.stage_s["conditionals"]
    return seconds


def record_inputs(session: ChatterboxSession, lengths: list[int], path: str) -> None:
    """Write the inputs of a generation of each length, in tokens."""
    session.torch.save({tokens: record(session, tokens) for tokens in lengths}, path)


@cache
def inputs(session: ChatterboxSession, path: str) -> Mapping[int, Recorded]:
    """Whole objects of the target, which this program recorded a moment ago."""
    recorded: Mapping[int, Recorded] = session.torch.load(
        path, map_location=session.device, weights_only=False
    )
    return recorded


def seconds_of(session: ChatterboxSession, stage: str, tokens: int, path: str) -> dict[str, float]:
    """Do one stage's work once; seconds by stage."""
    if stage == "conditionals":
        return clone_twice(session)
    replay(session, stage, inputs(session, path)[tokens])
    return {stage: session.stage_s[stage]}
