"""Workloads of the small target, and how they are judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from patcher.targets import find_adapter
from patcher.verify.judge import judge
from patcher.verify.judgement import Judgement
from tests.verify.judging import Change, request

BENCH = """
import random
from dataclasses import dataclass
from hum.voice import Hum

cases = {"short": {"text": "abc"}, "long": {"text": "a b c d e f g h"}}


@dataclass
class Song:
    text: str
    tokens: list


def setup():
    return Hum()


def work(voice, text):
    return Song(text, voice.tokens(text, 3))


def draw(rng):
    return {"text": "".join(rng.choice("abc ") for _ in range(rng.randrange(1, 9)))}
"""


SAME = ("        rng = random.Random(seed)\n", "        rng = random.Random(seed + 0)\n")


WRONG = ("        rng = random.Random(seed)\n", "        rng = random.Random(seed + 1)\n")


def judged(folder: Path, config: dict[str, Any], *changes: Change, **options: Any) -> Judgement:
    """Judge the small target by a workload in ``folder``."""
    adapter = find_adapter("hum", config, root=folder, packages=("hum",))
    assert adapter is not None
    settings = {"adapter": adapter, "matrix": adapter.matrix(config), "sys_path": ()}
    return judge(request(folder, *changes, **{**settings, **options}))


PRINTS = ["python", "-c", "import hum; print(hum.Hum().tokens('abc', 1)); print('took 0.3 s')"]
