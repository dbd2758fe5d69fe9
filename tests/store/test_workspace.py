"""The workspace: one run at a time, and working copies by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from patcher.errors import Exit, PatcherError
from patcher.store import fs
from patcher.store.fs import FileOperation
from patcher.store.source import DistributionSource
from patcher.store.working_copy import WorkingCopy
from patcher.store.workspace import Workspace
from tests.store.conftest import FILES, a_patch, tree_of

HOLDER = """
import sys, time
from pathlib import Path
from patcher.store.workspace import Workspace
with Workspace(Path(sys.argv[1])).lock("verify"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_run_is_told_who_holds_the_lock(workspace: Workspace) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(workspace.root)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(PatcherError, match=rf"patcher verify.*process {holder.pid}") as caught:
            workspace.lock("apply").__enter__()
        assert caught.value.exit is Exit.LOCKED
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    died = Workspace(workspace.root).dead_run()
    assert died is not None
    assert (died.command, died.pid) == ("verify", holder.pid)
    with workspace.lock("apply"):  # the lock died with its process, and says so
        assert workspace.died == died
        assert workspace.dead_run() is None
    with workspace.lock("apply"):
        assert workspace.died is None
    assert workspace.dead_run() is None


def test_the_lock_may_be_entered_again_inside(workspace: Workspace) -> None:
    with workspace.lock("apply"), workspace.lock("change"), pytest.raises(PatcherError):
        Workspace(workspace.root).lock("other").__enter__()
    with Workspace(workspace.root).lock("other"):
        pass


ORPHAN = """
import fcntl, json, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(fd, fcntl.LOCK_EX)
holder = {"command": "apply", "pid": int(sys.argv[2]), "host": os.uname().nodename, "since": "now"}
os.write(fd, json.dumps(holder).encode())
print("held", flush=True)
time.sleep(float(sys.argv[3]))
"""


@pytest.mark.parametrize("dead", [True, False], ids=["a dead run", "a living run"])
def test_a_child_that_outlives_its_run_for_a_moment_is_waited_for(
    workspace: Workspace, dead: bool
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (workspace.root / ".patcher").mkdir()
    lock = workspace.root / ".patcher" / "lock"
    owner = ended.pid if dead else os.getpid()
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(lock), str(owner), "0.3"],
        stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        if dead:
            with workspace.lock("check"):
                assert workspace.died is not None
        else:
            with pytest.raises(PatcherError, match="is running"):
                workspace.lock("check").__enter__()


def test_a_lock_file_with_nonsense_still_locks(workspace: Workspace) -> None:
    (workspace.root / ".patcher").mkdir()
    (workspace.root / ".patcher" / "lock").write_bytes(b"\xff nonsense")
    with workspace.lock("apply"):
        (workspace.root / ".patcher" / "lock").write_bytes(b"\xff nonsense")
        with pytest.raises(PatcherError, match="another patcher run"):
            Workspace(workspace.root).lock("other").__enter__()


def test_a_workspace_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / ".patcher").write_bytes(b"a file")
    with pytest.raises(PatcherError) as caught:
        Workspace(tmp_path).lock("apply").__enter__()
    assert caught.value.code == "io"


def test_a_linked_private_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".patcher").symlink_to("elsewhere")
    with pytest.raises(PatcherError) as caught:
        Workspace(tmp_path).lock("apply").__enter__()
    assert caught.value.code == "io"


def test_without_a_working_copy_the_next_step_is_init(workspace: Workspace) -> None:
    assert workspace.targets() == ()
    assert workspace.journal() is None
    with pytest.raises(PatcherError) as caught:
        workspace.working_copy()
    assert caught.value.code == "no-working-copy"
    assert "init" in caught.value.help


def test_a_target_is_found_by_any_spelling_of_its_name(copy: WorkingCopy) -> None:
    assert copy.workspace.working_copy("Sample").target == "sample"
    with pytest.raises(PatcherError, match="of other"):
        copy.workspace.working_copy("other")


def test_of_several_targets_one_must_be_named(copy: WorkingCopy) -> None:
    copy.workspace.init(
        DistributionSource("other", "2.0", "a test", {"other.py": (b"", 0o644)}, ("other.py",))
    )
    assert copy.workspace.targets() == ("other", "sample")
    with pytest.raises(PatcherError, match="other, sample"):
        copy.workspace.working_copy()
    assert copy.workspace.working_copy("other").version == "2.0"


def test_init_refuses_a_second_working_copy_of_a_target(
    copy: WorkingCopy, source: DistributionSource
) -> None:
    with pytest.raises(PatcherError) as caught:
        copy.workspace.init(source)
    assert caught.value.code == "exists"
    assert tree_of(copy) == FILES


def test_an_interrupted_init_leaves_nothing_that_counts(
    workspace: Workspace, source: DistributionSource
) -> None:
    class Killed(BaseException):
        pass

    number = 0
    while True:
        count = 0

        def stop(_: FileOperation, number: int = number) -> None:
            nonlocal count
            count += 1
            if count > number:
                raise Killed

        fs.observer = stop
        try:
            workspace.init(source)
        except Killed:
            fs.observer = None
            with workspace.lock("check"):
                names = {path.name for path in workspace.private_dir.iterdir()}
            assert names <= {"lock", "sample", ".gitignore"}
            if "sample" in names:
                break  # it counted: from here on only the git record was missing
        else:
            raise AssertionError("init was never interrupted after it counted")
        finally:
            fs.observer = None
        number += 5
    assert tree_of(workspace.working_copy()) == FILES
    assert workspace.working_copy().drift() == ()


