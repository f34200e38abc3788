"""What root may do beyond everybody else, laid down for a while, so that permissions hold."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_VERSION = 0x20080522  # of the kernel's capability records: 64 bits in two halves
_OVERRIDES = 1 << 1 | 1 << 2 | 1 << 3  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Half(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@contextmanager
def without_root_powers() -> Iterator[None]:
    """Let file permissions hold for this thread and those that it starts, also as root.

    A person who is not root has no such powers, so nothing happens. Processes started meanwhile
    have them again.
    """
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("only Linux can take root's powers away for a while; run as another user")
    libc = ctypes.CDLL(None, use_errno=True)
    held = (_Half * 2)()
    _call(libc.capget, held)
    fewer = (_Half * 2)()
    ctypes.memmove(fewer, held, ctypes.sizeof(held))
    fewer[0].effective &= ~_OVERRIDES
    _call(libc.capset, fewer)
    try:
        yield
    finally:
        _call(libc.capset, held)


def _call(function: "ctypes._NamedFuncPointer", halves: "ctypes.Array[_Half]") -> None:
    if function(ctypes.byref(_Header(_VERSION, 0)), halves):
        raise OSError(ctypes.get_errno(), "the powers of this thread cannot be changed")
