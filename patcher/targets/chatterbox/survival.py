"""A Chatterbox model as a user holds it: loaded by its own loading, nothing of it wrapped.

For the probes of `patcher.targets.survival`, for `ChatterboxTTS` and the other entry points. A
generation is capped at class level, so that the instance stays what it is: a wrapper in it would
itself keep it from being pickled.
"""

from __future__ import annotations

import functools
import threading
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
    own = session.opening.model.options
    if session.sampling:
        cap_tokens(session, TOKENS[session.scale][session.device])
    asking = threading.Lock()  # what a test asks for may follow from the session's seed

    def load(options: Mapping[str, Any]) -> Any:
        # A model of another entry point is not this session's to load.
        chosen = options if options.get("entry") == own.get("entry") else own
        session.torch.manual_seed(0)
        speaker = session.load(chosen)
        if recipe := chosen.get("recipe"):
            RECIPES[recipe](speaker, session.device)
        return speaker

    def call(speaker: Any, given: Test) -> Mapping[str, Buffer]:
        with asking:
            session.seed = given.seed
            arguments, named = session.call(given.options, voice)
        session.torch.manual_seed(stage_seed(given.seed, "survival"))
        return {"audio": session.buffer(speaker.generate(*arguments, **named))}

    return Subject(load, call, functools.partial(move, session))


def cap_tokens(session: Any, most: int) -> None:
    """Let the method that samples make so many tokens at most, in every instance of its class."""
    kind = type(session.speaker.t3)
    sample = getattr(kind, session.sampling)

    @functools.wraps(sample)
    def capped(self: Any, *arguments: Any, **named: Any) -> Any:
        session.limit(named, most)
        return session.spoken_tokens(sample(self, *arguments, **named))

    setattr(kind, session.sampling, capped)


def move(session: Any, speaker: Any) -> None:
    """To double precision and back where a part is of one type, which is exact; and by device."""
    torch = session.torch
    for part in (getattr(speaker, name) for name in PARTS if hasattr(speaker, name)):
        types = {value.dtype for value in part.parameters() if value.is_floating_point()}
        if len(types) == 1:
            part.to(torch.float64).to(types.pop())
        if session.device != "cpu":
            part.to("cpu").to(session.device)
