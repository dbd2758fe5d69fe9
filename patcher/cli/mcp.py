"""The command line of `patcher mcp`."""

from __future__ import annotations

from importlib.util import find_spec

from patcher.cli.common import CliSession, command
from patcher.errors import Exit, PatcherError


@command(
    "mcp",
    short_help="Serve the same over the Model Context Protocol.",
    examples="""
    patcher -C my-workspace mcp           a client starts this and speaks over its pipes
    """,
)
def mcp_command(session: CliSession) -> int:
    """Serve list, plan, verify, judge and scan as tools of the Model Context Protocol.

    A client starts this and speaks over standard input and output; the workspace is that of `-C`.
    It needs the extra `mcp`: `pip install 'mcp>=2'`.
    """
    if find_spec("mcp") is None:
        raise PatcherError(
            "environment", "the package mcp is not installed", hint="`pip install 'mcp>=2'`"
        )
    from patcher.mcp.server import server

    server(session.workspace().root).run("stdio")
    return int(Exit.OK)
