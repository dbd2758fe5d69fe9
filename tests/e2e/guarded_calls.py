"""Run on a tree by `test_guarded`: calls of the real `ChatterboxTTS`, and a hash of each result.

Arguments: the folders of assets as JSON, then for each call ``on``, ``off`` or ``-`` (as it is) for
the guarded patch that ``$SWITCHED`` names. Prints one JSON object.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from typing import Any

from patcher.targets.chatterbox.folders import make
from patcher.targets.chatterbox.scale import apply_scale

TOKENS = 3


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def main() -> None:
    values = json.loads(sys.argv[1])
    make(values, lambda _: None)
    apply_scale("tiny")
    kept = Kept()
    logging.getLogger("patcher.guard").addHandler(kept)
    calls, guard = all_calls(values, sys.argv[2:])
    counters = guard.counters() if guard else {}
    print(json.dumps({"calls": calls, "log": kept.messages, "counters": counters}))


def all_calls(values: Any, switches: list[str]) -> tuple[list[str], Any]:
    """The result's hash, or the error, of each call; and the module that chooses."""
    import torch
    from chatterbox.tts import ChatterboxTTS

    try:
        from chatterbox import _patcher_guard as guard
    except ImportError:
        guard = None
    torch.set_num_threads(1)
    speaker = ChatterboxTTS.from_local(values["base"], "cpu")
    infer, built_in = speaker.t3.inference, speaker.conds

    def few(**named: Any) -> Any:
        return infer(**{**named, "max_new_tokens": TOKENS})

    speaker.t3.inference = few
    clips = [None, *(each["path"] for each in values["clips"].values())]
    results = []
    for number, switch in enumerate(switches):
        if switch != "-":
            getattr(guard, {"on": "enable", "off": "disable"}[switch])(os.environ["SWITCHED"])
        torch.manual_seed(number % len(clips))
        speaker.conds = built_in
        try:
            audio = speaker.generate("Measure twice.", audio_prompt_path=clips[number % len(clips)])
            results.append(hashlib.sha256(audio.numpy().tobytes()).hexdigest())
        except RuntimeError as error:
            results.append(f"{type(error).__name__}: {error}")
    return results, guard


if __name__ == "__main__":
    main()