def test_the_users_git_add_leaves_the_private_folder_out(
    workspace: Workspace, source: DistributionSource
) -> None:
    git = ["git", "-C", str(workspace.root)]
    subprocess.run([*git, "init", "-q"], check=True)
    copy = workspace.init(source)
    assert tree_of(copy) == FILES
    subprocess.run([*git, "add", "-A"], check=True)
    staged = subprocess.run(
        [*git, "diff", "--cached", "--name-only"], check=True, capture_output=True, text=True
    )
    assert not [path for path in staged.stdout.splitlines() if path.startswith(".patcher")]


def test_a_full_disk_during_init_is_an_error_in_words(
    workspace: Workspace, source: DistributionSource
) -> None:
    def full(call: FileOperation) -> None:
        if call.op == "write" and call.path.endswith("three.py"):
            raise OSError(28, "No space left on device", call.path)

    fs.observer = full
    with pytest.raises(PatcherError, match="No space") as caught:
        workspace.init(source)
    fs.observer = None
    assert caught.value.code == "io"
    assert workspace.targets() == ()
    assert [path.name for path in workspace.private_dir.iterdir()] == ["lock"]


STOPPED = """
import os, signal, sys
from pathlib import Path
from patcher.errors import PatcherError
from patcher.store import fs
from patcher.store.workspace import Workspace
from tests.store.conftest import a_patch
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the suite itself may run under nohup
copy = Workspace(Path(sys.argv[1])).working_copy()
number, again = int(sys.argv[2]), sys.argv[4] == "twice"
seen = 0
def interrupt(call):
    global seen
    seen += 1
    if seen == number or (again and seen > number):
        os.kill(os.getpid(), getattr(signal, sys.argv[3]))
fs.observer = interrupt
try:
    change = copy.change({"sample/one.py": b"new", "sample/two.py": b"new"}, [a_patch()],
                         "apply", ["first"])
    print("done", change.signal)
except PatcherError as error:
    print(error.code)
"""


@pytest.mark.parametrize("again", ["once", "twice"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("number", [5, 45, 60])
def test_a_signal_in_the_middle_puts_everything_back(
    copy: WorkingCopy, name: str, number: int, again: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, str(copy.workspace.root), str(number), name, again],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "interrupted"
    assert tree_of(copy) == FILES
    assert copy.workspace.working_copy().series == ()
    assert copy.workspace.journal() is None


def test_a_signal_after_the_commit_is_reported_and_stops_nothing(copy: WorkingCopy) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, str(copy.workspace.root), "72", "SIGINT", "once"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() in ("done 2", "interrupted")
    changed = copy.workspace.working_copy().series != ()
    assert changed == done.stdout.startswith("done")


def test_a_signal_outside_a_change_acts_as_ever(workspace: Workspace) -> None:
    code = textwrap.dedent("""
        import os, signal, sys
        from patcher.store.signals import Deferred
        with Deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            print("still here", flush=True)
        print("never")
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGTERM
    assert done.stdout.strip() == "still here"


def test_ignored_signals_stay_ignored() -> None:
    code = textwrap.dedent("""
        import os, signal
        from patcher.store.signals import Deferred
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with Deferred() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            signals.checkpoint()
            print("nohup", signals.received)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "nohup None"


def test_deferring_nests_and_works_off_the_main_thread() -> None:
    code = textwrap.dedent("""
        import os, signal, threading
        from patcher.errors import PatcherError
        from patcher.store.signals import Deferred
        with Deferred() as outer:
            with Deferred(absorb=True) as inner:
                os.kill(os.getpid(), signal.SIGINT)
                try:
                    inner.checkpoint()
                except PatcherError as error:
                    print(error.code)
            outer.checkpoint()
            print("answered once")
        def elsewhere():
            with Deferred() as signals:
                signals.checkpoint()
                print("elsewhere")
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["interrupted", "answered once", "elsewhere", ""]


def test_checking_a_working_copy_imports_neither_libcst_nor_gitpython(copy: WorkingCopy) -> None:
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from patcher.store.workspace import Workspace
        workspace = Workspace(Path(sys.argv[1]))
        copy = workspace.working_copy()
        copy.drift(), workspace.journal()
        back = {path: copy.pristine(path) for path in copy.state.touched}
        copy.change(back, (), "revert", [])
        print([name for name in ("git", "libcst", "torch", "yaml") if name in sys.modules])
    """)
    copy.change({"sample/one.py": b"new"}, [a_patch()], "apply", ["first"])
    done = subprocess.run(
        [sys.executable, "-c", code, str(copy.workspace.root)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
    assert tree_of(copy) == FILES


def test_the_workspace_is_the_same_through_a_link(copy: WorkingCopy, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(copy.workspace.root)
    assert Workspace(tmp_path / "link").root == copy.workspace.root


def test_the_workspace_may_be_moved(copy: WorkingCopy, tmp_path: Path) -> None:
    copy.change({"sample/one.py": b"new"}, [a_patch()], "apply", ["first"])
    os.rename(copy.workspace.root, tmp_path / "moved")
    moved = Workspace(tmp_path / "moved").working_copy()
    assert moved.drift() == ()
    moved.change({"sample/one.py": b"x = 1\n"}, (), "revert", ["first"])
    assert tree_of(moved) == FILES
