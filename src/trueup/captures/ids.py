"""Names for predictions that sort by the time they were made (UUID version 7)."""

import os
import struct
import time
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import overload

import numpy as np
from numpy.typing import NDArray

_LOW_BITS = 62
_LOW_END = 1 << _LOW_BITS
_VARIANT = 1 << 63
_POOL = struct.Struct("512Q")
_LETTERS = 36  # of an id
_FEW = 8  # ids that Python writes sooner than NumPy is called
_FRONT, _TAIL = 20, 19  # letters: a quote and the high bits; the low ones, a quote and a comma
_AHEAD = 4096  # low bits that are drawn at once


class Ids(Sequence[str]):
    """Many new ids as one piece of JSON; the text of one is made when somebody asks for it.

    >>> made = new_ids(20)
    >>> made.json().decode() == str(list(made)).replace("'", '"').replace(" ", "")
    True
    """

    __slots__ = ("_quoted",)

    def __init__(self, quoted: bytes) -> None:
        self._quoted = quoted  # each in quotes and with a comma behind it

    def __len__(self) -> int:
        return len(self._quoted) // (_LETTERS + 3)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> "list[str] | Ids": ...

    def __getitem__(self, place: int | slice) -> "str | list[str] | Ids":
        if isinstance(place, int):
            start = range(len(self))[place] * (_LETTERS + 3) + 1
            return self._quoted[start : start + _LETTERS].decode()
        places = range(len(self))[place]
        if places.step != 1:
            return [self[one] for one in places]
        width = _LETTERS + 3
        return Ids(self._quoted[places.start * width : places.stop * width])

    def __iter__(self) -> Iterator[str]:
        text = self._quoted.decode()
        return (text[k : k + _LETTERS] for k in range(1, len(text), _LETTERS + 3))

    def json(self) -> bytes:
        """Return them as a list in JSON."""
        return b"[" + self._quoted[:-1] + b"]"

    @staticmethod
    def joined(parts: "Sequence[Ids]") -> bytes:
        """Return the letters of all, one behind the other; each id has as many."""
        quoted = np.frombuffer(b"".join([one._quoted for one in parts]), np.uint8)
        return quoted.reshape(-1, _LETTERS + 3)[:, 1:-2].tobytes()


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
        self._lows = np.zeros(0, np.uint64)  # drawn in advance for whoever wants many, ascending
        self._tails = np.zeros((0, _TAIL), np.uint8)  # their text
        self._next = 0  # the first of them that is not used

    def draw(self, count: int, now_ms: int) -> Sequence[str]:
        """Return so many ids, ascending."""
        made = []
        with self._lock:
            if now_ms > self._ms:
                # The highest bit stays clear, so that there is room for the millisecond's ids.
                self._move(now_ms, self._random() & 0x7FF, self._beginning())
            if count > _FEW and self._low + (max(count, _AHEAD) << 32) < _LOW_END:
                return self._at_once(count)
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

    def _at_once(self, count: int) -> Ids:
        start = self._next
        if start + count > len(self._lows) or self._lows[start] <= self._low:
            self._draw_ahead(max(count, _AHEAD))
            start = 0
        self._next = start + count
        self._low = int(self._lows[self._next - 1])
        made = np.empty((count, _LETTERS + 3), np.uint8)
        made[:, :_FRONT] = np.frombuffer(f'"{self._front}'.encode(), np.uint8)
        made[:, _FRONT:] = self._tails[start : self._next]
        return Ids(made.tobytes())

    def _draw_ahead(self, count: int) -> None:
        steps = np.frombuffer(os.urandom(4 * count), "<u4").astype(np.uint64)
        steps[0] += np.uint64(self._low)
        self._lows = np.cumsum(steps + np.uint64(1))
        self._tails = _tails(self._lows | np.uint64(_VARIANT))

    def _beginning(self) -> int:
        """Return random low bits: those below what was drawn in advance, where that is left."""
        if self._next < len(self._lows):
            return int(self._lows[self._next]) - 1
        return self._random() >> 2

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


def _tails(lows: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return low bits as text, with the quote and the comma behind them."""
    digits = np.frombuffer(lows.astype(">u8").tobytes().hex().encode(), np.uint8).reshape(-1, 16)
    made = np.empty((len(lows), _TAIL), np.uint8)
    made[:, :4], made[:, 4], made[:, 5:17] = digits[:, :4], ord("-"), digits[:, 4:]
    made[:, 17], made[:, 18] = ord('"'), ord(",")
    return made


def new_ids(count: int, now_ms: int | None = None) -> Sequence[str]:
    """Return so many new ids, ascending as text, and above all that this process has made.

    Many of them are ``Ids``, which cost a tenth of a list until somebody looks at their texts.

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
