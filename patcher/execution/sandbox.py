"""What a worker may read, write and reach, and which guards of it are in force on this machine.

A patch runs in the process that runs the target. The kernel keeps that process from the other
arm, from every recorded output, from the network and from other processes, and nothing it started
or wrote outlives it. `Policy` says what is allowed; `patcher.worker.launcher` applies it before the
target's interpreter starts. Where the kernel offers less, the guard is not claimed:
`Policy.missing` says why.
"""

from __future__ import annotations

import ast
import contextlib
import json
import marshal
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.execution.syscalls import filter_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

LAUNCHER = Path(__file__).resolve().parent.parent / "worker" / "launcher.py"
PATCHER = Path(__file__).resolve().parent.parent

GUARDS = ("fs-write", "fs-read", "network", "signals", "survivors", "home", "hashes")

PROBE_TIMEOUT_S = 20.0
_ASKING_KERNEL, _ASKING_LIBRARIES = threading.Lock(), threading.Lock()  # nothing is asked twice
SIGNAL_SCOPES = 6  # the version of Landlock from which signals are scoped

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "fd")
GPU_DEVICES = ("nvidia*", "nvidia-caps", "dri", "kfd", "dxg")
SECRETS = (
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".pypirc", ".git-credentials",
    ".password-store", ".config/gcloud", ".config/gh", ".mozilla",
)  # fmt: skip
SERVICES = ("/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock")


@dataclass(frozen=True)
class Kernel:
    """What the kernel lets this user do.

    Attributes:
        landlock: its version; 0 without it.
        namespaces: own processes, mounts and shared memory; ``user`` by way of a user namespace.
        network: a network namespace too.
        seccomp: system call filters.
        why: why there is nothing at all; empty on Linux.
    """

    landlock: int = 0
    namespaces: bool = False
    user: bool = False
    network: bool = False
    seccomp: bool = False
    why: str = ""


def ask_early(python: str = sys.executable) -> None:
    """Begin to ask for `kernel` and `libraries`: both are processes that other work can overlap."""
    for ask in (kernel, lambda: libraries(python)):
        threading.Thread(target=ask, daemon=True).start()


def kernel() -> Kernel:
    """Ask the kernel, by trying each thing in a process of its own; about 20 ms, once."""
    with _ASKING_KERNEL:
        return _kernel()


@lru_cache(maxsize=1)
def _kernel() -> Kernel:
    if sys.platform != "linux":
        return Kernel(why=f"workers cannot be fenced in on {sys.platform}")
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(LAUNCHER), "probe"],
            capture_output=True,
            timeout=PROBE_TIMEOUT_S,
            check=True,
        )
        return Kernel(**ast.literal_eval(done.stdout.decode()))
    except (OSError, ValueError, TypeError, subprocess.SubprocessError) as error:
        return Kernel(why=f"the kernel could not be asked: {error}")


