"""Doubles in order, as whole numbers, and the short keys by which they find their cell.

A key is the upper half of a float32 (sign, exponent, seven bits) of the distance to an origin:
65,536 keys, which ascend with the value. Rounding, shifting and cutting are all monotone, so
the values of one key lie between two doubles, and counting by keys counts by those doubles,
exactly.
"""

import sys

import numpy as np
from numpy.typing import NDArray

KEYS = 1 << 16
Whole = NDArray[np.int64]
_UPPER = 1 if sys.byteorder == "little" else 0
_NEGATIVE = 1 << 15
_INFINITE = 0x7F80  # the key of what is further away than float32 reaches


def _order() -> NDArray[np.int64]:
    """Return the rank of each key: negative keys descend."""
    keys = np.arange(KEYS)
    return np.where(keys < _NEGATIVE, keys + _NEGATIVE, KEYS - 1 - keys)


RANK = _order()
LOWEST, HIGHEST = int(RANK[_INFINITE | _NEGATIVE]), int(RANK[_INFINITE])  # ranks of what is beyond
_KEY = np.argsort(RANK)  # of each rank
IS_NAN = (RANK < LOWEST) | (RANK > HIGHEST)  # of each key


def keys(
    values: NDArray[np.float64], origin: float, room: NDArray[np.float32] | None = None
) -> NDArray[np.uint16]:
    """Return the key of each value; a view of ``room`` where that is given."""
    short = np.empty(len(values), np.float32) if room is None else room[: len(values)]
    with np.errstate(over="ignore", invalid="ignore"):
        np.add(values, 0.0 - origin, out=short, casting="same_kind", dtype=np.float64)
    return short.view(np.uint16)[_UPPER::2]


def ranks(values: NDArray[np.float64], origin: float) -> NDArray[np.int64]:
    """Return the rank of each value's key; it ascends with the value."""
    found: NDArray[np.int64] = RANK[keys(values, origin)]
    return found


def firsts(wanted: NDArray[np.int64], origin: float) -> NDArray[np.float64]:
    """Return the least double whose rank is at least the wanted one, by halving."""
    low, high = _around(wanted, origin)
    while (high > low + 1).any():
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        reached = ranks(_double(middle), origin) >= wanted
        high = np.where(reached, middle, high)
        low = np.where(reached, low, middle)
    return _double(high) + 0.0


def _around(wanted: NDArray[np.int64], origin: float) -> tuple[Whole, Whole]:
    """Return doubles between which the first ones are: near where they would be without rounding,
    or anywhere."""
    upper = _KEY[np.clip(wanted, LOWEST, HIGHEST)].astype(np.uint32) << np.uint32(16)
    least = np.where(upper >> np.uint32(31), upper | np.uint32(0xFFFF), upper).view(np.float32)
    near = least.astype(np.float64) + origin
    off = np.abs(least).astype(np.float64) * 2.0**-22 + np.abs(near) * 2.0**-50
    low, high = near - off, near + off
    sure = np.isfinite(off) & (ranks(low, origin) < wanted) & (ranks(high, origin) >= wanted)
    return (
        np.where(sure, _whole(low), _whole(np.array([-np.inf]))),
        np.where(sure, _whole(high), _whole(np.array([np.inf]))),
    )


def _whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    bits = values.view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits, bits)


def _double(whole: NDArray[np.int64]) -> NDArray[np.float64]:
    bits = np.where(whole < 0, np.int64(-(2**63)) - whole, whole)
    return np.ascontiguousarray(bits).view(np.float64)
