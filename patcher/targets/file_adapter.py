"""An adapter in a file of the workspace: ``adapter = "file.py:obj"`` in the settings."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from patcher.errors import PatcherError, nearest
from patcher.settings import place_of
from patcher.targets.wrapped import WrappedAdapter

if TYPE_CHECKING:
    from pathlib import Path

    from patcher.targets.adapter import Assets, Matrix, Options

MEMBERS = ("distribution", "packages", "serving", "making", "matrix", "assets")


@dataclass(frozen=True)
class FileAdapter(WrappedAdapter):
    """An adapter with the folder its worker side is imported from.

    Attributes:
        sha256: of the file: a changed adapter never reuses an old result.
    """

    sys_path: tuple[str, ...]
    sha256: str

    def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
        result = self.adapter.assets(matrix, options, version)
        return replace(result, fingerprint=f"{result.fingerprint}/{self.sha256}")


def load_adapter(root: Path, reference: str) -> FileAdapter:
    """Import ``FILE.py:OBJECT`` below ``root``.

    Raises:
        PatcherError: ``config``, when the file or the object is not there, the file raises, or
            the object lacks what an adapter has.
    """
    place, _, name = reference.rpartition(":")
    path = root / place
    if not place.endswith(".py") or not name:
        hint = 'for example adapter = "my_adapter.py:adapter"'
        message = f'adapter = "{reference}": it is FILE.py:OBJECT'
        raise PatcherError("config", message, hint=hint, where=place_of(root, "adapter"))
    if not path.is_file():
        hint = f"no file {path}; `patcher new --adapter {path.stem}` writes one"
        where = place_of(root, "adapter")
        raise PatcherError("config", f"there is no {place}", where=where, hint=hint)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        message = f"{place} cannot be imported: {type(error).__name__}: {error}"
        hint = "the parent side of an adapter never imports the target: import it where it is used"
        raise PatcherError("config", message, where=str(path), hint=hint) from None
    result = getattr(module, name, None)
    if result is None:
        hint = nearest(name, [each for each in vars(module) if not each.startswith("_")])
        where = place_of(root, "adapter")
        raise PatcherError("config", f"{place} has no {name!r}", where=where, hint=hint)
    lacking = [member for member in MEMBERS if not hasattr(result, member)]
    if lacking:
        message = f"{reference} is no adapter: it lacks {', '.join(lacking)}"
        raise PatcherError("config", message, where=str(path), hint="docs/targets.md has them all")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return FileAdapter(result, (str(path.parent),), sha256)
