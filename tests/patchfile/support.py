"""Specs made of parts."""

from __future__ import annotations

import pytest

from patcher.errors import PatcherError
from patcher.patchfile.model import Patch
from patcher.patchfile.reader import read_spec

HEAD = "patch: p\nsummary: s\ntarget: pkg >=1,<2\nequivalence: bitwise\n"
EDITS = "edits:\n  - file: a.py\n    match: f($X)\n    with: g($X)\n"
PATH = "patches/p.yaml"


def read(text: str, **attachments: bytes) -> Patch:
    named = {name.replace("__", "."): content for name, content in attachments.items()}
    return read_spec(text, PATH, named)


def refusal(text: str) -> list[str]:
    """Every problem of a spec, as `LINE:COLUMN: message`, with the first one's hint at the end."""
    with pytest.raises(PatcherError) as caught:
        read(text)
    error = caught.value
    assert error.code == "spec"
    assert error.where is not None
    first = f"{error.where}: {error.message}"
    lines = [line.removeprefix(PATH + ":") for line in (first, *error.notes)]
    return [*lines, f"help: {error.hint}"] if error.hint else lines
