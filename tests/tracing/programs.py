"""Small programs for traces, written to a folder and imported from there."""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path
from types import ModuleType


def program(folder: Path, source: str, name: str = "voice") -> ModuleType:
    """A module of that source, below an import root."""
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(source).lstrip("\n"))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def line_of(folder: Path, text: str, name: str = "voice") -> int:
    """The line that holds a text."""
    lines = (folder / f"{name}.py").read_text().split("\n")
    return 1 + next(number for number, line in enumerate(lines) if text in line)
