"""What a process does once, before it serves for long, to keep memory small and pauses short."""

import ctypes
import gc
import sys

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
_LARGE_BYTES = 1 << 20
_SWITCH_S = 0.0005  # a thread of Python code gives way to the event loop after so long
_YOUNG, _MIDDLE, _OLD = 10_000, 20, 50


def settle() -> None:
    """Keep what is there out of every later collection, and give large blocks back when freed.

    What a request makes is freed without the collector; it is only for the rare cycle. glibc
    raises its bound for blocks of their own with each large one that is freed, and then keeps
    them: a segment of captures, once shipped, would stay in memory for good.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    sys.setswitchinterval(_SWITCH_S)
    try:
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
    except (AttributeError, OSError, TypeError):
        return  # another C library, which has no such habit
