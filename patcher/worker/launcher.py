"""Starts one worker behind the kernel's guards, waits for it, and lets nothing of it survive.

Run as a script: ``python -I -S launcher.py PLAN_FD LIFE_FD``. From the first descriptor it reads a
`Permissions`, marshalled. The second is one end of a pipe whose other end the parent holds: when
the parent closes it, or dies, everything that was started here is killed.

The guards are Landlock, namespaces and seccomp, all by `ctypes`: the interpreter that runs the
target needs no package. They hold before the target's interpreter starts, and this process stays
outside of them. It ends as the worker ended: with its exit status, or by its signal.

Standard library alone, and little of it: this runs once for every worker, and ``json`` alone would
take longer to import than the guards take to apply.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import select
import signal
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

SETUP_FAILED = 121  # exit status: a guard that was asked for could not be had

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 1, 38, 24, 36
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER = 0x20000, 0x8000000, 0x10000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
# Kept by a worker of root, so that it reads what root may read: chown, dac_override, fowner.
KEPT_CAPABILITIES = frozenset({0, 1, 3})

LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
FS_EXECUTE, FS_WRITE_FILE, FS_READ_FILE, FS_READ_DIR = 1, 2, 4, 8
FS_TRUNCATE, FS_IOCTL_DEV = 1 << 14, 1 << 15
FS_READ = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR
FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV
NET_BIND_TCP, NET_CONNECT_TCP = 1, 2
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1, 2

SECCOMP: dict[str, int] = {"x86_64": 317, "aarch64": 277}  # the system call
PERMIT_ALL = struct.pack("HBBI", 6, 0, 0, 0x7FFF0000)

libc = ctypes.CDLL(None, use_errno=True)


class Permissions:
    """What a worker may do. Written by `patcher.execution.sandbox`.

    Attributes:
        command: the worker's argument list.
        read, write: folders and files, with everything below them. ``device``: device nodes.
        listed: folders whose names may be read, with those below them.
        landlock: the version of Landlock to build rules for; 0 for none.
        namespaces: own processes, mounts and shared memory; ``user`` by way of a user namespace.
        network: ``namespace`` (loopback alone), ``filter`` (no socket but local ones),
            ``ports`` (Landlock: no TCP) or ``open``.
        filter: a program that refuses system calls; empty for none.
        masked: sockets of the machine's services, hidden where mounts are the worker's own.
        veiled: folders that are empty there, but for what may be read or written.
        keep: descriptors that the worker inherits.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.command: list[str] = settings["command"]
        self.read: list[str] = settings["read"]
        self.write: list[str] = settings["write"]
        self.device: list[str] = settings["device"]
        self.landlock: int = settings["landlock"]
        self.namespaces: bool = settings["namespaces"]
        self.user: bool = settings["user"]
        self.network: str = settings["network"]
        self.filter = bytes.fromhex(settings["filter"])
        self.listed: list[str] = settings["listed"]
        self.masked: list[str] = settings["masked"]
        self.veiled: list[str] = settings["veiled"]
        self.keep: list[int] = settings["keep"]


