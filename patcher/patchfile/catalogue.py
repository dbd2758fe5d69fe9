"""Where patches come from: the workspace, what ships with patcher, and installed catalogues.

A catalogue is a folder of `NAME.yaml` specs with an optional `sets.yaml`. A patch is read when it
is asked for, so that applying one costs one file. The first source that has a name wins: workspace,
shipped, then distributions that offer a package under the entry point group `patcher.catalogues`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from patcher.errors import PatcherError
from patcher.patchfile.model import Patch, PatchSet
from patcher.patchfile.nodes import MOST_BYTES
from patcher.patchfile.reader import read_sets, read_spec
from patcher.patchfile.values import nearest

GROUP = "patcher.catalogues"
SETS = "sets.yaml"


def load_catalogue(workspace: Path | None = None) -> Catalogue:
    """Everything that can be applied in a workspace (the folder that holds `patches/`)."""
    return Catalogue([*([workspace / "patches"] if workspace else []), shipped()])


def shipped() -> Path:
    """The folder of the shipped catalogue: inside the wheel, or a checkout's `patches/`."""
    package = Path(__file__).resolve().parents[1]
    packed = package / "catalogue"
    return packed if packed.is_dir() else package.parent / "patches"


def read_patch(path: Path, shown_as: str | None = None) -> Patch:
    """Read one spec file and what travels with it.

    Args:
        path: the file.
        shown_as: the path that messages use; the path itself by default.

    Raises:
        PatcherError: ``spec``.
    """
    folder = path.parent

    def attach(name: str) -> bytes | None:
        candidate = folder / name
        inside = candidate.resolve().is_relative_to(folder.resolve())
        return candidate.read_bytes() if inside and candidate.is_file() else None

    return read_spec(_text(path), shown_as or str(path), attach)


class Catalogue:
    """Patches and sets by name, read lazily.

    Attributes:
        folders: the sources, first wins; installed catalogues are looked for after them, and only
            when a name is not found before.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(dict.fromkeys(folder.resolve() for folder in folders))
        self._read: dict[str, Patch] = {}

    @cached_property
    def installed(self) -> tuple[Path, ...]:
        """Folders of installed catalogues; their packages are found, not imported."""
        from importlib.metadata import entry_points
        from importlib.util import find_spec

        folders = []
        for point in entry_points(group=GROUP):
            try:
                spec = find_spec(point.module)
            except (ImportError, ValueError):
                spec = None
            folders += [Path(place) for place in (spec and spec.submodule_search_locations) or ()]
        return tuple(folder.resolve() for folder in folders)

    @cached_property
    def paths(self) -> Mapping[str, Path]:
        """Every spec file by name, sorted by name."""
        result: dict[str, Path] = {}
        for folder in (*self.folders, *self.installed):
            for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
                if path.name != SETS:
                    result.setdefault(path.stem, path)
        return dict(sorted(result.items()))

    @cached_property
    def patches(self) -> Mapping[str, Patch]:
        """All patches by name; a spec is read when it is looked up."""
        return _Patches(self)

    @cached_property
    def sets(self) -> Mapping[str, PatchSet]:
        result: dict[str, PatchSet] = {}
        for folder in (*self.folders, *self.installed):
            path = folder / SETS
            if path.is_file():
                for name, patches in read_sets(_text(path), _shown(path)).items():
                    result.setdefault(name, patches)
        return result

    def get(self, name: str) -> Patch:
        """One patch.

        Raises:
            PatcherError: ``unknown-patch`` with the nearest name, or ``spec``.
        """
        if name not in self._read:
            path = self._find(name)
            if path is None:
                hint = nearest(name, self.paths)
                raise PatcherError("unknown-patch", f"there is no patch `{name}`", hint)
            self._read[name] = read_patch(path, _shown(path))
        return self._read[name]

    def expand(self, names: Iterable[str]) -> list[Patch]:
        """Patches of names and ``@SET``s, each once, in the order given.

        Raises:
            PatcherError: ``unknown-patch`` with the nearest name, or ``spec``.
        """
        flat: dict[str, None] = {}
        for name in names:
            if not name.startswith("@"):
                flat[name] = None
                continue
            if name[1:] not in self.sets:
                hint = nearest(name[1:], self.sets).replace("`", "`@", 1)
                raise PatcherError("unknown-patch", f"there is no set `{name}`", hint)
            flat.update(dict.fromkeys(self.sets[name[1:]].patches))
        return [self.get(name) for name in flat]

    def _find(self, name: str) -> Path | None:
        plain = "/" not in name and "\\" not in name and name + ".yaml" != SETS
        for folder in self.folders if plain else ():
            path = folder / f"{name}.yaml"
            if path.is_file():
                return path
        return self.paths.get(name)


class _Patches(Mapping[str, Patch]):
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def __getitem__(self, name: str) -> Patch:
        if name not in self._catalogue.paths:
            raise KeyError(name)
        return self._catalogue.get(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalogue.paths)

    def __len__(self) -> int:
        return len(self._catalogue.paths)


def _shown(path: Path) -> str:
    """`patches/NAME.yaml` for the folders people know; the name of an installed catalogue else."""
    return f"{path.parent.name}/{path.name}"


def _text(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise PatcherError("spec", "the file is over 1 MiB", where=f"{_shown(path)}:1:1")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise PatcherError("spec", "the file is not UTF-8", where=f"{_shown(path)}:1:1") from None
