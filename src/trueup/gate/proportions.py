"""Exact and score methods for proportions of independent rows, alone and paired."""

import math
from collections.abc import Callable

from trueup.gate.distributions import beta_quantile, normal_cdf, normal_quantile


def clopper_pearson(hits: int, rows: int, alpha: float) -> tuple[float, float]:
    """Return the lower and the upper bound of a proportion, each wrong at most alpha of the time.

    Clopper and Pearson 1934. Together they are the interval at 1 - 2 alpha.

    >>> [round(bound, 4) for bound in clopper_pearson(8, 10, 0.025)]
    [0.4439, 0.9748]
    """
    lower = beta_quantile(alpha, hits, rows - hits + 1) if hits else 0.0
    upper = beta_quantile(1 - alpha, hits + 1, rows - hits) if hits < rows else 1.0
    return lower, upper


def wilson(hits: int, rows: int, alpha: float) -> tuple[float, float]:
    """Return the score bounds of a proportion (Wilson 1927); near 0 and 1 they err either way.

    >>> [round(bound, 4) for bound in wilson(8, 10, 0.025)]
    [0.4902, 0.9433]
    """
    z = normal_quantile(1 - alpha)
    centre, wide = hits + z * z / 2, rows + z * z
    half = z * math.sqrt(hits * (rows - hits) / rows + z * z / 4)
    return max(0.0, (centre - half) / wide), min(1.0, (centre + half) / wide)


def tango_statistic(gained: int, lost: int, rows: int, difference: float) -> float:
    """Return the score statistic of a paired difference of proportions (Tango 1998).

    ``gained``: rows that only the candidate has right; ``lost``: only the other. Under the
    difference given, (gained - lost) / rows is so many standard errors above it.
    """
    spread = 2 * _restricted(gained, lost, rows, difference) + difference * (1 - difference)
    off = gained - lost - rows * difference
    if rows * spread <= 1e-12:
        return 0.0 if abs(off) < 1e-12 else math.copysign(math.inf, off)
    return off / math.sqrt(rows * spread)


def _restricted(gained: int, lost: int, rows: int, difference: float) -> float:
    """Return the likeliest share of lost rows if the difference is what is said."""
    a = 2 * rows
    b = -gained - lost + (2 * rows - gained + lost) * difference
    c = -lost * difference * (1 - difference)
    return max((math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a), 0.0, -difference)


def tango(gained: int, lost: int, rows: int, alpha: float) -> tuple[float, float]:
    """Return the lower and the upper score bound of a paired difference, each at alpha.

    >>> [round(bound, 4) for bound in tango(12, 4, 100, 0.025)]
    [0.0018, 0.1656]
    """
    z = normal_quantile(1 - alpha)
    measured = (gained - lost) / rows
    lower = _crossing(lambda d: tango_statistic(gained, lost, rows, d) - z, -1.0, measured)
    upper = _crossing(lambda d: tango_statistic(gained, lost, rows, d) + z, measured, 1.0)
    return lower, upper


def _crossing(falling: Callable[[float], float], low: float, high: float) -> float:
    """Return where a falling function passes zero between two points, to 1e-12."""
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2


def tango_tail(gained: int, lost: int, rows: int, difference: float) -> float:
    """Return how likely so little or less is if the true difference is what is said."""
    return normal_cdf(tango_statistic(gained, lost, rows, difference))


def mcnemar(gained: int, lost: int) -> float:
    """Return the exact two-sided p-value of equality, for which alone McNemar's test speaks.

    >>> round(mcnemar(12, 4), 6)
    0.076813
    """
    total, fewer = gained + lost, min(gained, lost)
    if gained == lost:
        return 1.0
    logs = (
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
        for k in range(fewer + 1)
    )
    return min(1.0, 2 * math.fsum(math.exp(each - total * math.log(2)) for each in logs))
