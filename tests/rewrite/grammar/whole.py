"""Cases of edits of files as wholes: added, replaced, removed, renamed, given other modes."""

from __future__ import annotations

import hashlib
from random import Random

from tests.rewrite.grammar.cases import Drawn
from tests.rewrite.grammar.code import Code, Scope

MODES = (0o644, 0o755, 0o600)


def whole_files(random: Random) -> Drawn | None:
    """Up to four edits of a small tree; a file's text may be edited as it is renamed."""
    code = Code(random, False, placed=True)
    before: dict[str, tuple[bytes, int]] = {
        "m.py": (b"", 0o644),  # the case's source
        "pkg/a.py": ("\n".join(code.simple(Scope()) for _ in "ab").encode(), random.choice(MODES)),
        "pkg/b.bin": (random.randbytes(random.randrange(30)), random.choice(MODES)),
        "pkg/c.txt": (b"one\ntwo\n", 0o644),
    }
    after = dict(before)
    attachments: dict[str, bytes] = {}
    edits = ""
    for path in random.sample(["pkg/a.py", "pkg/b.bin", "pkg/c.txt", "pkg/new/d.dat", "m.py"], 3):
        edits += _one(random, path, after, attachments)
    if after == before:
        return None
    return Drawn(
        "whole files", "x = 1\n", edits, lambda source: "", attachments=attachments,
        files=before, files_after=after,
    )  # fmt: skip


def _one(
    random: Random, path: str, files: dict[str, tuple[bytes, int]], attachments: dict[str, bytes]
) -> str:
    """One or two edits of one file: entries of a spec, and what they make of the files."""
    name = f"p/{len(attachments)}.dat"
    data = random.randbytes(random.randrange(40))
    entry = f"- file: {path}\n"
    if path not in files:
        attachments[name] = data
        mode = random.choice((None, *MODES))
        files[path] = (data, 0o644 if mode is None else mode)
        return f"{entry}  add-file: {name}\n" + _mode(path, mode)
    old, bits = files[path]
    was = hashlib.sha256(old).hexdigest()
    way = random.choice(("replace", "delete", "rename", "mode", "both"))
    if path == "m.py":
        way = random.choice(("rename", "mode"))
    if way == "replace":
        attachments[name] = data
        files[path] = (data, bits)
        return f"{entry}  replace-file: {name}\n  was: {was}\n" if data != old else ""
    if way == "delete":
        del files[path]
        given = random.choice(("", f"  was: {was}\n"))
        return f"{entry}  delete-file: true\n{given}"
    mode = random.choice([each for each in MODES if each != bits])
    if way == "mode":
        files[path] = (old, mode)
        return _mode(path, mode)
    new = f"pkg/moved/{path.rpartition('/')[2]}"
    files[new] = files.pop(path)
    edits = f"{entry}  rename-file: {new}\n"
    if way == "both" and path.endswith(".txt"):
        files[new] = (old.replace(b"two", b"three"), files[new][1])
        edits += f'{entry}  lines: "two"\n  with: "three"\n'
    return edits


def _mode(path: str, mode: int | None) -> str:
    return "" if mode is None else f'- file: {path}\n  mode: "{mode:o}"\n'
