"""`patcher mcp`: list, plan, verify, judge and scan as tools, over stdio.

Whatever takes long is a job: a tool starts it, another asks after it, a third takes the result.
Paths a client names must lie inside the workspace, and no tool writes outside it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from patcher import __version__
from patcher.mcp.jobs import CommandJob, Jobs

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

Result = dict[str, Any]
INSTRUCTIONS = """\
patcher tries source-level optimisations on a Python package and keeps only what is proven to work \
and proven to help. A good order: list_patches or new_patch, plan, scan, start_verify with bench \
(or start_judge for many candidates), then poll until the state is done, then result. A verdict \
other than "pass" is an answer, not an error: read diagnosis and error. Speed counts only when its \
verdict is "faster"; "undecided" means that more pairs are needed. Nothing stays applied: \
start_verify with names takes the patches out again."""


def server(root: Path) -> MCPServer[None]:
    """The server for one workspace."""
    from mcp.server.mcpserver import MCPServer

    jobs = Jobs(root)

    @asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await jobs.close()

    made: MCPServer[None] = MCPServer(
        "patcher",
        instructions=INSTRUCTIONS,
        version=__version__,
        lifespan=lifespan,
        log_level="WARNING",
    )
    _add_looks(made, jobs)
    _add_jobs(made, jobs)
    return made


def _add_looks(made: MCPServer[None], jobs: Jobs) -> None:
    """Tools that answer at once; none but `new_patch` writes anything."""

    @made.tool()
    async def list_patches(every: bool = False) -> Result:
        """The catalogue: each patch with what it claims and its state on the working copy.

        Args:
            every: also patches that are for other targets.
        """
        return await jobs.run("list", *(["--all"] if every else []))

    @made.tool()
    async def show_patch(name: str) -> Result:
        """One patch whole: claim, hazards, what was measured, its diff."""
        return await jobs.run("show", "--", name)

    @made.tool()
    async def status() -> Result:
        """The applied patches, hand edits, interrupted work."""
        return await jobs.run("status")

    @made.tool()
    async def plan(names: list[str], on: str | None = None) -> Result:
        """What patches or @SETs would change, edit by edit; nothing is written.

        Several are planned as they would be applied, each on what those before it leave.

        Args:
            on: another source, NAME==VERSION or a path in the workspace.
        """
        elsewhere = ["--on", _source(jobs.root, on)] if on else []
        return await jobs.run("plan", *elsewhere, "--", *names)

    @made.tool()
    async def new_patch(
        name: str,
        at: str,
        replacement: str,
        match: str | None = None,
        claim: Literal["bitwise", "close", "perceptual"] = "bitwise",
    ) -> Result:
        """Write patches/NAME.yaml: one place of the target's code becomes other code.

        Args:
            at: FILE, or FILE:LINE for the function around a line (`status` names the root).
            replacement: the code that comes instead.
            match: the code to replace, as it stands there once; without it the statement at LINE.
            claim: the gate that its output must pass.
        """
        options = [f"--at={at}", f"--with={replacement}", f"--claim={claim}"]
        options += [] if match is None else [f"--match={match}"]
        return await jobs.run("new", *options, "--", name)

    @made.tool()
    async def history() -> Result:
        """Past verifications of this workspace."""
        return await jobs.run("history")

    @made.tool()
    async def check_receipt(file: str) -> Result:
        """Whether the verdict of a receipt still holds on this machine and tree."""
        return await jobs.run("receipt", "check", "--", _inside(jobs.root, file))


def _add_jobs(made: MCPServer[None], jobs: Jobs) -> None:
    """Tools for what takes long."""

    @made.tool()
    async def start_verify(
        names: list[str],
        bench: Literal["none", "quick", "full"] = "none",
        models: str | None = None,
        scale: Literal["tiny", "full"] = "tiny",
        timeout_s: float | None = None,
    ) -> Result:
        """Apply patches, run them beside pristine, judge, and take them out again: a job.

        Args:
            names: patches and @SETs; none verifies what is applied.
            bench: also judge speed.
            models: names of the matrix, separated by commas.
            timeout_s: for one case, in seconds.
        """
        options = [] if bench == "none" else [f"--bench={bench}"]
        options += [] if models is None else ["--models", models]
        options += [] if timeout_s is None else ["--timeout", str(timeout_s)]
        job = await jobs.start("verify", *options, "--scale", scale, "--", *names)
        return job.news(0)

    @made.tool()
    async def start_judge(
        candidates: list[str],
        claim: Literal["bitwise", "close", "perceptual"] = "bitwise",
        speed: bool = True,
        combine: bool = False,
    ) -> Result:
        """Judge many candidates beside pristine, applying none: a job that goes on after a stop.

        Args:
            candidates: patches, @SETs, git refs; specs, diffs and folders in the workspace.
            claim: the gate of diffs, refs and folders.
            speed: also measure; what is faster is measured twice.
            combine: put together what was kept.
        """
        for word in candidates:
            if Path(word).is_absolute() or ".." in Path(word).parts:
                _inside(jobs.root, word)
        options = ["--claim", claim]
        options += [] if speed else ["--no-speed"]
        options += ["--combine"] if combine else []
        job = await jobs.start("judge", *options, "--", *candidates)
        return job.news(0)

    @made.tool()
    async def start_scan(names: Sequence[str] = ()) -> Result:
        """Map in-place updates and modes; with names, predict what patches will break: a job."""
        job = await jobs.start("scan", "--", *names)
        return job.news(0)

    @made.tool()
    async def poll(job: int, since: int = 0) -> Result:
        """How a job is getting on.

        Args:
            since: lines of progress from this number on; pass `next_since` of the last answer.
        """
        return _find(jobs, job).news(since)

    @made.tool()
    async def result(job: int) -> Result:
        """The JSON object of a job that is done; of one that is running, how it gets on."""
        collected = _find(jobs, job)
        if collected.status is None:
            return collected.news(max(0, collected.dropped + len(collected.progress) - 5))
        return {**collected.result, "exit_status": collected.status}

    @made.tool()
    async def cancel(job: int) -> Result:
        """Interrupt a job; the tree is put back, what was judged stays on record."""
        collected = _find(jobs, job)
        jobs.cancel(collected)
        return collected.news(max(0, collected.dropped + len(collected.progress) - 5))


def _inside(root: Path, text: str) -> str:
    """A path of the workspace.

    Raises:
        ToolError: it lies outside.
    """
    from mcp.server.mcpserver.exceptions import ToolError

    path = (root / text).resolve()
    if not path.is_relative_to(root.resolve()):
        raise ToolError(f"{text} is outside the workspace {root}")
    return str(path)


def _find(jobs: Jobs, number: int) -> CommandJob:
    from mcp.server.mcpserver.exceptions import ToolError

    try:
        return jobs.find(number)
    except ValueError as error:
        raise ToolError(str(error)) from None


def _source(root: Path, text: str) -> str:
    return text if "==" in text and "/" not in text else _inside(root, text)
