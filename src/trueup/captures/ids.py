"""Names for predictions that sort by the time they were made (UUID version 7)."""

import os
import struct
import time
from threading import Lock

_LOW_BITS = 62
_LOW_END = 1 << _LOW_BITS
_VARIANT = 1 << 63
_POOL = struct.Struct("512Q")


class _Source:
    """The process's one source: each id is greater than the one before, whatever the clock does.

    Behind the millisecond stand 12 random bits that count the overflows of the 62 behind them;
    those go up by random steps of 32 bits within one millisecond.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._ms, self._high, self._low = -1, 0, 0
        self._front = ""  # the text of all but the low bits
        self._pool: list[int] = []

    def draw(self, count: int, now_ms: int) -> list[str]:
        """Return so many ids, ascending."""
        made = []
        with self._lock:
            if now_ms > self._ms:
                # The highest bit stays clear, so that there is room for the millisecond's ids.
                self._move(now_ms, self._random() & 0x7FF, self._random() >> 2)
            low, front = self._low, self._front
            for _ in range(count):
                low += 1 + (self._random() >> 32)
                if low >= _LOW_END:
                    self._carry()
                    low, front = low - _LOW_END, self._front
                digits = f"{low | _VARIANT:016x}"
                made.append(f"{front}{digits[:4]}-{digits[4:]}")
            self._low = low
        return made

    def _carry(self) -> None:
        high = self._high + 1
        self._move(self._ms + (high >> 12), high & 0xFFF, 0)

    def _move(self, ms: int, high: int, low: int) -> None:
        self._ms, self._high, self._low = ms, high, low
        digits = f"{ms:012x}"
        self._front = f"{digits[:8]}-{digits[8:]}-7{high:03x}-"

    def _random(self) -> int:
        if not self._pool:
            self._pool = list(_POOL.unpack(os.urandom(_POOL.size)))
        return self._pool.pop()


_SOURCE = _Source()


def new_ids(count: int, now_ms: int | None = None) -> list[str]:
    """Return so many new ids, ascending as text, and above all that this process has made.

    >>> first, second = new_ids(2)
    >>> first < second, len(first), first[14]
    (True, 36, '7')
    """
    return _SOURCE.draw(count, time.time_ns() // 1_000_000 if now_ms is None else now_ms)


def _forget() -> None:
    """Begin anew in a forked child, which would else make its parent's ids again."""
    global _SOURCE
    _SOURCE = _Source()


os.register_at_fork(after_in_child=_forget)
