"""Compiles a frozen tree for commands: ``python compiling.py TREE CACHE NAME...``.

A command is a process of its own, and what it takes is measured with its start: compiling the
target's modules is no part of what is compared. Run by the interpreter that will run the command,
with the standard library alone, on Python 3.8. Nothing of the tree is executed.

The bytecode is of the kind that Python does not check against its source: nobody writes to the
tree any more. It is kept in CACHE by the hash of the source, so that pristine is compiled once.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.machinery
import importlib.util
import marshal
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

UNCHECKED_HASH = 1  # PEP 552: the second word of the file


def compile_tree(tree: str, cache: Path, names: Sequence[str]) -> int:
    """Put bytecode beside every module of some top-level packages; how many there are."""
    cache.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in modules(tree, names):
        source = Path(path).read_bytes()
        kept = cache / f"{sys.implementation.cache_tag}-{hashlib.sha256(source).hexdigest()}"
        if not kept.is_file():
            try:
                code = compile(source, path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue  # whoever imports it gets the error
            write(kept, header(source) + marshal.dumps(code))
        target = importlib.util.cache_from_source(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(str(kept), target)
        os.utime(str(kept))
        count += 1
    return count


def modules(tree: str, names: Sequence[str]) -> Iterator[str]:
    """The Python files of top-level modules and packages."""
    for name in names:
        single = os.path.join(tree, f"{name}.py")
        if os.path.isfile(single):
            yield single
        for folder, _, files in os.walk(os.path.join(tree, name)):
            for file in files:
                if file.endswith(tuple(importlib.machinery.SOURCE_SUFFIXES)):
                    yield os.path.join(folder, file)


def header(source: bytes) -> bytes:
    """What stands before the code in a bytecode file."""
    flags = UNCHECKED_HASH.to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source)


def write(path: Path, data: bytes) -> None:
    """A whole file or none."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    with contextlib.suppress(OSError):
        os.replace(str(partial), str(path))


if __name__ == "__main__":
    compile_tree(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
