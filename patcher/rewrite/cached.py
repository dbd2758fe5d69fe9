"""A cache of rewriting. Rewriting is a pure function, so a result may be kept by what went in.

`Cached` is `rewrite_file` with a memory: any mapping from text to bytes. `FolderCache` is one that
lives in a directory. A damaged or foreign entry counts as none.
"""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from patcher import __version__
from patcher.patchfile.model import Edit, EditStatus
from patcher.rewrite.file import Rewrite, Rewritten, rewrite_file
from patcher.rewrite.outcome import EditOutcome, Site
from patcher.rewrite.whole_files import whole

_FORMAT = f"2 {__version__}"


def key(path: str, content: bytes, edits: Sequence[Edit], attachments: Mapping[str, bytes]) -> str:
    """A name for the result of one call: all that it depends on, hashed."""
    digest = hashlib.sha256(_FORMAT.encode())
    asked = [
        (
            e.kind.value,
            e.within,
            e.pattern,
            e.replacement,
            str(e.expect),
            e.decorated,
            e.in_f_strings,
        )
        for e in edits
    ]
    used = sorted((name, hashlib.sha256(data).hexdigest()) for name, data in attachments.items())
    for part in (path.encode(), content, json.dumps([asked, used]).encode()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def dump(result: Rewritten) -> bytes:
    """A result as bytes; only results that can be written are kept."""
    assert result.content is not None
    outcomes = [
        {
            "status": o.status.value,
            "found": o.count,
            "sites": [asdict(site) for site in o.sites],
            "notes": o.notes,
        }
        for o in result.outcomes
    ]
    content = b64encode(result.content).decode()
    checked = hashlib.sha256(result.content).hexdigest()
    return json.dumps({"outcomes": outcomes, "content": content, "sha256": checked}).encode()


def load(data: bytes, edits: Sequence[Edit]) -> Rewritten | None:
    """A kept result; None when it is not one."""
    try:
        read: Any = json.loads(data)
        content = b64decode(read["content"])
        if hashlib.sha256(content).hexdigest() != read["sha256"]:
            return None
        outcomes = tuple(
            EditOutcome(
                edit,
                EditStatus(kept["status"]),
                tuple(Site(**site) for site in kept["sites"]),
                kept["found"],
                notes=tuple(kept["notes"]),
            )
            for edit, kept in zip(edits, read["outcomes"], strict=True)
        )
    except (ValueError, KeyError, TypeError):
        return None
    return Rewritten(outcomes, content)


class Cached:
    """Rewrites files, and remembers results that can be written."""

    def __init__(self, kept: MutableMapping[str, bytes], rewrite: Rewrite = rewrite_file) -> None:
        self.kept, self.rewrite = kept, rewrite

    def __call__(
        self,
        path: str,
        content: bytes | None,
        edits: Sequence[Edit],
        attachments: Mapping[str, bytes],
    ) -> Rewritten:
        """As `patcher.rewrite.file.rewrite_file`."""
        if content is None or whole(edits):
            return rewrite_file(path, content, edits, attachments)
        name = key(path, content, edits, attachments)
        if name in self.kept:
            known = load(self.kept[name], edits)
            if known is not None:
                return known
        result = self.rewrite(path, content, edits, attachments)
        if result.content is not None:
            self.kept[name] = dump(result)
        return result


class FolderCache(MutableMapping[str, bytes]):
    """Results as files of a folder, one a key; never an error: a full disk just keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, key: str) -> bytes:
        try:
            return (self.folder / key).read_bytes()
        except OSError:
            raise KeyError(key) from None

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and (self.folder / key).is_file()

    def __setitem__(self, key: str, value: bytes) -> None:
        beside = self.folder / f"{key}.{os.urandom(6).hex()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                beside.write_bytes(value)
                beside.replace(self.folder / key)
            except OSError:
                beside.unlink(missing_ok=True)
        except OSError:
            pass

    def __delitem__(self, key: str) -> None:
        (self.folder / key).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[str]:
        return (path.name for path in self.folder.iterdir()) if self.folder.is_dir() else iter(())

    def __len__(self) -> int:
        return sum(1 for _ in self)
