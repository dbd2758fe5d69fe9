"""Where a working copy comes from: any form of a distribution, read and never imported."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.versions import normalise
from patcher.store.interpreter import Installed, files_of
from patcher.store.layout import (
    Layout,
    Metadata,
    find_layout,
    find_metadata,
    is_source,
    parse_metadata,
    synthesise,
)
from patcher.store.paths import check_relative
from patcher.store.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Files = dict[str, tuple[bytes, int]]
# A source larger than this is a mistake (a model's weights in the folder) or an attack.
MAX_TOTAL_BYTES = 1 << 30


@dataclass(frozen=True)
class DistributionSource:
    """A distribution's files as they will be in the working copy.

    Attributes:
        distribution: its name, normalised (``some-package``); the target's name.
        origin: where it came from, for people.
        files: (bytes, permission bits) by path relative to the import root, with the
            ``.dist-info``.
        packages: top-level packages or modules.
        import_root: the folder the files were read from, when they lie in one.
    """

    distribution: str
    version: str
    origin: str
    files: Mapping[str, tuple[bytes, int]]
    packages: tuple[str, ...]
    import_root: Path | None = None


LATEST = "@latest"  # after a distribution's name: the newest wheel that the registry has


def find_source(text: str, python: str = sys.executable) -> DistributionSource:
    """Read what the user named.

    Args:
        python: the interpreter that distributions are installed for.
        text: an installed distribution, ``NAME==VERSION`` or
            ``NAME@latest`` (fetched with pip), a wheel or sdist
            file, a folder, a git checkout, or a git URL.

    Raises:
        PatcherError: ``source``, saying what was tried.
    """
    text = text.strip()
    if re.match(r"(git\+)?(https?|ssh|git|file)://|git@", text):
        return _from_url(text.removeprefix("git+"))
    path = Path(text).expanduser()
    if path.is_dir():
        return _from_folder(path)
    if path.is_file():
        return _from_archive(path)
    if "==" in text or text.endswith(LATEST):
        return _from_registry(text, python)
    if "/" in text or text.endswith((".whl", ".tar.gz", ".zip")):
        raise PatcherError("source", f"there is no {text}", where=text)
    return _from_installed(text, python)


def _from_installed(name: str, python: str) -> DistributionSource:
    result = installed_files(name, python)
    if result is None:
        hint = (
            f"`pip install {name}`, or `patcher init {name}==VERSION`, or a file or folder; "
            "`python` in the settings names another interpreter"
        )
        from patcher.store.interpreter import owner_of

        if meant := owner_of(python, name):
            hint = f"`patcher init {meant}`, which is the name it is installed under; or {hint}"
        raise PatcherError(
            "source", f"{name!r} is not installed in this Python ({python})", hint=hint
        )
    if (editable := _editable(result.direct_url)) is not None:
        return _from_folder(editable)
    files: Files = {}
    for path, place in result.files:
        if path.startswith(("../", "/")) or not is_source(path):
            continue
        with suppress(FileNotFoundError):
            seen = os.lstat(place)
            if stat.S_ISREG(seen.st_mode):
                with open(place, "rb") as file:
                    files[path] = (file.read(), stat.S_IMODE(seen.st_mode))
    packages = _packages(files)
    if not packages:
        raise PatcherError("source", f"the installed {name} lists no Python package in its RECORD")
    origin = f"installed {result.name} {result.version}"
    return _source(result.name, result.version, origin, files, packages)


def installed_files(name: str, python: str = sys.executable) -> Installed | None:
    """The files of an installed distribution; None when it is not installed."""
    if python != sys.executable:
        return files_of(python, name)
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        result = distribution(name)
    except (PackageNotFoundError, ValueError):
        return None
    places = tuple((item.as_posix(), str(item.locate())) for item in result.files or ())
    metadata = result.metadata
    return Installed(metadata["Name"], result.version, result.read_text("direct_url.json"), places)


def _editable(direct_url: str | None) -> Path | None:
    """The folder of an editable installation."""
    import json
    from urllib.parse import urlparse
    from urllib.request import url2pathname

    if direct_url is None:
        return None
    record = json.loads(direct_url)
    if not record.get("dir_info", {}).get("editable"):
        return None
    return Path(url2pathname(urlparse(record["url"]).path))


def _packages(files: Mapping[str, object]) -> tuple[str, ...]:
    """Top-level folders with Python in them, and top-level modules."""
    tops = {path.split("/", 1)[0] for path in files if path.endswith(".py")}
    return tuple(sorted(top for top in tops if not top.endswith((".dist-info", ".data"))))


def _source(
    name: str,
    version: str,
    origin: str,
    files: Files,
    packages: tuple[str, ...],
    import_root: Path | None = None,
) -> DistributionSource:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        raise PatcherError("source", f"{name!r} is not a distribution's name")
    for path in files:
        check_relative(path)
    return DistributionSource(normalise(name), version, origin, files, packages, import_root)


def _from_registry(requirement: str, python: str) -> DistributionSource:
    if not re.fullmatch(rf"[A-Za-z0-9._-]+(==[A-Za-z0-9.!+_-]+|{LATEST})", requirement):
        raise PatcherError("source", f"{requirement!r} is not NAME==VERSION")
    asked = requirement.removesuffix(LATEST)
    with tempfile.TemporaryDirectory(prefix="patcher-") as folder:
        # Wheels only: pip runs the build of an sdist just to learn its name.
        command = [
            sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet",
            "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--dest", folder,
            asked,
        ]  # fmt: skip
        if python != sys.executable:
            from patcher.store.interpreter import about

            command += ["--python-version", about(python).text]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            last = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise PatcherError(
                "source",
                f"pip could not fetch a wheel of {requirement}",
                hint="check name and version; for an sdist, download it and name the file",
                notes=last[-3:] or done.stderr.splitlines()[-3:],
            )
        result = _from_archive(wheels[0])
    return DistributionSource(**{**vars(result), "origin": f"registry {requirement}"})


def _from_archive(path: Path) -> DistributionSource:
    try:
        if zipfile.is_zipfile(path):
            files = dict(_unzip(path))
        elif tarfile.is_tarfile(path):
            files = dict(_untar(path))
        else:
            raise PatcherError("source", f"{path} is neither a wheel nor an sdist", where=str(path))
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, NotImplementedError) as error:
        raise PatcherError("source", f"{path} cannot be read: {error}", where=str(path)) from None
    origin = f"file {path.name}"
    for name in files:
        if re.fullmatch(r"[^/]+\.dist-info/METADATA", name):
            result = parse_metadata(files[name][0])
            if result is not None:
                return _source(result.name, result.version, origin, files, _packages(files))
    tops = {name.split("/", 1)[0] for name in files}
    if len(tops) == 1:  # an sdist: everything in NAME-VERSION/
        files = {name.split("/", 1)[1]: held for name, held in files.items() if "/" in name}
    return _from_project(files, origin, path.name, None)


def _unzip(path: Path) -> Iterator[tuple[str, tuple[bytes, int]]]:
    with zipfile.ZipFile(path) as archive:
        total = 0
        for member in archive.infolist():
            mode = member.external_attr >> 16
            if member.is_dir() or stat.S_ISLNK(mode) or not is_source(member.filename):
                continue
            total = _limit(total + member.file_size, path)
            name = re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", member.filename)
            check_relative(name)
            yield name, (archive.read(member), mode & 0o777 or 0o644)


def _untar(path: Path) -> Iterator[tuple[str, tuple[bytes, int]]]:
    with tarfile.open(path) as archive:
        total = 0
        for member in archive:
            name = member.name.removeprefix("./")
            if not member.isfile() or not is_source(name):
                continue
            total = _limit(total + member.size, path)
            check_relative(name)
            handle = archive.extractfile(member)
            if handle is not None:
                yield name, (handle.read(), member.mode & 0o777 or 0o644)


def _limit(total: int, path: Path) -> int:
    if total > MAX_TOTAL_BYTES:
        raise PatcherError("source", f"{path} holds more than {MAX_TOTAL_BYTES:,} bytes")
    return total


def _from_project(
    files: Files, origin: str, fallback: str, root: Path | None
) -> DistributionSource:
    """A source tree: its packages without their surroundings, with metadata beside them."""
    layout = find_layout(files)
    if layout is None:
        raise PatcherError("source", f"there is no Python package in {origin}")
    metadata = find_metadata(files, lambda path: files[path][0], layout) or synthesise(
        fallback, "0"
    )
    kept = {path[len(layout.prefix) :]: held for path, held in files.items() if layout.holds(path)}
    add_metadata(kept, metadata)
    import_root = None if root is None else root / layout.prefix.rstrip("/")
    return _source(metadata.name, metadata.version, origin, kept, layout.packages, import_root)


def add_metadata(files: Files, metadata: Metadata) -> None:
    """Put a ``.dist-info`` beside the packages, unless there is one."""
    if not any(path.split("/", 1)[0].endswith(".dist-info") for path in files):
        stem = normalise(metadata.name).replace("-", "_")
        text = metadata.text.encode("utf-8", "surrogateescape")
        files[f"{stem}-{metadata.version}.dist-info/METADATA"] = (text, 0o644)


def _from_folder(path: Path) -> DistributionSource:
    root = path.resolve()
    if (root / "__init__.py").is_file():
        raise PatcherError(
            "source",
            f"{path} is a package; name the folder that holds it",
            hint=f"patcher init {root.parent}",
        )
    listed = sorted(walk(root))
    layout = find_layout(listed) or Layout("", ())
    chosen = [
        each
        for each in listed
        if layout.holds(each)
        or re.fullmatch(r"(src/)?([^/]+\.egg-info/)?(PKG-INFO|pyproject\.toml|setup\.cfg)", each)
    ]
    files = {}
    total = 0
    for each in chosen:
        result = root / each
        mode = result.lstat()
        total = _limit(total + mode.st_size, path)
        files[each] = (result.read_bytes(), stat.S_IMODE(mode.st_mode))
    kind = "checkout" if (root / ".git").exists() else "folder"
    return _from_project(files, f"{kind} {root}", root.name, root)


def _from_url(url: str) -> DistributionSource:
    from patcher.store.clone import clone

    with tempfile.TemporaryDirectory(prefix="patcher-") as folder:
        checkout = Path(folder) / "checkout"
        commit = clone(url, checkout)
        result = _from_folder(checkout)
    return DistributionSource(
        **{**vars(result), "origin": f"{url} at {commit}", "import_root": None}
    )