@dataclass(frozen=True)
class Policy:
    """What workers of one verification may do, equal for both arms.

    Attributes:
        read: files and folders that every worker may read and run, with all below them.
        closed: files and folders that stay closed also where one around them is read.
        hidden: those of them that are not even seen where mounts are a worker's own.
        gpu: GPU device nodes may be opened.
        kernel: what is there to hold it.
    """

    read: tuple[str, ...] = ()
    closed: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    gpu: bool = False
    kernel: Kernel = field(default_factory=Kernel)

    @property
    def applies(self) -> bool:
        """Whether workers are started by the launcher at all."""
        return not self.kernel.why

    @property
    def network(self) -> str:
        """How the network is kept away: see `patcher.worker.launcher.Permissions`."""
        if self.kernel.network:
            return "namespace"
        if self.kernel.seccomp:
            return "filter"
        return "ports" if self.kernel.landlock >= 4 else "open"

    @property
    def guards(self) -> tuple[str, ...]:
        """The guards in force, in the order of `GUARDS`."""
        missing = self.missing
        return tuple(guard for guard in GUARDS if guard not in missing)

    @property
    def missing(self) -> Mapping[str, str]:
        """Why a guard is not in force, by its name."""
        here = self.kernel
        if not self.applies:
            return {guard: here.why for guard in GUARDS if guard != "hashes"}
        result = {}
        if not here.landlock:
            result["fs-write"] = result["fs-read"] = "the kernel has no Landlock"
        elif not here.namespaces:
            result["fs-write"] = "no mounts of its own here: /dev/shm is shared with others"
        if self.network == "ports":
            result["network"] = "neither namespaces nor seccomp here: UDP is open"
        elif self.network == "open":
            result["network"] = "neither namespaces nor seccomp nor Landlock's ports here"
        if not here.namespaces and here.landlock < SIGNAL_SCOPES:
            why = f"no namespaces here, and Landlock {here.landlock} does not scope signals"
            result["signals"] = result["survivors"] = why
        return result

    def opening(self, path: str) -> Iterator[str]:
        """What to open so that ``path`` can be read, and what is closed cannot.

        A path that lies in a closed folder was named on purpose (assets kept in a workspace).
        """
        for each in (os.path.realpath(path), *links_in(path)):
            inside = any(is_below(each, closed) and each != closed for closed in self.closed)
            yield from (each,) if inside and each not in self.closed else around(each, self.closed)

    def _veiled(self) -> list[str]:
        """The outermost of the hidden folders."""
        hidden = sorted(self.hidden)
        return [
            item
            for item in hidden
            if not any(is_below(item, each) for each in hidden if each != item)
        ]

    def listing(self, path: str) -> Iterator[str]:
        """``path`` itself, where it is a folder of which some part is closed."""
        real = os.path.realpath(path)
        if any(is_below(closed, real) and closed != real for closed in self.closed):
            yield real

    def _filter(self) -> bytes:
        if not self.kernel.seccomp:
            return b""
        sockets, own_memory = self.network == "filter", self.kernel.namespaces
        return filter_program(os.uname().machine, sockets=sockets, own_memory=own_memory)

    def plan(
        self,
        command: Sequence[str],
        *,
        read: Iterable[str],
        listed: Iterable[str],
        write: Iterable[str],
        keep: Sequence[int],
    ) -> bytes:
        """The launcher's plan for one worker, marshalled.

        Args:
            read, write: what this worker alone may read, and write.
            listed: folders it may list, though not all that is in them may be read.
            keep: descriptors that it inherits.
        """
        here = self.kernel
        read, write = list(read), list(write)
        return marshal.dumps(
            {
                "command": list(command),
                "read": [*self.read, *read, "/proc"],
                "write": [*write, "/dev/shm"],
                "device": list(devices(self.gpu)),
                "landlock": here.landlock,
                "namespaces": here.namespaces,
                "user": here.user,
                "network": self.network,
                "filter": self._filter().hex(),
                "listed": list(listed),
                "masked": list(service_sockets()) if here.namespaces else [],
                "veiled": self._veiled(),
                "keep": list(keep),
            }
        )


def policy_for(
    python: str,
    *,
    named: Iterable[str | Path] = (),
    hidden: Iterable[str | Path] = (),
    gpu: bool = True,
) -> Policy:
    """The policy of a verification.

    Readable are the system, the interpreter with its libraries, patcher's own code, the folders
    that libraries keep models in, what the environment names, and ``named``. Homes and temporary
    folders are not, but for what is named in them.

    Args:
        python: the interpreter of the workers.
        named: further files and folders to read.
        hidden: files and folders that stay closed, also below ``named``.
    """
    here = kernel()
    if here.why:
        return Policy(kernel=here)
    if gpu:
        make_gpu_devices()
    unseen = frozenset(os.path.realpath(each) for each in hidden)
    closed = unseen | set(secrets())
    homes = set(private_folders())
    read = list(around("/", closed | homes | {"/proc", "/dev"}))
    for each in libraries(python):
        read += around(os.path.realpath(each), closed)
    for each in from_environment():
        path = os.path.realpath(each)
        if not any(is_below(home, path) for home in homes):  # a whole home is no library
            read += around(path, closed)
    for each in map(str, named):
        for path in (os.path.realpath(each), *links_in(each)):
            read += around(path, closed)
    return Policy(tuple(dict.fromkeys(read)), closed, unseen, gpu, here)


def private_folders() -> Iterator[str]:
    """Homes and temporary folders: closed but for what is named in them."""
    with contextlib.suppress(OSError):
        yield from (entry.path for entry in os.scandir("/home"))
    folders = ["/root", "/tmp", "/var/tmp", "/dev/shm", "/run/user"]
    for path in map(os.path.realpath, [*folders, tempfile.gettempdir(), own_home()]):
        if path != "/":  # a container's user may have no home of its own
            yield path


def own_home() -> str:
    return os.path.expanduser("~")


