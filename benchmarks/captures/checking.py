"""What is asked of a capture: does it come back, is it small, how is it said."""

from __future__ import annotations

from collections.abc import Mapping

from patcher.patchfile.kinds import Level, kind_of
from patcher.patchfile.model import EditKind
from patcher.patchfile.reader import read_spec
from patcher.rewrite.authoring.capture import Captured, File
from patcher.rewrite.authoring.exact import SMALL
from patcher.rewrite.diff import unified_diff
from patcher.rewrite.replay import replay, replay_modes

Files = Mapping[str, File]


def comes_back(captured: Captured, before: Files, after: Mapping[str, File | None]) -> bool:
    """Whether the spec, read as text and replayed, gives bytes and modes of every file."""
    patch = read_spec(captured.text, "captured.yaml", captured.attachments)
    pristine = {path: data for path, (data, _) in before.items()}
    bits = {path: mode for path, (_, mode) in before.items()}
    files = {**pristine, **replay(pristine.get, [patch])}
    modes = {**bits, **replay_modes(pristine.get, bits.get, [patch])}
    made = {p: (data, modes.get(p, 0o644)) for p, data in files.items() if data is not None}
    expected = {p: held for p, held in {**before, **after}.items() if held is not None}
    return made == expected


def is_small(captured: Captured, before: Files, after: Mapping[str, File | None]) -> bool:
    """Whether the edits, with what travels with them, are at most twice as long as the diff."""
    edits = captured.text.partition("\nedits:\n")[2]
    size = len(edits) + sum(map(len, captured.attachments.values()))
    old = {path: before[path][0] for path in after if path in before}
    new = {path: held[0] for path, held in after.items() if held is not None}
    modes = ({p: before[p][1] for p in old}, {p: held[1] for p, held in after.items() if held})
    return size <= SMALL * len(unified_diff(old, new, modes=modes))


def form_of(captured: Captured) -> str:
    """How the change is said: by statements, lines, both, or whole files alone."""
    patch = read_spec(captured.text, "captured.yaml", captured.attachments)
    kinds = {edit.kind for edit in patch.edits}
    lines = bool(kinds & {EditKind.LINES, EditKind.FINAL_NEWLINE})
    statements = any(kind_of(edit).level is Level.CODE for edit in patch.edits)
    if lines and statements:
        return "mixed"
    return "lines" if lines else "statements" if statements else "whole"
