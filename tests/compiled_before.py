"""Tests of the real package compile nothing that making its weights has compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.commands.shared.verify_request import cache_folder
from patcher.execution.workplace import COMPILED, compile_variables, copied, last_used

if TYPE_CHECKING:
    from pathlib import Path


def variables(folder: Path) -> dict[str, str]:
    """Those that lead a process to a copy in ``folder`` of what was compiled, if anything was."""
    kept = (cache_folder() / COMPILED).glob(f"{COMPILED}-*")
    newest = max(kept, key=last_used, default=None)
    if newest is None or not copied(newest, folder):
        return {}
    return compile_variables(folder)
