"""Hangs up on clients that do not read their answers, which the HTTP server has no bound for."""

import asyncio
import os
import socket
import stat
import sys
from contextlib import suppress

_TRIES, _PAUSE_S = 100, 0.05


async def hang_up_on_unread(port: int, after_s: float) -> None:
    """Let the kernel end connections whose bytes nobody takes for so long; on Linux only.

    Connections have the options of the socket that they were accepted by. That one is made deep
    within the HTTP server, so it is looked for among the process's own, until it is there.
    """
    if sys.platform != "linux":
        return
    for _ in range(_TRIES):
        if _set(port, round(after_s * 1000)):
            return
        await asyncio.sleep(_PAUSE_S)


def _set(port: int, after_ms: int) -> bool:
    numbers = [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - no paths
    return sum(_set_one(one, port, after_ms) for one in numbers) > 0


def _set_one(descriptor: int, port: int, after_ms: int) -> bool:
    """Set it where the descriptor is a socket that listens at the port."""
    with suppress(OSError):  # closed by now
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        with socket.socket(fileno=os.dup(descriptor)) as one:
            name = one.getsockname()
            listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if listens and isinstance(name, tuple) and name[1] == port:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, after_ms)
                return True
    return False
