"""SIGKILL and failing calls at every state-changing call, and again inside recovery."""

from __future__ import annotations

import errno
import os
import random
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

from patcher.store.workspace import Workspace
from tests.torture import inject
from tests.torture.scene import ACTIONS, Scene
from tests.torture.tally import Tally

if TYPE_CHECKING:
    from pathlib import Path

ERRNOS = ("ENOSPC", "EIO", "EACCES", "EROFS", "EDQUOT", "EMFILE", "EINTR")


def perform(scene: Scene, place: Path, action: str) -> inject.Work:
    return lambda: scene.perform(Workspace(place), action)


def calls_of(scene: Scene, action: str) -> int:
    """How many state-changing calls an action makes."""
    with scene.round(action) as place:
        return len(inject.count_calls(perform(scene, place, action)))


def kill_everywhere(scene: Scene, action: str, points: range | None = None) -> Tally:
    """Kill an action at each of its calls, before the call and half-way through each write."""
    tally = Tally()
    _ = scene.ends
    for point in points or range(calls_of(scene, action)):
        for torn_write in (False, True):
            with scene.round(action) as place:
                observer = inject.kill_at(point, torn_write=torn_write)
                ended = inject.run(perform(scene, place, action), observer)
                faults = scene.faults(place, action)
                if ended.signal != signal.SIGKILL:
                    faults.append(f"traceback: the kill at call {point} did not happen: {ended}")
                tally.tried += 1
                tally.note(faults, f"{action} killed at call {point}")
    return tally


def kill_recovery(scene: Scene, action: str, point: int) -> Tally:
    """Kill an action at a call, then its recovery at each call of its own, then settle."""
    tally = Tally()
    _ = scene.ends
    inner = 0
    while True:
        with scene.round(action) as place:
            inject.run(perform(scene, place, action), inject.kill_at(point))
            ended = inject.run(partial(_settle, scene, place), inject.kill_at(inner))
            tally.tried += 1
            where = f"{action} killed at call {point}, its recovery at call {inner}"
            tally.note(scene.faults(place, action), where)
        inner += 1
        if ended.signal is None:
            return tally


def _settle(scene: Scene, place: Path) -> None:
    if (error := scene.settle(place)) is not None:
        raise error


def fail_everywhere(
    scene: Scene, action: str, name: str, *, sticky: bool, points: range | None = None
) -> Tally:
    """Let each call of an action fail with an error number."""
    tally = Tally()
    before, after = scene.ends[action]
    for point in points or range(calls_of(scene, action)):
        with scene.round(action) as place:
            observer = inject.fail_at(point, getattr(errno, name), sticky=sticky)
            ended = inject.run(perform(scene, place, action), observer)
            faults = scene.faults(place, action)
            if ended.traceback:
                faults.append("traceback: an error that is not for the user")
            # What the command said must be what happened.
            state = Workspace(place).working_copy().state
            planned = Workspace(scene.templates[action]).working_copy().state != state
            answered = ended.status in (inject.DONE, inject.REFUSED) and before != after
            if not faults and answered and planned != (ended.status == inject.DONE):
                faults.append(f"torn: status {ended.status}, but changed: {planned}")
            tally.tried += 1
            tally.note(faults, f"{action}, {name} at call {point}{' and after' * sticky}")
    return tally


def kill_at_random(scene: Scene, rounds: int, seed: int) -> Tally:
    """Kill a child some time after its start; its parent may be the group's leader."""
    tally = Tally()
    chance = random.Random(seed)
    _ = scene.ends
    longest_s = 0.003
    for number in range(rounds):
        action = ACTIONS[number % len(ACTIONS)]
        with scene.round(action) as place:
            started = time.perf_counter()
            child = inject.fork(perform(scene, place, action))
            time.sleep(chance.uniform(0, longest_s))
            os.kill(child, signal.SIGKILL)
            ended = inject.wait(child)
            if ended.signal is None:  # it was done before: wait less, on the whole
                longest_s = max(0.0005, (longest_s + time.perf_counter() - started) / 2)
            else:
                longest_s = min(0.02, longest_s * 1.02)
            tally.tried += 1
            tally.note(scene.faults(place, action), f"random kill {seed}/{number} of {action}")
    return tally
