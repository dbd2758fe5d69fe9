"""The least time a call can take here: its weights have to be read, and memory has a speed.

The floor is half a byte a parameter over twice the best bandwidth ever recorded on this machine,
and counts only for weights that no cache holds. It is far below what honest code reaches; a time
under it was not spent computing.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import threading
import time
from pathlib import Path

from patcher.execution import machine as host

BYTES_A_PARAMETER = 0.5  # nobody has shown weights of fewer than four bits that compute the same
TIMES_BEST = 2.0
TIMES_CACHE = 4
LEAST_BYTES, MOST_BYTES = 64 << 20, 1 << 30
ROUNDS = 3


def floor_s(parameters: float, bandwidth: float, cache_bytes: int) -> float:
    """Seconds below which a call that reads so many parameters is impossible; 0.0 where unknown.

    Args:
        bandwidth: the best recorded, in bytes a second.
        cache_bytes: of the last level; 0 where the system does not tell.
    """
    size = parameters * BYTES_A_PARAMETER
    if not bandwidth or not cache_bytes or size <= TIMES_CACHE * cache_bytes:
        return 0.0
    return size / (TIMES_BEST * bandwidth)


def last_level_cache_bytes(root: Path = Path("/sys/devices/system/cpu")) -> int:
    """All last-level caches of this machine together; 0 where the system does not tell."""
    sizes: dict[tuple[int, str], int] = {}
    for index in root.glob("cpu[0-9]*/cache/index[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            level = int((index / "level").read_text())
            shared = (index / "shared_cpu_list").read_text().strip()
            sizes[level, shared] = parse_size((index / "size").read_text().strip())
    last = max((level for level, _ in sizes), default=0)
    return sum(size for (level, _), size in sizes.items() if level == last)


def parse_size(text: str) -> int:
    """``32768K`` or ``8M`` in bytes."""
    unit = {"K": 10, "M": 20, "G": 30}.get(text[-1:], 0)
    return int(text[:-1] if unit else text) << unit


def measured_bandwidth() -> float:
    """Bytes a second that all processors together copy now, reading and writing counted."""
    processors = host.usable_processors()
    whole = min(MOST_BYTES, max(LEAST_BYTES, TIMES_CACHE * last_level_cache_bytes()))
    size = whole // processors
    pairs = [
        (ctypes.create_string_buffer(size), ctypes.create_string_buffer(size))
        for _ in range(processors)
    ]
    return max(_copied(pairs, size) for _ in range(ROUNDS))


def _copied(
    pairs: list[tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_char]]], size: int
) -> float:
    ready = threading.Barrier(len(pairs) + 1)

    def copy(to: ctypes.Array[ctypes.c_char], source: ctypes.Array[ctypes.c_char]) -> None:
        ready.wait()
        ctypes.memmove(to, source, size)  # without the interpreter's lock

    threads = [threading.Thread(target=copy, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return 2 * size * len(pairs) / (time.perf_counter() - began)


def best_bandwidth(record: Path) -> float:
    """The best bandwidth of this machine so far, measured once more now.

    Args:
        record: a JSON file: bytes a second by fingerprint of the machine. One that is damaged or
            cannot be written is started anew, or left.
    """
    key = host.fingerprint().sha256
    known: dict[str, float] = {}
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        read = json.loads(record.read_text(encoding="utf-8"))
        known = {str(name): float(value) for name, value in read.items()}
    known[key] = max(known.get(key, 0.0), measured_bandwidth())
    with contextlib.suppress(OSError):
        record.parent.mkdir(parents=True, exist_ok=True)
        new = record.with_name(f"{record.name}.new")
        new.write_text(json.dumps(known), encoding="utf-8")
        new.replace(record)
    return known[key]
