"""Patches and trees for tests, made of a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import indent

from patcher.patchfile.model import Patch
from patcher.patchfile.reader import read_spec
from patcher.rewrite.plan import Read


def patch(name: str, edits: str, head: str = "", **attachments: str) -> Patch:
    """A patch of `edits:` entries; attachments by name, `__` for a dot."""
    text = (
        f"patch: {name}\nsummary: s\ntarget: pkg\nequivalence: bitwise\n{head}"
        f"edits:\n{indent(edits, '  ')}"
    )
    files = {key.replace("__", "."): value.encode() for key, value in attachments.items()}
    return read_spec(text, f"patches/{name}.yaml", files)


def replacing(name: str, old: str, new: str, file: str = "m.py", head: str = "") -> Patch:
    """A patch that replaces one expression or statement."""
    return patch(name, f"- file: {file}\n  match: {old}\n  with: {new}\n", head)


def tree(**files: str) -> Read:
    """A tree of Python files, by stem."""
    return reading({f"{name}.py": text.encode() for name, text in files.items()})


def reading(files: Mapping[str, bytes]) -> Read:
    return files.get
