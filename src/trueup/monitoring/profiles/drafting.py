"""The first look at a reference, from which its grid is made; looks can be put together.

Of numbers the look keeps how many rows each of 65,536 keys has, which is a sketch of their
quantiles: a bin can be cut between two keys only, so the rows of a bin differ from an equal share
by at most those of one key. Where a single key holds more than one bin's rows and several values,
it is cut further, at quantiles of a sample. What is more than 3e38 away from the origin is in
the outer cells.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.monitoring.profiles import exact, floats
from trueup.monitoring.profiles.grids import BINS, WORDS

_SAMPLE = 8192  # values of a look
_KEPT_WORDS = 1 << 16  # more different words than that are not told apart any more
_CHUNK = 1 << 16


class NumberLook(msgspec.Struct):
    """What the first look at a column of numbers keeps."""

    origin: float
    exponent: int
    rows_of_keys: NDArray[np.int64]
    sample: NDArray[np.float64]  # finite values, in ascending order


def begin_look(values: NDArray[np.float64]) -> NumberLook:
    """Choose origin and step for a column from its first values; nothing is counted yet."""
    sample = _sample(values)
    if not len(sample):
        return NumberLook(0.0, -exact.SPREAD_BITS, np.zeros(floats.KEYS, np.int64), sample)
    origin = float(sample[len(sample) // 2]) + 0.0
    low, high = (float(sample[int(share * (len(sample) - 1))]) for share in (0.01, 0.99))
    spread = high - low or float(sample[-1] - sample[0]) or abs(origin) or 1.0
    exponent = exact.exponent_of(min(spread, 1e300))
    return NumberLook(origin, exponent, np.zeros(floats.KEYS, np.int64), sample[:0])


def look_at(look: NumberLook, values: NDArray[np.float64]) -> None:
    """Count values into a look."""
    room = np.empty(_CHUNK, np.float32)
    by_key = np.zeros(floats.KEYS, np.int64)
    for low in range(0, len(values), _CHUNK * 16):
        part = values[low : low + _CHUNK * 16]
        keys = np.empty(len(part), np.uint16)
        for k in range(0, len(part), _CHUNK):
            keys[k : k + _CHUNK] = floats.keys(part[k : k + _CHUNK], look.origin, room)
        by_key += np.bincount(keys, minlength=floats.KEYS)
    look.rows_of_keys = look.rows_of_keys + by_key
    look.sample = _thinned(np.sort(np.concatenate([look.sample, _sample(values)])))


def edges_of(look: NumberLook) -> NDArray[np.float64]:
    """Return the bounds of a column's cells: where the reference begins, its bins, its end."""
    rows = np.zeros(floats.KEYS, np.int64)
    rows[floats.RANK] = look.rows_of_keys
    rows[: floats.LOWEST + 1] = 0  # infinite, or not a number
    rows[floats.HIGHEST :] = 0
    filled = np.flatnonzero(rows)
    if not len(filled):
        return np.empty(0)
    sizes, share = rows[filled], rows.sum() / BINS
    before = np.cumsum(sizes) - sizes
    bins = (before / share).astype(np.int64)
    is_first = np.append(True, bins[1:] != bins[:-1])
    is_first |= sizes >= 2 * share  # many equal values are a bin of their own
    ranks = np.append(filled[is_first], filled[-1] + 1)
    edges = floats.firsts(ranks, look.origin)
    heavy = filled[sizes >= 2 * share]
    further = [_within(look, int(rank), int(rows[rank] / share)) for rank in heavy]
    found: NDArray[np.float64] = np.unique(np.concatenate([edges, *further]))
    return found


def _within(look: NumberLook, rank: int, parts: int) -> NDArray[np.float64]:
    """Return bounds inside the values of one key, if those of the sample differ."""
    values = look.sample[floats.ranks(look.sample, look.origin) == rank]
    if not len(values) or values[0] == values[-1]:
        return np.empty(0)
    places = np.linspace(0, len(values) - 1, min(parts, BINS) + 1)[1:-1].astype(np.int64)
    return np.append(values[places], values[-1])


def _sample(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return some of the finite values, evenly from all rows, in ascending order."""
    chosen = values[:: max(1, len(values) // _SAMPLE)]
    return np.sort(chosen[np.isfinite(chosen)])


def _thinned(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    return sample if len(sample) <= 8 * _SAMPLE else sample[::2]


class WordLook(msgspec.Struct):
    """What the first look at a column of words keeps."""

    rows: Counter[str] = msgspec.field(default_factory=Counter)


def look_at_words(look: WordLook, codes: NDArray[np.int64], dictionary: Sequence[str]) -> None:
    """Count words into a look; beyond 65,536 different ones no further ones are kept."""
    counts = np.bincount(codes[codes >= 0], minlength=len(dictionary)).tolist()
    for word, count in zip(dictionary, counts, strict=True):
        if count and (len(look.rows) < _KEPT_WORDS or word in look.rows):
            look.rows[word] += count


def words_of(look: WordLook) -> tuple[str, ...]:
    """Return the vocabulary: the most frequent words, the first ones of the alphabet if equal."""
    ordered = sorted(look.rows.items(), key=lambda one: (-one[1], one[0]))
    return tuple(word for word, _ in ordered[:WORDS])
