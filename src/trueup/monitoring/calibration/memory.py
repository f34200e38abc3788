"""How long windows remember: of how many that follow each other one alone would say as much."""

import math
from typing import TYPE_CHECKING

import numpy as np

from trueup.gate.distributions import normal_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SLOWEST = 8  # cosines: waves of a quarter of the reference, and longer ones
_ERRS = 0.05  # how often a reference of white noise shows any single series as slow
_AT_MOST = 0.99  # how surely a memory is no longer than its upper bound


def memories(series: "Floats") -> "Floats":
    """Return the memory of each series (time, series): long-run variance over plain variance.

    From the slowest cosines (as gate.following has it, after Lazarus, Lewis, Stock and Watson
    2018); 1 for white noise on average.
    """
    count = len(series)
    centred = series - series.mean(axis=0)
    moments = (np.arange(count) + 0.5) / count
    waves = np.cos(math.pi * np.outer(np.arange(1, _SLOWEST + 1), moments))
    power = ((waves @ centred) ** 2).mean(axis=0) * 2 / count
    variance = np.maximum((centred**2).mean(axis=0), 1e-12)
    found: Floats = np.where(variance > 1e-9, power / variance, 0.0)
    return found


def shown(found: "Floats") -> "Floats":
    """Return the memories that can be told from white noise among so many, 1 for the others."""
    limit = _surely(len(found))
    return np.where(found > limit, np.maximum(found, 1.0), 1.0)


def _surely(many: int) -> float:
    """Return what the largest of so many memories of white noise hardly exceeds."""
    return _times(1 - _ERRS / max(many, 1))


def alone(series: "Floats") -> float:
    """Return the memory of few series that no others confirm, rather too long than too short.

    (time,) or (time, series). The longer of what neighbours have in common and of an upper bound
    by the slowest cosines, where these can be told from white noise: of what looks shorter than
    it is too much is claimed.
    """
    every = series.reshape(len(series), -1)
    slow = float(shown(memories(every)).max())
    bound = slow / _times(1 - _AT_MOST) if slow > 1 else 1.0
    return max(bound, *map(_by_neighbours, every.T))


def following(scores: "Floats") -> float:
    """Return how windows next to each other correlate, 0 where white noise may show as much."""
    count = len(scores)
    away = scores - scores.mean()
    power = float((away**2).sum())
    if power <= 1e-12 * count:
        return 0.0
    found = float((away[1:] * away[:-1]).sum()) / power
    return found if found > normal_quantile(1 - _ERRS) / math.sqrt(count) else 0.0


def _by_neighbours(series: "Floats") -> float:
    """Return twice the sum of autocorrelations, up to the first pair that is not positive.

    After Geyer (1992): initial positive sequence.
    """
    count = len(series)
    power = np.abs(np.fft.rfft(series - series.mean(), 2 * count)) ** 2
    moments = np.fft.irfft(power)[:count]
    if moments[0] <= 1e-12 * count:
        return 1.0
    pairs = (moments[: count // 2 * 2].reshape(-1, 2) / moments[0]).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    return max(1.0, 2 * float(pairs[: ends[0] if len(ends) else None].sum()) - 1)


def _times(share: float) -> float:
    """Return what a share of estimates lies below, as a multiple of the truth.

    Chi-squared by the approximation of Wilson and Hilferty (1931).
    """
    third = 2 / (9 * _SLOWEST)
    return float((1 - third + normal_quantile(share) * math.sqrt(third)) ** 3)


def common(found: "Floats") -> float:
    """Return the memory that all series have on average, at least 1."""
    return max(1.0, float(found.mean())) if len(found) else 1.0
