"""Frozen trees of the installed target with a patch, a set or nothing applied."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from patcher.rewrite.replay import replay
from patcher.spec.catalogue import load_catalogue
from patcher.spec.model import Equivalence, Patch
from patcher.spec.versions import fits
from patcher.store.source import find_source
from patcher.verify.process import Tree

PRISTINE = "pristine"


@dataclass(frozen=True)
class Subject:
    """Something to measure: ``pristine``, a patch or ``@set``, as the series it stands for."""

    name: str
    series: tuple[Patch, ...] = ()

    @property
    def equivalence(self) -> Equivalence:
        """The loosest claim of the series."""
        ranked = list(Equivalence)
        claims = [patch.equivalence for patch in self.series]
        return max(claims, key=ranked.index, default=Equivalence.BITWISE)


class Target:
    """The installed distribution, read once."""

    def __init__(self, distribution: str | None = None) -> None:
        self.source = find_source(distribution)

    def subjects(self, only: Sequence[str]) -> list[Subject]:
        """What fits this target: pristine, the patches that are not reproductions, the sets."""
        catalogue = load_catalogue(None)
        found = [Subject(PRISTINE)]
        for name in [*catalogue.patches, *(f"@{name}" for name in catalogue.sets)]:
            if name.startswith("@"):
                series = catalogue.expand([name])
            else:
                patch = catalogue.get(name)
                if patch.reproduction and name not in only:
                    continue
                series = catalogue.expand([*patch.requires, name])
            if all(fits(each, self.source.distribution, self.source.version) for each in series):
                found.append(Subject(name, tuple(series)))
        return [each for each in found if not only or each.name in (PRISTINE, *only)]

    @contextmanager
    def frozen(self, subject: Subject) -> Iterator[Tree]:
        """The subject's tree in a folder of its own, gone afterwards."""
        pristine = {path: content for path, (content, _) in self.source.files.items()}
        files = {**pristine, **replay(pristine.get, subject.series)}
        digest = hashlib.sha256()
        with tempfile.TemporaryDirectory(prefix="patcher-catalogue-") as folder:
            root = Path(folder)
            for path, content in sorted(files.items()):
                digest.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(content)
            yield Tree.of(root, digest.hexdigest(), tuple(self.source.packages))
