"""What hostile code tries in a worker. Each gives the word ``open``, or why it was refused."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OPEN = "open"


def _tried(error: OSError) -> str:
    return error.strerror or str(error)


def write(path: str) -> str:
    """Write into a file that is there, or make it."""
    try:
        with open(path, "a", encoding="ascii") as file:
            file.write("# was here\n")
    except OSError as error:
        return _tried(error)
    return OPEN


def replace_file(path: str) -> str:
    """Swap a file for another by renaming."""
    own = Path(os.environ["TMPDIR"], "other")
    own.write_text("# other\n")
    try:
        own.replace(path)
    except OSError as error:
        return _tried(error)
    return OPEN


def read(path: str) -> str:
    """Read a file."""
    try:
        Path(path).read_bytes()
    except OSError as error:
        return _tried(error)
    return OPEN


def listing(path: str) -> str:
    """Name what is in a folder."""
    try:
        os.listdir(path)
    except OSError as error:
        return _tried(error)
    return OPEN


def connect(port: int) -> str:
    """Reach a server of this machine over TCP."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError as error:
        return _tried(error)
    return OPEN


def send_datagram() -> str:
    """Send UDP to another network; nothing has to answer."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as each:
            each.sendto(b"x", ("192.0.2.1", 9))
    except OSError as error:
        return _tried(error)
    return OPEN


def connect_local(path: str) -> str:
    """Reach a server of this machine through a socket in the file system, or an abstract one."""
    try:
        with socket.socket(socket.AF_UNIX) as each:
            each.settimeout(5)
            each.connect(path)
    except OSError as error:
        return _tried(error)
    return OPEN


def talk_to_itself() -> str:
    """Serve and ask over loopback, as targets do."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        peer, _ = server.accept()
        client.sendall(b"hello")
        with peer:
            return peer.recv(5).decode()


def kill(pid: int) -> str:
    """Ask whether a process could be killed; signal 0 does no harm."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return _tried(error)
    return OPEN


def read_memory(pid: int) -> str:
    """Open the memory of another process."""
    return read(f"/proc/{pid}/mem") if os.path.exists(f"/proc/{pid}") else "not there"


def read_through_the_kernel(pid: int) -> str:
    """Read another process's memory by system call."""
    libc = ctypes.CDLL(None, use_errno=True)

    class Vector(ctypes.Structure):
        _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))

    buffer = ctypes.create_string_buffer(8)
    here = Vector(ctypes.addressof(buffer), 8)
    there = Vector(0x400000, 8)
    done = libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return OPEN if done >= 0 else os.strerror(ctypes.get_errno())


def leave_a_daemon(marker: str) -> str:
    """Start a process in a session of its own, twice forked, and go on."""
    code = f"import time; {marker!r}; time.sleep(300)"
    if os.fork() == 0:
        os.setsid()
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        os._exit(0)
    os.wait()
    return OPEN


def share_memory(name: str) -> str:
    """Leave a note in shared memory, if none is there yet."""
    path = f"/dev/shm/{name}"
    if os.path.exists(path):
        return "somebody's note is there"
    try:
        with open(path, "w+b") as file:
            file.write(bytes(4096))
            file.flush()
            mmap.mmap(file.fileno(), 4096).close()
    except OSError as error:
        return _tried(error)
    return OPEN


def make_key() -> str:
    """Leave a note in the kernel's key ring, which outlives processes."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 248, "aarch64": 217}[os.uname().machine]
    done = libc.syscall(number, b"user", b"note", b"x", ctypes.c_size_t(1), ctypes.c_long(-4))
    return OPEN if done >= 0 else os.strerror(ctypes.get_errno())


def own_folders() -> dict[str, str]:
    """Where a worker is at home, each written to."""
    names = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "NUMBA_CACHE_DIR")
    for name in names:
        folder = Path(os.environ[name])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "note").write_text("mine")
    return {name: os.environ[name] for name in names}


def make(values: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Make nothing, as an adapter makes weights, and leave a note among the compiled code."""
    folder = Path(os.environ["TORCHINDUCTOR_CACHE_DIR"])
    folder.mkdir(parents=True)
    (folder / "note").write_text("mine")


def end_by(number: int) -> None:
    """End by a signal of its own."""
    os.kill(os.getpid(), signal.Signals(number))


def what_it_can_tell() -> dict[str, object]:
    """All that tells a worker which arm it is, or what it is run for."""
    return {
        "argv": sys.argv,
        "orig_argv": sys.orig_argv[1:],
        "names": sorted(os.environ),
        "values": [value for name, value in sorted(os.environ.items()) if name != "PYTEST_VERSION"],
        "cwd": os.getcwd(),
        "tree": sys.path[0],
    }


def library_versions() -> str:
    """Use libraries that need files of the system: time zones, certificates, processors."""
    import ssl
    import zoneinfo

    ssl.create_default_context()
    zoneinfo.ZoneInfo("Europe/Berlin")
    return f"{os.cpu_count()} {Path('/proc/self/status').read_text()[:4]}"


def noted() -> bool:
    """Whether an earlier worker's note is among the compiled code."""
    return Path(os.environ["TORCHINDUCTOR_CACHE_DIR"], "note").exists()
