"""What the user asked `patcher verify` for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from patcher.verify.plan import INPUTS


@dataclass(frozen=True)
class Clock:
    """What is timed, where that is not all that is gated.

    Attributes:
        scale: size of the synthetic weights: small ones say little about speed.
        models: as in `VerifyOptions`; by default the first of the matrix.
        tests: so many of the matrix, from its first.
    """

    scale: str = "full"
    models: str | Sequence[str] | None = None
    tests: int = 1


@dataclass(frozen=True)
class VerifyOptions:
    """What the user asked `patcher verify` for; the options' names, times in seconds."""

    target: str | None = None
    bench: str | None = None
    aa: bool = False
    budget: float | None = None
    models: str | Sequence[str] | None = None
    device: str = "auto"
    scale: str = "tiny"
    checkpoint: Path | None = None
    pretrained: bool = False
    timeout: float | None = None
    fail_fast: bool = False
    isolate: bool = False
    keep: bool = False
    require: str | None = None
    executor: str | None = None
    sandbox: bool = True
    names: Sequence[str] = ()
    again: bool = False
    receipt: Path | None = None
    inputs: int = INPUTS
    seed: int | None = None
    allow_unexercised: bool = False
    life: int | None = None
    clock: Clock | None = None

    @property
    def plan(self) -> str | None:
        """Which bench to run, if any; ``--require`` and ``--aa`` need one."""
        return self.bench or ("quick" if self.require or self.aa else None)
