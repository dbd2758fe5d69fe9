"""Hostile paths, fuzzed specs and journals: refused in words, nothing outside is touched."""

from __future__ import annotations

import json
import os
import random
import socket
import string
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

from patcher.errors import PatcherError
from patcher.patchfile.reader import read_spec
from patcher.store import journal as journals
from patcher.store import records
from patcher.store.backups import Backups
from patcher.store.settling import settle_pending
from patcher.store.workspace import Workspace
from tests.torture.scene import Scene, applied, no_git
from tests.torture.tally import Tally


def hostile_paths() -> list[str]:
    """Paths that must be refused as text, whatever is on the disk."""
    names = [
        ".git", ".GIT", ".Git", ".giT", ".git ", ".git.", ".git. .", ".git::$INDEX_ALLOCATION",
        ".git:x", "git~1", "GIT~1", "Git~2", ".g\u200cit", ".\u200dgit", ".git\u200e", "\ufeff.git",
        ".g\u2060it", "\uff0egit", ".\uff47it", ".patcher", ".PATCHER", ".patcher.", "patche~1",
        ".p\u200catcher", "..", ".", "~", "~root", "~/x", "", "\0", "a\0b", "a\nb", "a\rb", "a\tb",
        "a\x1bb", "a\x7fb", "a\x85b", "a\\b", "..\\x", "C:", "C:x", "\ud800", "x" * 256,
    ]  # fmt: skip
    frames = ["{}", "sample/{}", "{}/config", "sample/{}/x.py", "sample/part0/{}/../x.py", "/{}",
              "sample//{}", "./{}"]  # fmt: skip
    paths = [frame.format(name) for frame, name in product(frames, names)]
    paths += ["/etc/passwd", "//x", "///", "../" * 30 + "etc/passwd", "sample/../../x", "a/" * 600]
    return sorted(set(paths))


def refuse_paths(scene: Scene) -> Tally:
    """No hostile path gets past a change; the box around the workspace stays as it is."""
    tally = Tally()
    with scene.round("apply") as place, no_git():
        traps = _traps(place)
        fence = _fence(place.parent)
        for path in hostile_paths():
            tally.tried += 1
            tally.note(_try(place, path), ascii(path))
        for path, name in traps:
            tally.tried += 1
            tally.note(_try(place, path), name)
        if _fence(place.parent) != fence:
            tally.note(["lost: something outside the root changed"])
    return tally


def _try(place: Path, path: str) -> list[str]:
    workspace = Workspace(place)
    copy = workspace.working_copy()
    try:
        copy.change({path: b"hostile\n"}, [applied("hostile")], "apply", ["hostile"])
    except PatcherError as error:
        expected = ("unsafe-path", "drift", "unsupported-source")
        return [] if error.code in expected else [f"torn: {error.code}"]
    except Exception as error:
        return [f"traceback: {error!r}"]
    return ["torn: it was written"]


def _traps(place: Path) -> list[tuple[str, str]]:
    """Things on the disk that a harmless path leads to."""
    root = place / ".patcher/sample/tree/sample"
    (place / "outside").mkdir()
    (place / "outside" / "x.py").write_bytes(b"outside\n")
    (root / "link.py").symlink_to(place / "outside" / "x.py")
    (root / "dangling.py").symlink_to(place / "nothing")
    (root / "linked").symlink_to(place / "outside")
    (root / "loop").symlink_to("loop")
    (root / "up").symlink_to("../../../..")
    os.mkfifo(root / "fifo.py")
    (root / "folder.py").mkdir()
    (root / "file").write_bytes(b"")
    (root / "big.py").write_bytes(b"#" * 1_000_001)
    with socket.socket(socket.AF_UNIX) as listener:
        before = Path.cwd()
        os.chdir(root)  # a socket's path must be short
        listener.bind("socket.py")
        os.chdir(before)
    names = {
        "link.py": "a link", "dangling.py": "a dangling link", "linked/x.py": "through a link",
        "loop/x.py": "through a loop", "up/x.py": "a link upwards", "fifo.py": "a FIFO",
        "folder.py": "a folder", "file/x.py": "through a file", "big.py": "over 1 MB",
        "socket.py": "a socket", "linked": "a link to a folder",
    }  # fmt: skip
    if os.geteuid() == 0:
        os.mknod(root / "device.py", 0o20666, os.makedev(1, 3))
        names["device.py"] = "a device"
    return [(f"sample/{path}", name) for path, name in names.items()]


