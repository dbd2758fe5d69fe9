"""The packages of docs/any-package through `import patcher` and through the MCP server."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

import patcher
from patcher.results import as_json
from tests.cli.test_mcp import finished, served
from tests.docs.test_any_package import IN_THE_DEFAULT_RUN, PAGES, page
from tests.docs.transcript import File, Judged, judged

SHORT = 2  # judgements in the default run: one that passes, one that fails
EACH_PACKAGE = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in IN_THE_DEFAULT_RUN else [pytest.mark.slow])
        for name in PAGES
    ],
)


def judgements(name: str, folder: Path) -> Iterator[Judged]:
    """What a page judges; its files and patches are in the folder by then, and nothing else."""
    (folder / "patches").mkdir(parents=True)
    settings = f'target = "{name}"\n[verify]\ncall = "bench.py:work"\n'
    (folder / "patcher.toml").write_text(settings)
    seen: set[tuple[str, bool]] = set()
    for step in judged(page(name), name):
        if isinstance(step, File):
            (folder / step.name).write_text(step.text)
        elif (step.name, step.bench) not in seen:
            seen.add((step.name, step.bench))
            (folder / "patches" / f"{step.name}.yaml").write_text(step.spec)
            yield step


def held(asked: Judged, result: dict[str, Any]) -> None:
    """The object of `patcher verify` is what the page says of the patch."""
    assert result["verdict"] == asked.verdict, result
    assert result["series_now"] == []
    if asked.verdict == "fail":
        cause = result["diagnosis"][0]
        assert (cause["where"], cause["patch"]) == (asked.file, asked.name)
        assert cause["line"] > 1
        assert cause["cause"]
    if asked.bench:
        assert result["speed"]["verdict"] == "faster"
        assert result["speed"]["high"] < 1


@EACH_PACKAGE
def test_through_import_patcher(name: str, tmp_path: Path) -> None:
    workspace = patcher.Workspace(tmp_path / "workspace")
    names = []
    for asked in judgements(name, tmp_path / "workspace"):
        if name in IN_THE_DEFAULT_RUN and len(names) == SHORT:
            break
        names.append(asked.name)
        assert patcher.plan(workspace, [asked.name]).fits
        bench = "quick" if asked.bench else None
        options = patcher.VerifyOptions(names=[asked.name], bench=bench)
        result = patcher.verify(workspace, options)
        assert result.ok == (asked.verdict == "pass")
        held(asked, as_json(result))
    assert len(names) >= 2
    applied = patcher.apply(workspace, names[:1])
    assert list(applied.applied) == names[:1]
    assert list(patcher.revert(workspace).reverted) == names[:1]


@pytest.mark.slow  # tests/cli/test_mcp.py is there in the default run
@pytest.mark.parametrize("name", PAGES)
def test_through_the_mcp_server(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    steps = judgements(name, folder)
    first = next(steps)  # the workspace has to be there before the server

    async def work(_: Any, call: Any) -> None:
        for asked in chain((first,), steps):  # a step writes its files when it is asked for
            bench = "quick" if asked.bench else "none"
            job = await call("start_verify", names=[asked.name], bench=bench)
            held(asked, await finished(call, job["job"]))
        listed = await call("list_patches")
        assert first.name in {each["name"] for each in listed["patches"]}

    served(folder, work)
