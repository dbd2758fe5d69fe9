"""Stale bytecode: the code that was patched is the code that runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from patcher.store.working_copy import WorkingCopy
from tests.store.conftest import a_patch

ONE = "sample/one.py"
SHOW = "import sample.one; print(sample.one.x)"


def shown(place: Path) -> str:
    """What a fresh Python that writes and trusts bytecode, as by default, sees."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
    }
    done = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=place, env=kept, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.strip()


def as_if_within_the_second(path: Path, as_of: os.stat_result) -> None:
    """Bytecode is matched by size and whole seconds: make them equal."""
    os.utime(path, ns=(as_of.st_atime_ns, as_of.st_mtime_ns))


def test_the_hazard_is_real(copy: WorkingCopy) -> None:
    """The control: an edit of the same size within the second runs the old code."""
    path = copy.root / ONE
    before = path.stat()
    assert shown(copy.root) == "1"
    path.write_bytes(b"x = 2\n")
    as_if_within_the_second(path, before)
    assert shown(copy.root) == "1"


def test_after_apply_and_after_revert_the_new_bytes_run(copy: WorkingCopy) -> None:
    for number in range(5):
        before = (copy.root / ONE).stat()
        shown(copy.root)
        copy.change({ONE: b"x = %d\n" % number}, [a_patch()], "apply", ["first"])
        as_if_within_the_second(copy.root / ONE, before)
        assert shown(copy.root) == str(number)
    before = (copy.root / ONE).stat()
    copy.change({ONE: copy.pristine(ONE)}, (), "revert", ["first"])
    as_if_within_the_second(copy.root / ONE, before)
    assert shown(copy.root) == "1"


def test_bytecode_of_other_modules_stays(copy: WorkingCopy) -> None:
    shown(copy.root)
    cache = copy.root / "sample" / "__pycache__"
    (cache / "oneself.cpython-311.pyc").write_bytes(b"")
    copy.change({ONE: b"x = 2\n"}, [a_patch()], "apply", ["first"])
    left = sorted(path.name.split(".")[0] for path in cache.iterdir())
    assert left == ["__init__", "oneself"]


def test_a_frozen_tree_has_no_bytecode_but_its_own(copy: WorkingCopy, tmp_path: Path) -> None:
    shown(copy.root)
    copy.freeze(tmp_path / "frozen", {ONE: b"x = 2\n"})
    assert not list((tmp_path / "frozen").rglob("__pycache__"))
    as_if_within_the_second(tmp_path / "frozen" / ONE, (copy.root / ONE).stat())
    assert shown(tmp_path / "frozen") == "2"
