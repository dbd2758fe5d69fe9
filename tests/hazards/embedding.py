"""The part of Chatterbox where its failure lives, as a target of its own: `embed_ref` alone.

A test's option ``samples`` is the length of the reference at 24 kHz. The class is the package's
own, at the sizes of the tiny checkpoint, with random weights: a worker is up in a few seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patcher.targets.adapter import (
    Assets,
    Matrix,
    Model,
    Opening,
    Options,
    Produced,
    Session,
    Test,
)

REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = Model("embed_ref")
PASSING, FAILING = 75 * 960 + 238, 75 * 960 + 239


@dataclass(frozen=True)
class Embedding:
    """The parent's side."""

    distribution: str = "chatterbox-tts"
    packages: tuple[str, ...] = ("chatterbox",)
    serving: str = "tests.hazards.embedding:open_session"
    making: str | None = None

    def matrix(self, config: Mapping[str, Any]) -> Matrix:
        tests = (Test(str(samples), {"samples": samples}) for samples in (PASSING, FAILING))
        return Matrix((MODEL,), tuple(tests))

    def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
        return Assets("random weights", "embedding")


class EmbeddingSession(Session):
    """The worker's side."""

    def __init__(self) -> None:
        import torch

        from patcher.targets.chatterbox.scale import apply_scale

        apply_scale("tiny")
        from chatterbox.models.s3gen.s3gen import S3Token2Mel

        torch.manual_seed(0)
        self.torch = torch
        self.model = S3Token2Mel().eval()

    def run(self, test: Test, *, capture: bool) -> Produced:
        self.torch.manual_seed(test.seed)
        clip = 0.1 * self.torch.randn(test.options["samples"])
        self.model.embed_ref(clip, 24_000)
        return Produced()


def open_session(opening: Opening) -> EmbeddingSession:
    return EmbeddingSession()
