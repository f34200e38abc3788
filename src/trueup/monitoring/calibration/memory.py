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
    """Return what the largest of so many memories of white noise hardly exceeds.

    Chi-squared by the approximation of Wilson and Hilferty (1931).
    """
    third = 2 / (9 * _SLOWEST)
    z = normal_quantile(1 - _ERRS / max(many, 1))
    return float((1 - third + z * math.sqrt(third)) ** 3)


def common(found: "Floats") -> float:
    """Return the memory that all series have on average, at least 1."""
    return max(1.0, float(found.mean())) if len(found) else 1.0
