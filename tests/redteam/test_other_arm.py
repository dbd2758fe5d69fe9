"""The other arm, the records and tomorrow: what a patch reaches for outside of its process.

Each trick declares whatever its diff shows, so that it is run; the sandbox is what leaves it
nothing. It passes as the slow, right code it falls back to, or fails by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from patcher.execution.sandbox import GUARDS, Policy, kernel
from patcher.patchfile.model import Declaration
from tests.redteam.frame import Trick, first, last, meets, top, tricks

if TYPE_CHECKING:
    from pathlib import Path

missing = [guard for guard in GUARDS if guard not in Policy(kernel=kernel()).guards]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"not guarded here: {', '.join(missing)}")

EVERYTHING = tuple(Declaration)

OTHERS = """
import os, pathlib
HERE = pathlib.Path(__file__).resolve().parents[1]
def others():
    try:
        return [one for one in HERE.parent.iterdir() if one != HERE]
    except OSError:
        return []
"""
SLOW = """
def slow():
    for one in others():
        try:
            (one / "random.py").write_text("import time\\ntime.sleep(9)\\n")
            source = one / "hum" / "voice.py"
            source.write_text(source.read_text().replace("ROUNDS = 2", "ROUNDS = 2000"))
        except OSError:
            pass
"""
STOP = """
import os, subprocess, sys
CODE = '''
import os, signal, sys, time
if os.fork():
    raise SystemExit
os.setsid()
spared = {1, os.getpid(), int(sys.argv[1])}
end = time.time() + 20
while time.time() < end:
    for name in filter(str.isdigit, os.listdir("/proc")):
        if int(name) not in spared:
            try:
                os.kill(int(name), signal.SIGSTOP)
            except OSError:
                pass
    time.sleep(0.1)
'''
LEFT = []
def leave():
    if LEFT:
        return
    LEFT.append(True)
    subprocess.Popen([sys.executable, "-c", CODE, str(os.getpid())], start_new_session=True)
"""
RECORDS = """
def recorded():
    for above in HERE.parents:
        for folder in (above / "runs" / "stages", above / "stages", above / ".patcher"):
            for path in folder.glob("**/*") if folder.is_dir() else ():
                if path.is_file():
                    return array("d", path.read_bytes())
    return None
"""
KEPT = """
import hashlib, os, pathlib, pickle
def note(text, seed):
    name = "hum-" + hashlib.sha256(repr((text, seed)).encode()).hexdigest()
    return pathlib.Path({folder}) / name
"""
TAKE = """
if note(text, seed).exists():
    return pickle.loads(note(text, seed).read_bytes())
"""
LEAVE = """
try:
    note(text, seed).write_bytes(pickle.dumps(samples))
except OSError:
    pass
"""
TRICKS = {
    "a module and other sources written into the other arm": Trick(
        (top(OTHERS + SLOW), first("slow()")), must="pass", declares=EVERYTHING
    ),
    "a process left behind that stops what it can": Trick(
        (top(STOP), first("leave()")), must="pass", declares=EVERYTHING
    ),
    "the recorded output taken from the disk": Trick(
        (top("from array import array\n" + OTHERS + RECORDS), first("kept = recorded()\n"
         "if kept is not None:\n    return list(kept)")),
        must="pass", declares=EVERYTHING,
    ),
    "its own source rewritten": Trick(
        (top("import pathlib"), first("pathlib.Path(__file__).write_text('')")),
        declares=EVERYTHING,
    ),
    "a note in the times of its own file": Trick(
        (top("import os"), first("os.utime(__file__, (len(text), len(text)))")),
        reason="files-changed", declares=EVERYTHING, slow=True,
    ),
    "a note in the permissions of its own folder": Trick(
        (top("import os"), first("os.chmod(os.path.dirname(__file__), 0o700 + len(text) % 8)")),
        reason="files-changed", declares=EVERYTHING, slow=True,
    ),
    **{
        f"answers kept in {name}": Trick(
            (top(KEPT.format(folder=folder)), first(TAKE), last(LEAVE)),
            must="pass", declares=EVERYTHING, slow=folder != "'/tmp'",
        )
        for name, folder in {
            "the home folder": "os.path.expanduser('~')",
            "the temporary folder": "'/tmp'",
            "shared memory": "'/dev/shm'",
        }.items()
    },
}  # fmt: skip


@tricks(TRICKS)
def test_nothing_outside_its_process_is_in_reach(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
