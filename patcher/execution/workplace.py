"""A worker's own folder: home, temporary files, caches. Wiped when the worker ends.

Its path says neither which arm runs in it nor what for. Nothing that one worker leaves there is
seen by another, but for compiled code: the first worker of a tree that ends in order gives its
compile caches to the later ones of the same tree, each of which gets a copy. Until then the patched
tree's get one of pristine's, which nothing of the patch has touched. Pristine's are kept from one
workspace to the next, and grow: what libraries compile at their first call takes longer than a
small model. A patch's do not: its workers could tell by them how many there were before.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.execution.sandbox import model_folders

if TYPE_CHECKING:
    from collections.abc import Mapping

CACHES: Mapping[str, str] = {
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "NUMBA_CACHE_DIR": "numba",
    "CUDA_CACHE_PATH": "cuda",
    "TORCH_EXTENSIONS_DIR": "extensions",
    "MPLCONFIGDIR": "matplotlib",
}
WORKPLACES = "workers"
LARGEST_SEED_BYTES = 1 << 30
KEPT = 16  # trees with compile caches in one folder: two kinds each for a baseline and its patches
COMPILED = "compiled"  # what the names of kept compile caches begin with
UNFINISHED = f".{COMPILED}-"
DAY_S = 86_400.0


class Workplace:
    """One worker's folder.

    Attributes:
        folder: the folder itself; the worker may write here and nowhere else.
        seed: where the compile caches of this tree are kept between workers.
        grows: what this worker compiled beyond that is kept, too.
    """

    def __init__(
        self, parent: Path, seed: Path, other: Path | None = None, *, grows: bool = False
    ) -> None:
        self.folder = parent / WORKPLACES / f"{os.getpid()}-{secrets.token_hex(8)}"
        self.seed = seed
        self.grows = grows
        self.home = self.folder / "home"
        self.temporary = self.folder / "tmp"
        self.caches = self.folder / "caches"
        for each in (self.home, self.temporary):
            each.mkdir(parents=True)
        filled = next((each for each in (seed, other) if each is not None and each.is_dir()), None)
        if filled is None or not copied(filled, self.caches):
            self.caches.mkdir()

    def environ(self) -> dict[str, str]:
        """Variables that lead a worker to its own folders, and to models where they are."""
        home, temporary = str(self.home), str(self.temporary)
        return {
            **model_folders(),
            "HF_HUB_OFFLINE": "1",  # there is no network: what is cached is used at once
            "HOME": home,
            "TMPDIR": temporary,
            "TEMP": temporary,
            "TMP": temporary,
            "XDG_CACHE_HOME": f"{home}/.cache",
            "XDG_CONFIG_HOME": f"{home}/.config",
            "XDG_DATA_HOME": f"{home}/.local/share",
            "XDG_STATE_HOME": f"{home}/.local/state",
            "XDG_RUNTIME_DIR": temporary,
            **compile_variables(self.caches),
        }

    def close(self, *, share: bool) -> None:
        """Wipe the folder; with ``share``, its compile caches may serve later workers."""
        if share and (self.grows or not self.seed.exists()):
            keep(self.caches, self.seed)
        wipe(self.folder)


def compile_variables(caches: Path) -> dict[str, str]:
    """Variables that lead libraries to a folder for what they compile."""
    return {name: str(caches / folder) for name, folder in CACHES.items()}


def keep(caches: Path, seed: Path) -> None:
    """Keep a copy of compile caches for later workers, where less was kept so far."""
    with contextlib.suppress(OSError):  # it costs time, never an answer
        if not bytes_in(seed) < bytes_in(caches) <= LARGEST_SEED_BYTES:
            return
        seed.parent.mkdir(parents=True, exist_ok=True)
        whole = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=seed.parent))
        before = whole.with_name(f"{whole.name}-before")
        try:
            shutil.copytree(caches, whole, symlinks=True, dirs_exist_ok=True)
            if seed.is_dir():
                seed.rename(before)  # whoever copies it now goes without
            whole.rename(seed)
        finally:
            wipe(whole)
            wipe(before)
        drop_old(seed.parent)


def bytes_in(folder: Path) -> int:
    """The size of all files below a folder; 0 where there is none."""
    return sum(entry.lstat().st_size for entry in folder.rglob("*") if not entry.is_dir())


def copied(source: Path, destination: Path) -> bool:
    """Copy a folder; False, and no copy, where somebody dropped it meanwhile."""
    with contextlib.suppress(OSError):  # somebody else's may be read all the same
        os.utime(source)  # dropped last
    try:
        shutil.copytree(source, destination, symlinks=True)
    except OSError:
        wipe(destination)
        return False
    return True


def drop_old(folder: Path) -> None:
    """Keep the compile caches that were used last, and of unfinished ones those of today."""
    kept = sorted(folder.glob(f"{COMPILED}-*"), key=last_used, reverse=True)
    unfinished = [
        each for each in folder.glob(f"{UNFINISHED}*") if time.time() - last_used(each) > DAY_S
    ]
    for each in [*kept[KEPT:], *unfinished]:
        wipe(each)


def last_used(folder: Path) -> float:
    """When, in seconds since the epoch; 0 for what is gone."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def wipe(folder: Path) -> None:
    """Remove a folder, also where its owner took the rights to from it."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return
    for path, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            os.chmod(path, stat.S_IRWXU)
    for path, names, _ in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                os.chmod(os.path.join(path, name), stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def wipe_left(parent: Path) -> None:
    """Remove what the workers of a run that was cut short left."""
    for folder in (parent / WORKPLACES).glob("*-*"):
        number = folder.name.partition("-")[0]
        try:
            os.kill(int(number), 0)
        except (ProcessLookupError, ValueError, OverflowError):
            wipe(folder)
        except PermissionError:
            continue