def _fence(box: Path) -> dict[str, bytes]:
    """What lies around a workspace's tree."""
    files = {}
    for path in sorted(box.rglob("*")):
        inside = {".patcher", "backups"} & set(path.relative_to(box).parts)
        if path.is_file() and not path.is_symlink() and not inside:
            files[str(path)] = path.read_bytes()
    return files


def fuzz_specs(specs: list[str], rounds: int, seed: int) -> Tally:
    """Damaged specs are read, or refused as ``spec``."""
    tally = Tally()
    chance = random.Random(seed)
    for number in range(rounds):
        text = _damage(chance.choice(specs), chance)
        tally.tried += 1
        try:
            read_spec(text, "fuzzed.yaml")
        except PatcherError as error:
            if error.code not in ("spec", "unsafe-path", "config"):
                tally.note([f"traceback: {error.code}: {error}"], f"spec {seed}/{number}")
        except Exception as error:
            tally.note([f"traceback: {error!r}"], f"spec {seed}/{number}")
    return tally


_PIECES = [
    "edits:", "- ", ": ", "\n", "  ", "match: ", "with: ", "within: ", "|", ">", "&a", "*a",
    "!!python", "{", "}", "[", "]", "'", '"', "#", "$", "$$$", "µ", "\t", "\0", "\ufeff", "---",
    "...", "<<: ", "expect: -1", "decorator: @x", "?", "%", "file: ../x", "file: /x", "no", "1e99",
    "0x", "\x85",
]  # fmt: skip


def _damage(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.choice([0, 1, 1, 3, 20, 200]))
        piece = chance.choice(
            [chance.choice(_PIECES), chance.choice(string.printable), "", text[at:end] * 2]
        )
        text = text[:at] + piece + text[end:]
    return text


def fuzz_journals(scene: Scene, rounds: int, seed: int) -> Tally:
    """Damaged journals are refused; damaged ones with a good seal never lead outside the root."""
    tally = Tally()
    chance = random.Random(seed)
    with scene.round("apply") as place, no_git():
        private = place / ".patcher"
        good = _a_journal(scene)
        fence = _fence(place.parent)
        for number in range(rounds):
            sealed = number % 2 == 1
            data = records.encode(_twist(good, chance)) if sealed else _flip(good, chance)
            (private / journals.JOURNAL_FILE).write_bytes(data)
            tally.tried += 1
            try:
                journals.read(private)
                settle_pending(Workspace(place))
            except PatcherError:
                pass
            except Exception as error:
                tally.note([f"traceback: {error!r}"], f"journal {seed}/{number}")
        (private / journals.JOURNAL_FILE).unlink(missing_ok=True)
        if _fence(place.parent) != fence:
            tally.note(["lost: something outside the root changed"], f"journals, seed {seed}")
        tally.note(scene.faults(place, "apply"), f"journals, seed {seed}")
    return tally


def _a_journal(scene: Scene) -> dict[str, object]:
    """The manifest of a real change."""
    with scene.round("apply") as place:
        scene.perform(Workspace(place), "apply")
        *_, manifest = Backups(place / "backups").records("sample")
        return manifest.as_json()


def _flip(record: dict[str, object], chance: random.Random) -> bytes:
    data = bytearray(records.encode(record))
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data[: chance.randrange(len(data))] if chance.random() < 0.3 else data)


_VALUES: list[object] = [
    None, True, -1, 0, 1 << 70, 1.5, "", "x", "../../outside", "/etc", "a\0b", [], {}, [None],
    ["x"], "0" * 64, "0" * 12, "begin", "sample/part0/module0.py", "sample", {"path": "x"},
    "\ud800",
]  # fmt: skip


def _twist(record: dict[str, object], chance: random.Random) -> dict[str, object]:
    """A copy with some values replaced, at any depth."""
    copy: dict[str, object] = json.loads(json.dumps(record))
    for _ in range(chance.randint(1, 3)):
        place: Any = copy
        while True:
            keys: list[Any] = list(place if isinstance(place, dict) else range(len(place)))
            if not keys:
                break
            key = chance.choice(keys)
            inner = place[key]
            if isinstance(inner, dict | list) and inner and chance.random() < 0.7:
                place = inner
                continue
            place[key] = deepcopy(chance.choice(_VALUES))
            break
    return copy
