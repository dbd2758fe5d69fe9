"""The rows of the table: what is done, how much of it, and the figure to reach."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from tests.torture import checkouts, commands, edits, hostile, kills, power, strace
from tests.torture.scene import ACTIONS, Scene
from tests.torture.tally import Tally

Unit = Callable[[], Tally]
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Row:
    """One row: units of work that can be stopped between, and what their sum must show.

    Attributes:
        least: what ``tried`` must reach.
        bites: a negative control: it must find faults.
        needs: what is missing here, when the row cannot be run.
    """

    name: str
    what: str
    units: Callable[[], list[Unit]]
    least: int
    bites: bool = False
    needs: str = ""


class Rounds:
    """All rows, on scratch space below a box."""

    def __init__(self, box: Path) -> None:
        self.box = box

    @cached_property
    def small(self) -> Scene:
        return Scene(self.box / "small")

    @cached_property
    def large(self) -> Scene:
        """Files enough for over 500 state-changing calls at once."""
        return Scene(self.box / "large", files=26)

    @cached_property
    def real(self) -> commands.Commands:
        return commands.Commands(self.box / "real")

    def rows(self) -> list[Row]:
        no_strace = "" if strace.available() else "strace"
        return [
            *(
                Row(f"kill-{action}", f"SIGKILL at every call of {action}, 26 files",
                    partial(self._kills, action), 500)
                for action in ACTIONS
            ),
            Row("kill-recovery", "SIGKILL at every call, and at every call of its recovery",
                self._recoveries, 1500),
            Row("kill-command", "SIGKILL at every system call of `apply` and `revert --all`",
                self._commands, 200, needs=no_strace),
            Row("kill-verify-command",
                "SIGKILL of a failing `verify`: every system call of its restoring, some before it",
                self._verifications, 100, needs=no_strace),
            Row("kill-verify-running", "SIGKILL of `verify` alone while its target runs",
                lambda: [_unit(self.real.kill_while_running, wait_s)
                         for wait_s in commands.random_waits(20, 11, 0.3)], 20,
                needs="" if Path("/proc").is_dir() else "/proc"),
            Row("kill-random", "random SIGKILL, forked from a warm process",
                lambda: [_unit(kills.kill_at_random, self.small, 100, seed)
                         for seed in range(100)], 10_000),
            Row("kill-random-command", "random SIGKILL of the group of a real command",
                self._random_commands, 200),
            Row("errno", f"every call fails, once or for good: {', '.join(kills.ERRNOS)}",
                self._errnos, 4000),
            Row("errno-command", "system calls of `apply` and `revert --all` fail, one a run",
                self._command_errnos, 200, needs=no_strace),
            Row("power", "power loss: states that the calls allow", self._power, 10_000),
            Row("power-no-fsync", "the same with no fsync of files",
                self._power_control("file_sync"),
                100, bites=True),
            Row("power-no-folder-fsync", "the same with no fsync of folders",
                self._power_control("folder_sync"), 100, bites=True),
            Row("writers", "eight writers at once",
                lambda: [_unit(edits.eight_writers, self.small, seed) for seed in range(1000)],
                1000),
            Row("edits", "somebody edits a file before every call, in eight ways",
                lambda: [_unit(edits.edit_everywhere, self.small, action, name)
                         for action in ACTIONS for name in edits.EDITS], 2500),
            Row("in-place", "a user's checkout in odd states, used in place", self._in_place, 50),
            Row("paths", "hostile paths, links, FIFOs, devices",
                lambda: [_unit(hostile.refuse_paths, self.small)], 300),
            Row("fuzz-specs", "damaged specs",
                lambda: [_unit(hostile.fuzz_specs, _specs(), 1000, seed) for seed in range(50)],
                50_000),
            Row("fuzz-journals", "damaged journals, half of them with a good seal",
                lambda: [_unit(hostile.fuzz_journals, self.small, 1000, seed)
                         for seed in range(50)], 50_000),
            Row("hostile-git", "a booby-trapped repository, used in every way",
                lambda: [_unit(self._traps, False)], 1),
            Row("hostile-git-control", "the same by `git status` and `git add`",
                lambda: [_unit(self._traps, True)], 1, bites=True),
        ]  # fmt: skip

    def _kills(self, action: str) -> list[Unit]:
        return [
            _unit(kills.kill_everywhere, self.large, action, points)
            for points in _chunks(kills.calls_of(self.large, action), 25)
        ]

    def _recoveries(self) -> list[Unit]:
        return [
            _unit(kills.kill_recovery, self.small, action, point)
            for action in ACTIONS
            for point in range(kills.calls_of(self.small, action))
        ]

    def _commands(self) -> list[Unit]:
        return [
            _unit(self.real.kill_at, action, point, by_command=number % 10 == 0)
            for action in ("apply", "revert")
            for number, point in enumerate(self.real.points(action))
        ]

    def _verifications(self) -> list[Unit]:
        return [
            _unit(self.real.kill_at, "verify", point, by_command=number % 10 == 0)
            for number, point in enumerate(self.real.verify_points(every=12))
        ]

    def _command_errnos(self) -> list[Unit]:
        """A sample of calls times errors; the step is prime to the number of errors."""
        pairs = [
            (action, point, name)
            for action in ("apply", "revert")
            for point in self.real.points(action)
            for name in kills.ERRNOS
        ]
        return [_unit(self.real.fail_at, *pair) for pair in pairs[::5]]

    def _random_commands(self) -> list[Unit]:
        return [
            _unit(self.real.kill_after, ("apply", "revert")[number % 2], wait_s)
            for number, wait_s in enumerate(commands.random_waits(200, 7, 0.4))
        ]

    def _errnos(self) -> list[Unit]:
        return [
            _unit(kills.fail_everywhere, self.small, action, name, sticky=sticky)
            for action in ACTIONS
            for name in kills.ERRNOS
            for sticky in (False, True)
        ]

    def _power(self) -> list[Unit]:
        return [
            _unit(power.lose_power, self.small, action, point, 29)
            for action in ACTIONS
            for point in range(kills.calls_of(self.small, action) + 1)
        ]

    def _power_control(self, off: str) -> Callable[[], list[Unit]]:
        return lambda: [
            _unit(power.lose_power, self.small, "apply", point, 4, **{off: False})
            for point in range(0, kills.calls_of(self.small, "apply"), 2)
        ]

    def _in_place(self) -> list[Unit]:
        return [
            _unit(self._one_checkout, kind, state)
            for kind in checkouts.KINDS
            for state in checkouts.STATES
            if kind in checkouts.OWN_HISTORY or state in checkouts.ANYWHERE
        ]

    def _one_checkout(self, kind: str, state: str) -> Tally:
        place = self.box / "checkout"
        shutil.rmtree(place, ignore_errors=True)
        return checkouts.use_in_place(place, kind, state)

    def _traps(self, control: bool) -> Tally:
        place = self.box / f"traps-{control}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return checkouts.set_traps_off(place, control=control)


def _unit(function: Callable[..., Tally], *arguments: object, **named: object) -> Unit:
    return lambda: function(*arguments, **named)


def _chunks(count: int, size: int) -> Iterator[range]:
    for start in range(0, count, size):
        yield range(start, min(start + size, count))


def _specs() -> list[str]:
    return [path.read_text() for path in sorted((REPOSITORY / "patches").glob("*.yaml"))]
