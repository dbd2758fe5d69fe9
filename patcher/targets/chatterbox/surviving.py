"""A `ChatterboxTTS` as a user holds it: loaded by its own loading, nothing of it wrapped.

For the probes of `patcher.targets.survival`. A generation is capped at class level, so that the
instance stays what it is: a wrapper in it would itself keep it from being pickled.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import NotApplicable, Subject, stage_seed
from patcher.targets.chatterbox.recipes import RECIPES
from patcher.targets.chatterbox.scale import TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.targets.adapter import Buffer, Test

PARTS = ("t3", "s3gen", "ve")


def subject(session: Any, test: Test) -> Subject:
    """The session's model once more; every call in the built-in voice, else in that of ``test``.

    Raises:
        NotApplicable: neither is there.
    """
    voice = None if session.built_in is not None else session.clip(test.options.get("reference"))
    if session.built_in is None and voice is None:
        raise NotApplicable("this checkpoint has no built-in voice (conds.pt)")
    cap_tokens(type(session.speaker.t3), TOKENS[session.scale][session.device])

    def load(options: Mapping[str, Any]) -> Any:
        session.torch.manual_seed(0)
        speaker = session.load(options)
        if recipe := options.get("recipe"):
            RECIPES[recipe](speaker, session.device)
        return speaker

    def call(speaker: Any, given: Test) -> Mapping[str, Buffer]:
        session.torch.manual_seed(stage_seed(given.seed, "survival"))
        audio = speaker.generate(given.options["text"], audio_prompt_path=voice)
        return {"audio": session.buffer(audio)}

    return Subject(load, call, functools.partial(move, session))


def cap_tokens(kind: Any, most: int) -> None:
    """Let ``kind.inference`` make so many tokens at most, in every instance."""
    inference = kind.inference

    @functools.wraps(inference)
    def capped(self: Any, *arguments: Any, **named: Any) -> Any:
        named["max_new_tokens"] = min(most, named.get("max_new_tokens") or most)
        return inference(self, *arguments, **named)

    kind.inference = capped


def move(session: Any, speaker: Any) -> None:
    """To double precision and back where a part is of one type, which is exact; and by device."""
    torch = session.torch
    for part in (getattr(speaker, name) for name in PARTS):
        types = {value.dtype for value in part.parameters() if value.is_floating_point()}
        if len(types) == 1:
            part.to(torch.float64).to(types.pop())
        if session.device != "cpu":
            part.to("cpu").to(session.device)
