"""The normal, Student's t and beta distributions: tails and quantiles, without SciPy."""

import math
from functools import lru_cache
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300
_NORMAL_FROM = 1e6  # degrees of freedom from which t and normal agree to 1e-5 of either


def normal_cdf(z: float) -> float:
    """Return the share of a standard normal that lies below z."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


@lru_cache(maxsize=256)
def normal_quantile(share: float) -> float:
    """Return the point below which a share of a standard normal lies."""
    return _NORMAL.inv_cdf(share)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function, by its continued fraction (DLMF 8.17.22).

    >>> round(beta_cdf(0.5, 2, 3), 10)
    0.6875
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on this side only
        return 1.0 - beta_cdf(1 - x, b, a)
    front = math.exp(_log_front(x, a, b)) / a
    return min(1.0, front * _fraction(x, a, b))


def _log_front(x: float, a: float, b: float) -> float:
    gammas = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return gammas + a * math.log(x) + b * math.log1p(-x)


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction by Lentz's method; O(sqrt(max(a, b))) steps."""
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 100_000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + step * d)
            c = _away_from_zero(1 + step / c)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


@lru_cache(maxsize=4096)
def beta_quantile(share: float, a: float, b: float) -> float:
    """Return the point below which a share of a beta lies: Newton's steps inside a bracket."""
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(200):
        off = beta_cdf(x, a, b) - share
        low, high = (low, x) if off > 0 else (x, high)
        slope = math.exp(_log_front(x, a, b)) / (x * (1 - x))
        step = x - off / slope if slope > 0 else -1.0
        after = step if low < step < high else (low + high) / 2
        if abs(after - x) <= 1e-14 * max(x, 1e-3):
            return after
        x = after
    return x


def t_tail(t: float, df: float) -> float:
    """Return the share of Student's t that lies above t."""
    if df >= _NORMAL_FROM:
        return normal_cdf(-t)
    half = 0.5 * beta_cdf(df / (df + t * t), df / 2, 0.5)
    return half if t >= 0 else 1 - half


@lru_cache(maxsize=4096)
def t_quantile(share: float, df: float) -> float:
    """Return the point below which a share of Student's t lies.

    >>> round(t_quantile(0.95, 7), 6)
    1.894579
    """
    if df >= _NORMAL_FROM:
        return normal_quantile(share)
    if share < 0.5:
        return -t_quantile(1 - share, df)
    tail = min(2 * (1 - share), 1.0)
    if tail >= 1:
        return 0.0
    x = beta_quantile(1 - tail, 0.5, df / 2)  # of t*t / (df + t*t), which keeps small t exact
    return math.sqrt(df * x / (1 - x)) if x < 1 else math.inf
