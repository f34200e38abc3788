"""Sums that do not depend on the order: whole steps of a fixed size, in two limbs.

A value enters the first moment as whole steps of ``2**exponent`` from the track's origin, cut
off at ``2**34`` steps; the square enters as whole steps of ``2**(2 * exponent + 32)``. Sums of
65,536 such numbers are exact in a double, and adding whole numbers is associative. What that
costs is stated: a reference's spread is ``2**24`` to ``2**25`` steps, so a mean is off by less
than its three-millionth part, a standard deviation by less than a ten-thousandth; what is more
than 500 spreads away counts as if it were there.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SPREAD_BITS = 24  # steps of a reference's spread
_MOST = 2.0**34
_SQUARE = 2.0**-16  # of a step, before it is squared
_LIMB = 32


def exponent_of(spread: float) -> int:
    """Return the size of a step, as a power of two, for numbers that spread so far."""
    return max(-900, int(np.ceil(np.log2(spread)))) - SPREAD_BITS if spread > 0 else -SPREAD_BITS


def steps(
    values: NDArray[np.float64], origin: float, exponent: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the values and their squares as whole steps; values are finite."""
    with np.errstate(over="ignore"):
        first = values - origin
        first *= 2.0**-exponent
    np.rint(first, out=first)
    if len(first) and max(first.max(), -first.min()) > _MOST:
        np.clip(first, -_MOST, _MOST, out=first)
    second = first * _SQUARE
    second *= second
    return first, np.rint(second, out=second)


def limbs(total: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return whole doubles as two limbs each, in a further axis."""
    return carried(np.stack([np.zeros(total.shape, np.int64), total.astype(np.int64)], axis=-1))


def carried(sums: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return limbs whose lower one is within 32 bits, so that equal sums are equal limbs."""
    upper = sums[..., 0] + (sums[..., 1] >> _LIMB)
    return np.stack([upper, sums[..., 1] & ((1 << _LIMB) - 1)], axis=-1)


def moments(sums: NDArray[Any], rows: int, origin: float, exponent: int) -> tuple[float, float]:
    """Return mean and standard deviation (of the rows themselves) from their limbs."""
    if not rows:
        return float("nan"), float("nan")
    first, second = ((int(upper) << _LIMB) + int(lower) for upper, lower in sums)
    mean = first / rows
    variance = max(0.0, (second / rows) * _SQUARE**-2 - mean * mean)
    step = 2.0**exponent
    return origin + mean * step, variance**0.5 * step
