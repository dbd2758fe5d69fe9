"""The static map of many files, on all processors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

from patcher.errors import PatcherError
from patcher.hazards.model import StaticMap
from patcher.hazards.static import ModuleMap, map_source

CHUNK = 32
FEW = 200  # files; below this, starting processes costs more than it saves
MAX_BYTES = 4 << 20
TORCH = b"torch"

Progress = Callable[[int, int], None]


def scan_static(
    root: Path, packages: Sequence[str], progress: Progress | None = None, jobs: int | None = None
) -> StaticMap:
    """Map all Python files of packages below an import root. Nothing is imported.

    Args:
        root: the import root.
        packages: top-level packages or modules, by name.
        progress: called with files done and files in all.
        jobs: processes; by default one a processor.
    """
    paths = sorted(
        path
        for package in (name.removesuffix(".py") for name in packages)
        for path in [*root.glob(f"{package}.py"), *root.glob(f"{package}/**/*.py")]
        if path.is_file()
    )
    names = [(str(path), path.relative_to(root).as_posix()) for path in paths]
    chunks = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    result: list[ModuleMap] = []
    files = lines = 0
    torch = False
    for maps, count, named in _run(chunks, len(names), jobs or os.cpu_count() or 1):
        result += [each for each in maps if each.entries or each.error]
        lines += count
        torch = torch or named
        files += len(maps)
        if progress is not None:
            progress(files, len(names))
    return StaticMap(tuple(result), files, lines, torch)


def scan_sources(sources: Mapping[str, bytes]) -> StaticMap:
    """Map files given as content by path."""
    maps = [map_source(content, path) for path, content in sorted(sources.items())]
    lines = sum(content.count(b"\n") for content in sources.values())
    torch = any(TORCH in content for content in sources.values())
    entries = tuple(each for each in maps if each.entries or each.error)
    return StaticMap(entries, len(maps), lines, torch)


def installed_package(name: str) -> tuple[Path, str]:
    """Import root and name of an installed top-level package, which is not imported.

    Raises:
        PatcherError: ``usage`` when there is none.
    """
    try:
        spec = find_spec(name) if name.isidentifier() else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin or spec.origin in {"built-in", "frozen"}:
        raise PatcherError(
            "usage", f"no installed package {name!r}", hint="give the name it is imported by"
        )
    origin = Path(spec.origin)
    return (origin.parent.parent if spec.submodule_search_locations else origin.parent), name


def _run(
    chunks: Sequence[Sequence[tuple[str, str]]], files: int, jobs: int
) -> Iterator[tuple[list[ModuleMap], int, bool]]:
    if jobs == 1 or files < FEW:
        yield from map(_map_chunk, chunks)
        return
    # Fresh interpreters: a fork would copy whatever threads and locks the caller has.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_map_chunk, chunks)


def _map_chunk(names: Iterable[tuple[str, str]]) -> tuple[list[ModuleMap], int, bool]:
    maps, lines, torch = [], 0, False
    for path, name in names:
        try:
            if os.path.getsize(path) > MAX_BYTES:
                maps.append(ModuleMap(name, (), 0, f"over {MAX_BYTES >> 20} MiB"))
                continue
            source = Path(path).read_bytes()
        except OSError as error:
            maps.append(ModuleMap(name, (), 0, str(error)))
            continue
        lines += source.count(b"\n")
        torch = torch or TORCH in source
        maps.append(map_source(source, name))
    return maps, lines, torch
