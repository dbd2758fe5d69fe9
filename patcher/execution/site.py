"""Where a worker runs: a frozen tree, an interpreter, limits, and what it may reach."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.execution.sandbox import Policy


@dataclass(frozen=True)
class FrozenTree:
    """A frozen tree: nobody writes to it while it is run.

    Attributes:
        path: the import root.
        sha256: of the whole tree, by whoever froze it.
        packages: top-level packages and modules whose sources are checked when imported.
        files: sha256 of every Python file of ``packages``, by path relative to the root.
    """

    path: Path
    sha256: str
    packages: tuple[str, ...]
    files: Mapping[str, str]

    @classmethod
    def hashed(
        cls, path: Path, sha256: str, packages: tuple[str, ...], hashes: Mapping[str, str]
    ) -> FrozenTree:
        """From the hashes of all its files, by path: nothing is read."""
        tops = tuple(name.removesuffix(".py") for name in packages)
        files = {
            file: digest
            for file, digest in hashes.items()
            if file.endswith(".py") and file.removesuffix(".py").split("/", 1)[0] in tops
        }
        return cls(path.resolve(), sha256, tops, files)

    @classmethod
    def of(cls, path: Path, sha256: str, packages: tuple[str, ...]) -> FrozenTree:
        """Hash the packages' sources of the tree at ``path``."""
        root = path.resolve()
        packages = tuple(name.removesuffix(".py") for name in packages)
        files = {
            file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for package in packages
            for file in [*root.glob(f"{package}.py"), *root.glob(f"{package}/**/*.py")]
        }
        return cls(root, sha256, packages, files)


@dataclass(frozen=True)
class WorkerSite:
    """Where and how a worker runs; equal but for the tree in both arms.

    Attributes:
        serving: ``module:function`` that opens a model.
        assets: JSON values for the session.
        threads: of every numeric library.
        sys_path: folders searched after the tree (a third party's adapter).
        run_dir: logs and per-tree compile caches go here; ``stages_dir`` keeps stage files.
        environ: variables set on top of the parent's.
        cpus: CPU numbers to run on; empty for all.
        watch: functions whose lines are noted as they run: first and last line, by file of the
            tree. Slows the target down; never while timing.
        enough: groups of those lines, by file, of which one each is all that has to be seen.
        memory_limit_mib: bound on the address space, or None.
        compiled_by: sha256 of the baseline's tree, whose compile caches serve the gates of a tree
            that has none of its own yet; empty for none.
        compiled_in: where the baseline's compile caches are kept, for every workspace with the same
            tree and the same packages: a path to which the tree is added. None for ``run_dir``, as
            all other trees'.
        policy: what the worker may read, write and reach; None leaves it as free as its user.
        cwd: the folder it works in; None for its own one, or without a policy its parent's.
    """

    tree: FrozenTree
    serving: str
    run_dir: Path
    stages_dir: Path
    assets: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    deterministic: bool = True
    threads: int = 1
    sys_path: tuple[str, ...] = ()
    python: str = sys.executable
    environ: Mapping[str, str] = field(default_factory=dict)
    cpus: tuple[int, ...] = ()
    watch: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    enough: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    memory_limit_mib: int | None = None
    compiled_by: str = ""
    compiled_in: Path | None = None
    policy: Policy | None = None
    cwd: Path | None = None

    @property
    def fenced(self) -> bool:
        """Whether the worker is started behind the guards of its policy."""
        return self.policy is not None and self.policy.applies
