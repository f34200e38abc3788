"""The alarm rule played over scores: incidents that start, and how many a promise spares."""

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trueup.monitoring.calibration.records import Rule

    Floats = NDArray[np.float64]

_PLAYED = 200_000  # checks of an invented future
_SEED = 20270301


def alarms(exceeded: "NDArray[np.bool_]", rule: "Rule") -> "NDArray[np.bool_]":
    """Return at which checks the rule alarms; time is the last axis."""
    if rule.of == 1:
        return exceeded
    sums = np.cumsum(exceeded, axis=-1, dtype=np.int32)
    before = np.zeros_like(sums)
    before[..., rule.of :] = sums[..., : -rule.of]
    found: NDArray[np.bool_] = (sums - before >= rule.hits) & exceeded
    return found


def started(alarmed: "NDArray[np.bool_]", quiet: int) -> "NDArray[np.int64]":
    """Return how many incidents start: alarms with none in the quiet checks before them."""
    sums = np.cumsum(alarmed, axis=-1, dtype=np.int32)
    before = np.zeros_like(sums)
    before[..., 1:] = sums[..., :-1]
    long_ago = np.zeros_like(sums)
    long_ago[..., quiet + 1 :] = sums[..., : -quiet - 1]
    found: NDArray[np.int64] = (alarmed & (before == long_ago)).sum(axis=-1)
    return found


def spared(expected: float, confidence: float) -> int:
    """Return how many incidents a reference may show above a threshold that keeps a promise.

    The largest k such that, were as many expected, k or fewer would be as rare as 1 - confidence
    (Poisson); -1 where even none would not be rare.

    >>> spared(365 / 90, 0.9), spared(90 / 90, 0.9)
    (1, -1)
    """
    term = total = math.exp(-expected)
    k = 0
    while total <= 1 - confidence:
        k += 1
        term *= expected / k
        total += term
    return k - 1


def spared_of(count: int, share: float, confidence: float) -> int:
    """Return the same of so many independent stretches of which a share exceeds (binomial).

    >>> spared_of(60, 0.077, 0.9)
    1
    """
    inside = min(max(share, 1e-12), 1 - 1e-12)
    term = total = (1 - inside) ** count
    k = 0
    while total <= 1 - confidence and k < count:
        k += 1
        term *= (count - k + 1) / k * inside / (1 - inside)
        total += term
    return k - 1


def expected_before_silence_counts(confidence: float) -> float:
    """Return how many incidents must be expected before their absence says anything."""
    return -math.log(1 - confidence)


def lowest(scores: "Floats", rule: "Rule", allowed: float) -> float:
    """Return the lowest threshold whose exceedances start no more incidents than allowed.

    ``scores`` are (futures, checks); allowed is the mean over futures.
    """
    candidates = np.unique(scores)[::-1]
    low, high, step = 0, len(candidates), 1  # candidates[low] is allowed, candidates[high] is not
    while low + step < high:
        if _count(scores, candidates[low + step], rule) <= allowed:
            low, step = low + step, step * 2
        else:
            high = low + step
            step = max((high - low) // 2, 1)
    return float(candidates[low])


def _count(scores: "Floats", at: float, rule: "Rule") -> float:
    return float(started(alarms(scores > at, rule), rule.quiet).mean())


def stretches(scores: "Floats", length: int) -> "Floats":
    """Return the scores cut into stretches of a length; what is left over at the start is cut."""
    many = len(scores) // length
    return scores[len(scores) - many * length :].reshape(many, length)


def futures(cut: "Floats", rule: "Rule") -> "Floats":
    """Return invented futures, a row each: stretches drawn one after the other."""
    many, length = cut.shape
    span = -(-50 * (rule.quiet + rule.of) // length)
    count = -(-_PLAYED // (span * length))
    drawn = np.random.default_rng([_SEED, many]).integers(0, many, size=(count, span))
    return cut[drawn].reshape(count, span * length)


def chance_of_one(rate: float, rule: "Rule") -> float:
    """Return how often independent windows may exceed for so many incidents a check."""
    even = np.random.default_rng(_SEED).random((100, _PLAYED // 100))
    return 1 - lowest(even, rule, rate * even.shape[1])


def share_of_stretches(rate: float, rule: "Rule", length: int, following: float) -> float:
    """Return how many stretches may exceed for so many incidents a check.

    Of windows that correlate with the one before (a normal process of the first order): what
    exceeds then comes in company, so that less of it makes an incident of two in three.
    """
    if following <= 0:
        return 1 - (1 - chance_of_one(rate, rule)) ** length
    steps = np.random.default_rng(_SEED).standard_normal((_PLAYED // 100, 100))
    fresh = math.sqrt(1 - following**2)
    for at in range(1, len(steps)):
        steps[at] = following * steps[at - 1] + fresh * steps[at]
    played = steps.T
    limit = lowest(played, rule, rate * played.shape[1])
    whole = played[:, : played.shape[1] // length * length]
    return float((whole.reshape(-1, length).max(axis=1) > limit).mean())
