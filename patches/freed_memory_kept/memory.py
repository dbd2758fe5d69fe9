"""Memory that a generation frees is kept for what it asks for next, where the C library is GNU's.

By default it hands large buffers back to the system as they are freed. A solver step frees and asks
for hundreds of them, and the system clears every page of each anew: on a CPU that can take as long
as computing what is written there.
"""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # M_... of malloc.h
KEPT = 256 << 20  # bytes at the end of the heap that are not handed back
LARGEST = 32 << 20  # bytes of a buffer that is still taken from the heap: the most that is allowed


def keep_freed_memory(device):
    """Ask for it when a generation begins on a CPU: all that is loaded is in its place then."""
    if device.type == "cpu":
        set_allocator()


def set_allocator():
    """The same each time; asking takes some microseconds."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return
    mallopt(MMAP_THRESHOLD, LARGEST)
    mallopt(TRIM_THRESHOLD, KEPT)
