"""Subjects by name, and frozen trees of the installed target with one of them applied."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from patcher.execution.process import FrozenTree
from patcher.patchfile.catalogue import Catalogue, load_catalogue
from patcher.patchfile.model import Equivalence, Patch
from patcher.rewrite.replay import replay
from patcher.store.source import find_source
from patcher.targets import find_adapter

PRISTINE = "pristine"


@dataclass(frozen=True)
class Subject:
    """Something to measure: ``pristine``, or what `subject_of` reads."""

    name: str
    series: tuple[Patch, ...] = ()

    @property
    def equivalence(self) -> Equivalence:
        """The loosest claim of the series."""
        ranked = list(Equivalence)
        claims = [patch.equivalence for patch in self.series]
        return max(claims, key=ranked.index, default=Equivalence.BITWISE)


def subject_of(catalogue: Catalogue, name: str) -> Subject:
    """Read ``patch``, ``@set``, or several joined by ``+``; what they require comes before them.

    Raises:
        PatcherError: ``unknown-patch``.
    """
    if name == PRISTINE:
        return Subject(PRISTINE)
    series: dict[str, Patch] = {}

    def add(patch: Patch) -> None:
        for needed in patch.requires:
            add(catalogue.get(needed))
        series.setdefault(patch.name, patch)

    for patch in catalogue.expand(name.split("+")):
        add(patch)
    return Subject(name, tuple(series.values()))


def shipped_names(catalogue: Catalogue) -> list[str]:
    """Every patch, every reproduction once more with its first remedy, every set."""
    names = []
    for patch in catalogue.patches.values():
        names.append(patch.name)
        if patch.reproduction and patch.companions:
            names.append(f"{patch.name}+{patch.companions[0]}")
    return [*names, *(f"@{name}" for name in catalogue.sets)]


class Target:
    """An installed distribution that patcher can run, read once; Chatterbox TTS by default."""

    def __init__(self, distribution: str | None = None) -> None:
        self.source = find_source(distribution or "chatterbox-tts")
        self.catalogue = load_catalogue(None)
        result = find_adapter(self.source.distribution)
        if result is None:
            raise LookupError(f"there is no adapter for {self.source.distribution}")
        self.adapter = result

    def subjects(self, only: Sequence[str] = ()) -> list[Subject]:
        """Pristine and the named ones, or pristine and all that ship."""
        names = list(only) or shipped_names(self.catalogue)
        expected = dict.fromkeys([PRISTINE, *names])
        return [subject_of(self.catalogue, name) for name in expected]

    def files(self, subject: Subject) -> dict[str, bytes]:
        """The target's sources with a subject applied."""
        pristine = {path: content for path, (content, _) in self.source.files.items()}
        return {**pristine, **replay(pristine.get, subject.series)}

    @contextmanager
    def frozen(self, subject: Subject) -> Iterator[FrozenTree]:
        """The subject's tree in a folder of its own, removed afterwards."""
        files = self.files(subject)
        with tempfile.TemporaryDirectory(prefix="patcher-catalogue-") as folder:
            root = Path(folder)
            for path, content in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(content)
            yield FrozenTree.of(root, digest(files), tuple(self.source.packages))


def digest(files: dict[str, bytes]) -> str:
    """One hash of all paths and contents."""
    result = hashlib.sha256()
    for path, content in sorted(files.items()):
        result.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
    return result.hexdigest()
