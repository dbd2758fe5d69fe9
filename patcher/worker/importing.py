"""How a worker imports its target: from the frozen tree, compiled from source, each hash noted.

It imports the standard library alone: it runs in the target's interpreter.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType


class RecordingLoader(importlib.machinery.SourceFileLoader):
    """Compiles a target's module from its source, always, and notes the hash of those bytes.

    Bytecode files are neither read nor written for the target: a patch of equal size within the
    second of an earlier import would otherwise run the old code.
    """

    seen: dict[str, str]

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        source = self.get_data(path)
        self.seen[path] = hashlib.sha256(source).hexdigest()
        return self.source_to_code(source, path)


class TreeFinder:
    """Finds the target's packages in the frozen tree, before every other finder.

    A namespace package has parts elsewhere too, of other distributions: those are found behind the
    tree's own, and are none of the planned code.
    """

    def __init__(self, tree: str, packages: tuple[str, ...]) -> None:
        self.tree = tree
        self.packages = packages
        self.seen: dict[str, str] = {}

    def find_spec(
        self, name: str, path: Any = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] not in self.packages:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path or [self.tree], target)
        if spec is None:
            return None
        if path is None and spec.origin is None and spec.submodule_search_locations is not None:
            spec.submodule_search_locations = [*spec.submodule_search_locations, *self.parts(name)]
        elif type(spec.loader) is importlib.machinery.SourceFileLoader and self.holds(spec.origin):
            loader = RecordingLoader(spec.loader.name, spec.loader.path)
            loader.seen = self.seen
            spec.loader = loader
        return spec

    def holds(self, file: str | None) -> bool:
        return file is not None and file.startswith(self.tree + os.sep)

    def parts(self, name: str) -> list[str]:
        """Where a namespace package goes on outside the tree."""
        result = (os.path.join(folder or os.getcwd(), name) for folder in sys.path)
        return [each for each in result if os.path.isdir(each) and not self.holds(each)]

    def drain(self) -> dict[str, str]:
        """Hashes by path relative to the tree, of what was imported since the last call."""
        new = dict(self.seen)
        self.seen.clear()  # in place: the loaders hold the same mapping
        return {os.path.relpath(path, self.tree): digest for path, digest in new.items()}
