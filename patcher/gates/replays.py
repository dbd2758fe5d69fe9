"""What the looser gates compare: both arms' replays of a case, or why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.gates.result import GateResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.execution.results import Stage
    from patcher.gates.registry import Pair


def replayed_stages(pair: Pair) -> tuple[Sequence[Stage], Sequence[Stage]]:
    """The stages of both replays; only where `unreplayed` has nothing to say."""
    assert pair.baseline_replay is not None
    assert pair.patched_replay is not None
    return pair.baseline_replay.stages, pair.patched_replay.stages


def unreplayed(pair: Pair, gate: str) -> GateResult | None:
    """The rejection of a case whose stages could not be replayed, or None."""
    for replay in (pair.baseline_replay, pair.patched_replay):
        if replay is None or replay.not_applicable:
            why = replay.not_applicable if replay else "its stages were not replayed"
            return GateResult(gate, False, f"not bitwise equal, and cannot be compared: {why}")
        if replay.failure is not None:
            return GateResult(gate, False, f"replaying the stages fails: {replay.failure.text}")
    return None
