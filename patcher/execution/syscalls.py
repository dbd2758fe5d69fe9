"""The system call filter of a worker: calls that reach past Landlock and the namespaces."""

from __future__ import annotations

import struct

AF_UNIX, AF_NETLINK = 1, 16
EPERM, EACCES, ENOSYS = 1, 13, 38
LOAD, EQUAL, AT_LEAST, ANSWER = 0x20, 0x15, 0x35, 0x06
PERMITTED, REFUSED = 0x7FFF0000, 0x00050000
X32_NUMBERS = 0x40000000

# By machine: the kernel's name for it, and its system call numbers.
ARCHITECTURES: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "socket": 41, "shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240,
            "add_key": 248, "request_key": 249, "keyctl": 250, "bpf": 321,
            "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "setns": 308,
            "open_by_handle_at": 304, "settimeofday": 164, "adjtimex": 159, "clock_settime": 227,
            "clock_adjtime": 305, "io_uring_setup": 425, "pidfd_getfd": 438,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "socket": 198, "shmget": 194, "semget": 190, "msgget": 186, "mq_open": 180,
            "add_key": 217, "request_key": 218, "keyctl": 219, "bpf": 280,
            "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "setns": 268,
            "open_by_handle_at": 265, "settimeofday": 170, "adjtimex": 171, "clock_settime": 112,
            "clock_adjtime": 266, "io_uring_setup": 425, "pidfd_getfd": 438,
        },
    ),
}  # fmt: skip
OUTLIVING = ("shmget", "semget", "msgget", "mq_open")  # what they make outlives its process


def filter_program(machine: str, *, sockets: bool, own_memory: bool) -> bytes:
    """The filter as classic BPF, 8 bytes an instruction; empty for a machine it is not made for.

    Args:
        machine: as `os.uname` names it.
        sockets: refuse every socket but local ones.
        own_memory: shared memory and queues are the worker's own, and may be used.
    """
    if machine not in ARCHITECTURES:
        return b""
    architecture, numbers = ARCHITECTURES[machine]
    out = [
        (LOAD, 0, 0, 4),
        (EQUAL, 1, 0, architecture),
        (ANSWER, 0, 0, REFUSED | EPERM),
        (LOAD, 0, 0, 0),
        (AT_LEAST, 0, 1, X32_NUMBERS),
        (ANSWER, 0, 0, REFUSED | ENOSYS),
    ]
    for name, number in numbers.items():
        if name == "socket" or (own_memory and name in OUTLIVING):
            continue
        error = ENOSYS if name == "io_uring_setup" else EPERM
        out += [(EQUAL, 0, 1, number), (ANSWER, 0, 0, REFUSED | error)]
    if sockets:
        out += [
            (EQUAL, 0, 4, numbers["socket"]),
            (LOAD, 0, 0, 16),  # its first argument, the family
            (EQUAL, 2, 0, AF_UNIX),
            (EQUAL, 1, 0, AF_NETLINK),
            (ANSWER, 0, 0, REFUSED | EACCES),
        ]
    out.append((ANSWER, 0, 0, PERMITTED))
    return b"".join(struct.pack("HBBI", *each) for each in out)
