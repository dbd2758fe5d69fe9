"""Runs a test suite with pytest on a frozen tree, and says for every test how it ended.

A plugin that is handed to pytest says which tests ran, by their ids. A test that fails is
run again: one that passes then is ``flaky``.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Buffer, Produced
from patcher.worker.commands import CommandFailed, Done, execute, private_folder, with_interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.worker.following import Follower

OUTCOMES = "tests"
"""The dtype of a buffer that holds outcomes by test as a JSON object."""
REPEATS = 2
MOST_REPEATED = 200  # where more fail than that, it is not chance
PYTEST_RAN = (0, 1)  # exit statuses: all passed, some failed
NONE_COLLECTED = 5

PLUGIN = """
import importlib, json, os, sys

tree = os.environ["PATCHER_TREE"]
sys.path.insert(0, tree)  # a conftest must not bring in another copy first
for package in os.environ["PATCHER_PACKAGES"].split():
    importlib.import_module(package)
outcomes = {}


def pytest_runtest_logreport(report):
    outcome = report.outcome
    if hasattr(report, "wasxfail"):
        outcome = "xfailed" if outcome == "skipped" else "xpassed"
    if report.when == "call" or outcome != "passed":
        if outcomes.get(report.nodeid) != "failed":
            outcomes[report.nodeid] = outcome


def pytest_collectreport(report):
    if report.failed:
        outcomes[report.nodeid] = "failed"


def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):  # not in the workers of xdist
        with open(os.environ["PATCHER_OUTCOMES"], "w") as file:
            json.dump(outcomes, file)
"""


def run(options: Mapping[str, Any], assets: Mapping[str, Any], tree: str) -> Produced:
    """Run the suite of a test; the outcomes are what it returned.

    Raises:
        CommandFailed: pytest could not run it, or it holds no test.
    """
    command = pytest_command(options)
    with private_folder(Path(assets["root"]), (), tree, assets["packages"]) as folder:
        outcomes, done = outcomes_of(command, assets["packages"], tree, folder)
        failed = [test for test, outcome in outcomes.items() if outcome == "failed"]
        if 0 < len(failed) <= MOST_REPEATED:
            for test in passing_again(command, failed, assets["packages"], tree, folder):
                outcomes[test] = "flaky"
    data = json.dumps(outcomes, sort_keys=True).encode("ascii")
    return Produced(returned={"tests": Buffer(OUTCOMES, (len(data),), data)}, wall_s=done.wall_s)


def follow(
    options: Mapping[str, Any], assets: Mapping[str, Any], tree: str, follower: Follower
) -> None:
    """Run the suite of a test once for the lines that run.

    Raises:
        CommandFailed: pytest could not run it, or it holds no test.
    """
    command = pytest_command(options)
    with private_folder(Path(assets["root"]), (), tree, assets["packages"]) as folder:
        outcomes_of(command, assets["packages"], tree, folder, follower)


def pytest_command(options: Mapping[str, Any]) -> list[str]:
    """The command of a test, run by this interpreter."""
    command = with_interpreter(options["command"])
    if Path(command[0]).name in ("pytest", "py.test"):
        command[:1] = [sys.executable, "-m", "pytest"]
    return command


def passing_again(
    command: Sequence[str], failed: Sequence[str], packages: Sequence[str], tree: str, folder: Path
) -> set[str]:
    """Those of the failed tests that pass when they are repeated."""
    again = [word for word in command if not is_path(word, folder)]
    passed: set[str] = set()
    for _ in range(REPEATS):
        left = [test for test in failed if test not in passed]
        if not left:
            break
        try:
            outcomes, _ = outcomes_of([*again, *left], packages, tree, folder)
        except CommandFailed:
            break
        passed.update(test for test in left if outcomes.get(test) == "passed")
    return passed


def is_path(word: str, folder: Path) -> bool:
    """Whether a word of the command names tests: the failed ones are named instead."""
    return not word.startswith("-") and (
        "::" in word or ((folder / word).exists() and not os.path.isabs(word))
    )


def outcomes_of(
    command: Sequence[str],
    packages: Sequence[str],
    tree: str,
    folder: Path,
    follower: Follower | None = None,
) -> tuple[dict[str, str], Done]:
    """Run pytest once; outcomes by id."""
    with tempfile.TemporaryDirectory(prefix="suite-") as own:
        Path(own, "patcher_outcomes.py").write_text(PLUGIN, encoding="utf-8")
        file = Path(own, "outcomes.json")
        extra = {
            "PATCHER_OUTCOMES": str(file),
            "PATCHER_TREE": tree,
            "PATCHER_PACKAGES": " ".join(name[:-3] if name.endswith(".py") else name
                                         for name in packages),
        }  # fmt: skip
        words = [*command, "-p", "patcher_outcomes", "-p", "no:cacheprovider"]
        done = execute(words, tree, folder, extra, beside=[own], follower=follower)
        if done.status == NONE_COLLECTED:
            raise CommandFailed("pytest collected no test")
        if done.status not in PYTEST_RAN and not file.exists():
            raise CommandFailed(f"pytest: exit status {done.status}: {done.last_line()}")
        if not file.exists():
            raise CommandFailed("pytest ended before it said how the tests ended")
        result: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return result, done
