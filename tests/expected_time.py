"""Says before a test run how long it will take here, by how long each test took before.

Durations are kept in pytest's cache; a test that has none yet counts as the average one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest

KEY = "patcher/durations"


class ExpectedTime:
    """A plugin: one line before the first test, durations noted after the last."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.known: dict[str, float] = dict(self.cache.get(KEY, {}))
        self.took: dict[str, float] = {}
        self.shown = False

    @property
    def cache(self) -> pytest.Cache:
        assert self.config.cache is not None
        return self.config.cache

    def announce(self, names: Sequence[str], workers: int) -> None:
        """Print the line, once."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if self.shown or not names or reporter is None or self.config.option.collectonly:
            return
        self.shown = True
        reporter.write_line(f"\n{sentence(names, self.known, workers, time.time())}")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if session.items:
            self.announce([item.nodeid for item in session.items], 1)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        self.announce(ids, int(self.config.getoption("numprocesses") or 1))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.took[report.nodeid] = self.took.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        if self.took:
            kept = {name: round(took, 3) for name, took in self.took.items()}
            self.cache.set(KEY, {**self.known, **kept})


def sentence(names: Sequence[str], known: dict[str, float], workers: int, now: float) -> str:
    """How long these tests will take, and when they will be through."""
    timed = [known[name] for name in names if name in known]
    tests = f"{len(names)} test{'' if len(names) == 1 else 's'}"
    if len(timed) * 2 < len(names):
        return f"{tests}; how long they take here is known after the first whole run"
    seconds = sum(timed) / len(timed) * len(names) / workers
    through = time.strftime("%H:%M", time.localtime(now + seconds))
    minutes = f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
    return f"{tests}, about {minutes}, through at {through}"