def check(result: int, what: str) -> int:
    """The result of a C call; an `OSError` that names the call when it is -1."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def main(argv: list[str]) -> NoReturn:
    """Start the worker, wait, clean up, end as it ended."""
    if argv[1] == "probe":
        print(probe())
        sys.exit()
    with open(int(argv[1]), "rb") as pipe:
        plan = Permissions(marshal.loads(pipe.read()))
    life = int(argv[2])
    os.set_inheritable(life, False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # TERM is for the worker, to dump its stacks
    status_read, status_write = os.pipe()
    guarded(lambda: begin(plan))
    first = os.fork()
    if first == 0:
        os.close(life)
        os.close(status_read)
        guarded(lambda: be_first(plan, status_write))
    os.close(status_write)
    let_go(plan.keep)
    status = watch(first, life)
    written = os.read(status_read, 8) if plan.namespaces else b""
    sweep()
    end_like(struct.unpack("q", written)[0] if len(written) == 8 else status)


def guarded(step: Callable[[], None]) -> None:
    """Run a step of the setting up; say in the log what failed, and end."""
    try:
        step()
    except OSError as error:
        print(f"patcher: the sandbox could not be set up: {error}", file=sys.stderr, flush=True)
        os._exit(SETUP_FAILED)


def begin(plan: Permissions) -> None:
    """What this process does to itself before its first child."""
    check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")
    if plan.namespaces:
        enter_namespaces(plan.user, plan.network == "namespace")


def enter_namespaces(user: bool, network: bool) -> None:
    """Own mounts, processes and shared memory for what is started from now on."""
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC
    flags |= (CLONE_NEWUSER if user else 0) | (CLONE_NEWNET if network else 0)
    check(libc.unshare(flags), "unshare")
    if user:
        write_text("/proc/self/setgroups", "deny")
        write_text("/proc/self/uid_map", f"{uid} {uid} 1")
        write_text("/proc/self/gid_map", f"{gid} {gid} 1")
    if network:
        raise_loopback()


def write_text(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def raise_loopback() -> None:
    """Switch on the network namespace's ``lo``: targets talk to themselves."""
    import fcntl
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as each:
        fcntl.ioctl(each, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def let_go(pipes: Iterable[int]) -> None:
    """Close the worker's pipes and its log here: they end when the worker's own ends do."""
    for pipe in pipes:
        os.close(pipe)
    for output in (1, 2):
        os.dup2(0, output)


def be_first(plan: Permissions, status: int) -> None:
    """The first child: the worker itself, or in its namespace the one that waits for it."""
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if not plan.namespaces:
        become_worker(plan)
    own_mounts(plan.masked)
    veil(["/dev/shm", *plan.veiled], [*plan.read, *plan.write])
    worker = os.fork()
    if worker == 0:
        os.close(status)
        guarded(lambda: become_worker(plan))
    let_go(plan.keep)
    while True:
        pid, ended = os.wait()
        if pid == worker:
            os.write(status, struct.pack("q", ended))
            os._exit(0)  # the namespace's first process: all others are killed with it


def own_mounts(masked: Iterable[str]) -> None:
    """A ``/proc`` of the worker's own processes, and no sockets of the machine's services."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for path in masked:
        if os.path.exists(path):
            mount("/dev/null", path, None, MS_BIND)


def veil(folders: list[str], shown: list[str]) -> None:
    """Put an empty folder over each of some; what is shown keeps its place in them."""
    inside = [path for path in shown if any(f"{path}/".startswith(f"{each}/") for each in folders)]
    inside = [path for path in inside if path != "/dev/shm"]  # its own is new for every worker
    opened = [(path, os.open(path, os.O_PATH)) for path in inside if os.path.exists(path)]
    for folder in folders:
        if os.path.isdir(folder):
            mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    for path, number in opened:
        source = f"/proc/self/fd/{number}"
        if os.path.isdir(source):
            os.makedirs(path, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if not os.path.exists(path):  # in a folder that is shown again it is the file itself
                write_text(path, "")
        mount(source, path, None, MS_BIND)
        os.close(number)


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [os.fsencode(each) if each is not None else None for each in (kind, data)]
    code = libc.mount(
        os.fsencode(source), os.fsencode(target), encoded[0], ctypes.c_ulong(flags), encoded[1]
    )
    check(code, f"mount {target}")


def become_worker(plan: Permissions) -> None:
    """Apply what is left and turn into the command. Does not return."""
    import resource

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for capability in range(64):
        # Past the last one, and without the right to, there is nothing to drop.
        if capability not in KEPT_CAPABILITIES:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    if plan.landlock:
        restrict(plan)
    if plan.filter:
        install_filter(plan.filter)
    os.execvpe(plan.command[0], plan.command, os.environ)


def restrict(plan: Permissions) -> None:
    """Build the Landlock rules and put this process under them, for good."""
    version = plan.landlock
    known = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    handled = (1 << known) - 1
    ports = NET_BIND_TCP | NET_CONNECT_TCP if version >= 4 and plan.network == "ports" else 0
    scopes = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if version >= 6 else 0
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("QQQ", handled, ports, scopes)
    ruleset = check(libc.syscall(LANDLOCK_CREATE, attributes, size, 0), "landlock_create_ruleset")
    own_process = [f"/proc/{os.getpid()}"] if os.path.isdir(f"/proc/{os.getpid()}") else []
    for paths, rights in (
        (plan.read, FS_READ),
        (plan.listed, FS_READ_DIR),
        (plan.write, handled & ~FS_IOCTL_DEV),
        (own_process, FS_READ | FS_WRITE_FILE),
        (plan.device, FS_READ_FILE | FS_WRITE_FILE | FS_READ_DIR | FS_IOCTL_DEV),
    ):
        for path in paths:
            allow(ruleset, path, rights & handled)
    check(libc.syscall(LANDLOCK_RESTRICT, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def allow(ruleset: int, path: str, rights: int) -> None:
    """Add a path to the rules; one that is not there needs none."""
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(f"/proc/self/fd/{opened}"):
            rights &= FS_OF_FILES
        rule = struct.pack("=Qi", rights, opened)
        check(libc.syscall(LANDLOCK_ADD, ruleset, 1, rule, 0), f"landlock_add_rule {path}")
    finally:
        os.close(opened)


def install_filter(program: bytes) -> None:
    """Put this process under a system call filter (classic BPF), for good."""
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(buffer))
    keep_speed = 1 << 2  # SPEC_ALLOW: no mitigation that slows the worker down
    check(libc.syscall(SECCOMP[os.uname().machine], 1, keep_speed, header), "seccomp")


def probe() -> dict[str, Any]:
    """What this kernel lets this user do, each tried in a child."""
    version = libc.syscall(LANDLOCK_CREATE, None, 0, 1)
    ways = [
        (user, network)
        for user in (False, True)
        for network in (True, False)
        if works(lambda user=user, network=network: try_namespaces(user, network))  # type: ignore[misc]
    ]
    return {
        "landlock": max(0, version),
        "namespaces": bool(ways),
        "user": bool(ways) and ways[0][0],
        "network": bool(ways) and ways[0][1],
        "seccomp": works(try_filter),
    }


def try_namespaces(user: bool, network: bool) -> None:
    enter_namespaces(user, network)
    if not works(lambda: own_mounts(())):
        raise OSError("mount")


def try_filter() -> None:
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    install_filter(PERMIT_ALL)


def works(step: Callable[[], None]) -> bool:
    """Whether a step succeeds, tried in a child so that it changes nothing here."""
    child = os.fork()
    if child == 0:
        try:
            step()
        except (OSError, KeyError):
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def watch(first: int, life: int) -> int:
    """Wait for the first child; kill it when the parent's end of ``life`` closes. Its status."""
    opened = os.pidfd_open(first)
    poll = select.poll()
    poll.register(opened, select.POLLIN)
    poll.register(life, 0)  # a hang-up is always reported
    while opened not in (ready := [number for number, _ in poll.poll()]):
        if life in ready:
            os.kill(first, signal.SIGKILL)
            poll.unregister(life)
            kill_children()
    return os.waitpid(first, 0)[1]


def sweep() -> None:
    """Kill and wait for whatever is left: orphans come to this process, the subreaper."""
    while True:
        kill_children()
        try:
            os.wait()
        except ChildProcessError:
            return


def kill_children() -> None:
    for child in own_children():
        try:  # noqa: SIM105 - contextlib would cost more than the rest of the imports
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            pass


def own_children() -> list[int]:
    """Process ids of this process's children, the adopted ones among them."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(each) for each in file.read().split()]
    except OSError:  # a kernel without that file
        return [int(each) for each in os.listdir("/proc") if each.isdigit() and is_child(each)]


def is_child(number: str) -> bool:
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1]) == os.getpid()
    except OSError:
        return False


def end_like(status: int) -> NoReturn:
    """End with the worker's exit status, or by the signal it ended by."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


if __name__ == "__main__":
    main(sys.argv)