def secrets() -> Iterator[str]:
    """What no workload needs, closed even where a whole home is named."""
    for name in SECRETS:
        yield os.path.realpath(os.path.join(own_home(), name))


def is_below(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def around(path: str, closed: Iterable[str]) -> Iterator[str]:
    """Paths that together hold everything in ``path`` but what is ``closed``."""
    inside = [each for each in closed if is_below(each, path)]
    if path in inside or any(is_below(path, each) for each in closed):
        return
    if not inside:
        yield path
        return
    try:
        entries = list(os.scandir(path))
    except OSError:
        return
    for entry in entries:
        if not entry.is_symlink():
            yield from around(entry.path, closed)
            continue
        target = os.path.realpath(entry.path)
        # A link is followed when it leads to nothing closed: what it leads to is whole.
        if not any(is_below(each, target) or is_below(target, each) for each in closed):
            yield target


def links_in(path: str | Path) -> Iterator[str]:
    """Where the links in a folder lead: weights often are links into a cache."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(path):
            if entry.is_symlink():
                yield os.path.realpath(entry.path)


def from_environment() -> Iterator[str]:
    """Absolute paths that variables name: library paths, model folders, tools."""
    skipped = {"HOME", "PWD", "OLDPWD", "TMPDIR", "TEMP", "TMP"}
    for name, text in os.environ.items():
        if name in skipped or name.startswith(("XDG_", "PATCHER_", "SSH_", "DBUS_", "PYTEST_")):
            continue
        yield from (part for part in text.split(os.pathsep) if part.startswith("/"))
    yield from model_folders().values()


def model_folders() -> dict[str, str]:
    """The folders in which libraries keep models, by the variable that names them."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(own_home(), ".cache")
    usual = {
        "HF_HOME": os.path.join(cache, "huggingface"),
        "TORCH_HOME": os.path.join(cache, "torch"),
        "NLTK_DATA": os.path.join(own_home(), "nltk_data"),
    }
    return {name: os.environ.get(name) or path for name, path in usual.items()}


_ASK = """
import json, sys
paths = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *sys.path]
for name, module in list(sys.modules.items()):
    if name.startswith("__editable__"):
        paths += getattr(module, "MAPPING", {}).values()
print(json.dumps([each for each in paths if each]))
"""


def libraries(python: str) -> tuple[str, ...]:
    """An interpreter, its libraries and patcher's own code: real paths of folders and files."""
    with _ASKING_LIBRARIES:
        return _libraries(python)


@lru_cache(maxsize=8)
def _libraries(python: str) -> tuple[str, ...]:
    try:
        done = subprocess.run(
            [python, "-c", _ASK], capture_output=True, timeout=60, check=True, cwd="/"
        )
        folders = [each for each in json.loads(done.stdout) if each != "/"]
    except (OSError, ValueError, subprocess.SubprocessError):
        folders = [*sys.path, sys.prefix, sys.base_prefix]
    linked = [path for folder in folders for path in links_in(folder) if "-packages" in folder]
    binary = os.path.realpath(python)
    return tuple(dict.fromkeys([binary, str(PATCHER), *filter(os.path.isabs, folders), *linked]))


def devices(gpu: bool) -> Iterator[str]:
    """Device nodes that a worker may open."""
    yield from (f"/dev/{name}" for name in DEVICES)
    if gpu:
        for pattern in GPU_DEVICES:
            yield from map(str, Path("/dev").glob(pattern))


def make_gpu_devices() -> None:
    """Have the driver make its device nodes now: behind the guards nobody may."""
    tool = shutil.which("nvidia-modprobe")
    if tool and os.path.isdir("/proc/driver/nvidia") and not os.path.exists("/dev/nvidia-uvm"):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run([tool, "-c0", "-u"], capture_output=True, timeout=10, check=False)


def service_sockets() -> Iterator[str]:
    """Sockets in the file system that somebody listens at: Landlock does not close them."""
    result = set(SERVICES)
    with contextlib.suppress(OSError), open("/proc/net/unix", encoding="utf-8") as table:
        for line in table:
            fields = line.split(None, 7)
            if len(fields) == 8 and fields[3] == "00010000" and fields[7].startswith("/"):
                result.add(fields[7].rstrip("\n"))
    for name in ("SSH_AUTH_SOCK", "DOCKER_HOST"):
        result.add(os.environ.get(name, "").removeprefix("unix://"))
    yield from sorted(os.path.realpath(path) for path in result if os.path.exists(path))
