"""How far estimates were off where the truth came, and what that allows them."""

import math
from collections.abc import Sequence

import msgspec

from trueup.gate.distributions import beta_cdf

_LATEST = 24  # windows that are looked back at
_ERRS = 0.05  # how often an estimate that is right about its band is taken to leave it too often


class PastEstimate(msgspec.Struct, frozen=True):
    """An estimate as it was made, with its band of then, and the value that was realised later."""

    estimated: float
    noise: float  # its standard error of then, from chance alone
    realised: float
    lower: float | None = None  # None: made to be tested, on the reference
    upper: float | None = None

    @property
    def error(self) -> float:
        """Return by how much it was too high."""
        return self.estimated - self.realised

    @property
    def left(self) -> bool:
        """Say whether the realised value lay outside of the band."""
        if self.lower is None or self.upper is None:
            return False
        return not self.lower <= self.realised <= self.upper


class Trust(msgspec.Struct, frozen=True):
    """Whether an estimate may trigger anything by itself, and why."""

    may_trigger: bool
    why: str
    windows: int = 0
    left: int = 0
    error: float | None = None  # root mean square of past errors
    bias: float | None = None


def beyond_chance(past: Sequence[PastEstimate]) -> float:
    """Return the standard error that past estimates had beyond chance: method of moments."""
    if not past:
        return 0.0
    squares = sum(one.error**2 - one.noise**2 for one in past) / len(past)
    return math.sqrt(max(squares, 0.0))


def past_error(tested: Sequence[PastEstimate], past: Sequence[PastEstimate]) -> float:
    """Return what is added to a band: the worse of the reference's own windows and the latest."""
    return max(beyond_chance(tested), beyond_chance(past[-_LATEST:]))


def trust(past: Sequence[PastEstimate], confidence: float = 0.95) -> Trust:
    """Return whether an estimate may trigger: not where it has left its band too often.

    Of the last 24 windows with mature labels more have left the band than one in twenty estimates
    would that are right about it (binomial). Without any such window it may, and its error is
    known from the reference alone.
    """
    latest = [one for one in past if one.lower is not None][-_LATEST:]
    count, left = len(latest), sum(one.left for one in latest)
    if not count:
        return Trust(True, "no window has mature labels yet: its error is that on the reference")
    error = math.sqrt(sum(one.error**2 for one in latest) / count)
    bias = sum(one.error for one in latest) / count
    # of so many windows, so many or more: the binomial tail as a beta integral
    rare = beta_cdf(1 - confidence, left, count - left + 1) if left else 1.0
    if rare < _ERRS:
        why = (
            f"realised values left the band in {left} of the last {count} windows, more often "
            f"than {1 - confidence:.0%} of the time: the estimate may not trigger by itself"
        )
        return Trust(False, why, count, left, error, bias)
    why = f"realised values left the band in {left} of the last {count} windows"
    return Trust(True, why, count, left, error, bias)
