"""`patcher mcp`: a client of the official SDK does an afternoon's work over the pipes."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import runner
from tests.contract.adder import make_workspace

mcp = pytest.importorskip("mcp")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = make_workspace(tmp_path)
    assert runner(folder)("init", str(tmp_path / "project")).status == 0
    return folder


def served(workspace: Path, work: Any) -> Any:
    """What ``work(call)`` returns, ``call(tool, **arguments)`` being answered by the server."""
    parameters = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "patcher", "-C", str(workspace), "mcp"]
    )

    async def session() -> Any:
        async with mcp.Client(mcp.stdio_client(parameters)) as client:

            async def call(tool: str, **arguments: Any) -> Any:
                answer = await client.call_tool(tool, arguments)
                if answer.is_error:
                    raise RuntimeError(answer.content[0].text)
                return answer.structured_content

            return await work(client, call)

    return asyncio.run(session())


async def finished(call: Any, job: int) -> Any:
    while (await call("poll", job=job))["state"] == "running":
        await asyncio.sleep(0.2)
    return await call("result", job=job)


def test_a_client_lists_plans_verifies_and_judges(workspace: Path) -> None:
    async def afternoon(client: Any, call: Any) -> None:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {"list_patches", "plan", "start_verify", "start_judge", "poll", "result"} <= tools
        listed = await call("list_patches")
        assert "use_sum" in {patch["name"] for patch in listed["patches"]}
        planned = await call("plan", names=["use_sum"])
        assert planned["patches"][0]["edits"][0]["status"] == "ready"
        good = await call("start_verify", names=["use_sum"])
        assert (await finished(call, good["job"]))["verdict"] == "pass"
        bad = await call("start_verify", names=["use_three"])
        result = await finished(call, bad["job"])
        assert (result["verdict"], result["exit_status"]) == ("fail", 1)
        judged = await call("start_judge", candidates=["use_sum", "use_three"], speed=False)
        verdicts = (await finished(call, judged["job"]))["candidates"]
        assert {each["name"]: each["verdict"] for each in verdicts} == {
            "use_sum": "pass",
            "use_three": "fail",
        }
        line = {"at": "adder.py", "match": "result + number", "replacement": "result + 1"}
        written = await call("new_patch", name="counts", **line)
        assert written["spec"].endswith("patches/counts.yaml")
        assert (await call("plan", names=["counts"]))["patches"][0]["edits"][0]["within"] == "total"
        assert (await call("status"))["series"] == []

    served(workspace, afternoon)


def test_wrong_use_is_answered_and_nothing_outside_the_workspace_is_read(workspace: Path) -> None:
    async def wrong(client: Any, call: Any) -> None:
        misspelt = await call("show_patch", name="use_sun")
        assert misspelt["error"]["hint"] == "did you mean `use_sum`?"
        assert (await call("show_patch", name="--help"))["error"]["code"] == "unknown-patch"
        with pytest.raises(RuntimeError, match="outside the workspace"):
            await call("check_receipt", file="../receipt.json")
        with pytest.raises(RuntimeError, match="outside the workspace"):
            await call("start_judge", candidates=["/etc"])
        with pytest.raises(RuntimeError, match="there is no job 7"):
            await call("poll", job=7)

    served(workspace, wrong)


def test_a_job_that_is_cancelled_puts_everything_back(workspace: Path) -> None:
    slow = '[verify]\ncommand = ["python", "-c", "import time; time.sleep(60)"]\n'
    (workspace / "patcher.toml").write_text('target = "adder"\n' + slow)

    async def impatient(client: Any, call: Any) -> None:
        job = (await call("start_verify", names=["use_sum"]))["job"]
        while not (await call("poll", job=job))["progress"]:
            await asyncio.sleep(0.1)
        await call("cancel", job=job)
        assert (await finished(call, job))["exit_status"] == 130
        assert (await call("status"))["series"] == []

    served(workspace, impatient)
