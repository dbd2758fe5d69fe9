"""A wheel of the patched tree: the same bytes for the same tree, wherever it is made.

Entries are sorted, have fixed modes and one moment, and are not compressed, because compressors
differ from version to version.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.commands.exporting import sbom
from patcher.errors import PatcherError
from patcher.results import ExportResult

if TYPE_CHECKING:
    from patcher.store.working_copy import WorkingCopy

EARLIEST_S = 315532800  # 1980, where the dates of zip files begin
NOT_PACKED = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
RECEIPT = "patcher/receipt.json"  # in the .dist-info folder


def write_wheel(
    copy: WorkingCopy,
    folder: Path,
    parts: Sequence[sbom.BillEntry],
    receipt: Mapping[str, Any],
    *,
    made_s: int,
) -> ExportResult:
    """Write the wheel; see `patcher.commands.export.wheel`.

    Args:
        receipt: the object of a receipt; empty for none.
        made_s: the moment of every entry, in seconds since the epoch.
    """
    contents = {path: data for path in copy.paths() if (data := copy.read(path)) is not None}
    info = next((path.split("/")[0] for path in contents if ".dist-info/METADATA" in path), None)
    if info is None or copy.version is None:
        raise PatcherError(
            "source",
            f"the working copy of {copy.target} carries no .dist-info, so no wheel can be made",
            hint="init it from a wheel, an sdist or an installed distribution",
        )
    digest = hashlib.sha256()
    for path in sorted(contents):
        digest.update(f"{path}\0{hashlib.sha256(contents[path]).hexdigest()}\n".encode())
    version = f"{copy.version.split('+')[0]}+patcher.{digest.hexdigest()[:12]}"
    name = info.removesuffix(".dist-info").rsplit("-", 1)[0]
    renamed = {
        path.replace(info, f"{name}-{version}.dist-info", 1): data
        for path, data in contents.items()
        if path.split("/")[-1] not in NOT_PACKED
    }
    renamed = {path: _stamped(path, data, version, name) for path, data in renamed.items()}
    info = f"{name}-{version}.dist-info"
    document = sbom.document(copy.target, copy.version, version, parts, made_s=made_s)
    renamed[f"{info}/sboms/{sbom.NAME}"] = document
    if receipt:
        text = json.dumps(receipt, indent=2, sort_keys=True) + "\n"
        renamed[f"{info}/{RECEIPT}"] = text.encode()
    made = folder / f"{name}-{version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    executable = {path for path, each in copy.expected().items() if each.mode & 0o100}
    _write(made, renamed, info, executable, made_s)
    return ExportResult([made], version)


def _stamped(path: str, data: bytes, version: str, name: str) -> bytes:
    """METADATA with the marked version; WHEEL where the source had none is left to `_write`."""
    if path != f"{name}-{version}.dist-info/METADATA":
        return data
    lines = data.split(b"\n")
    first = next(index for index, line in enumerate(lines) if line.startswith(b"Version:"))
    lines[first] = f"Version: {version}".encode()
    return b"\n".join(lines)


def _write(
    path: Path,
    contents: Mapping[str, bytes],
    info: str,
    executable: Collection[str],
    made_s: int,
) -> None:
    contents = {
        **contents,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: patcher\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    date = time.gmtime(max(made_s, EARLIEST_S))[:6]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(contents):
            data = contents[name]
            archive.writestr(_entry(name, date, 0o755 if name in executable else 0o644), data)
            hashed = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.writerow([name, f"sha256={hashed}", len(data)])
        rows.writerow([f"{info}/RECORD", "", ""])
        archive.writestr(_entry(f"{info}/RECORD", date, 0o644), record.getvalue())


def _entry(name: str, date: tuple[int, ...], mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (date[0], date[1], date[2], date[3], date[4], date[5]))
    entry.create_system = 3  # Unix, whatever it is made on
    entry.external_attr = (0o100000 | mode) << 16
    return entry
