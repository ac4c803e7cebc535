"""Memory that a step frees is the next step's."""

import ctypes
import sys

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Has the C library keep what this process frees, rather than give it back to the system.

    Tensors on a CPU come and go with every step; glibc maps large ones anew each time, and the
    system clears their pages: more than half of a step of iresnet18 on two threads
    (docs/performance.md). The process's memory stays at its highest. Without glibc nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        mallopt(_MMAP_MAX, 0)  # all from the heap
        mallopt(_TRIM_THRESHOLD, -1)  # which never shrinks
        mallopt(_TOP_PAD, 64 << 20)  # and grows by this much at least
