"""One-sided bounds of an estimate, and how likely so little is if the truth is a limit."""

import math
from dataclasses import dataclass
from typing import Protocol

from trueup.gate.arrays import Floats, np
from trueup.gate.auc import newcombe
from trueup.gate.distributions import beta_cdf, normal_quantile, t_quantile, t_tail
from trueup.gate.following import Waves
from trueup.gate.proportions import clopper_pearson, tango, tango_tail
from trueup.gate.resampling import BEYOND

# Of the error declared, approximate methods spend this share; the rest covers by how much they
# err on small and skewed samples, as studies/study_gate_error_rates.py measures.
SPENT = 0.8


class Bounds(Protocol):
    """An estimate with its uncertainty. ``lower`` and ``upper`` err at most alpha each."""

    @property
    def estimate(self) -> float:
        """The value measured."""
        ...

    @property
    def se(self) -> float:
        """Its standard error."""
        ...

    def reach(self, alpha: float) -> float:
        """Return about how far either bound lies from the estimate."""
        ...

    def between(self, alpha: float) -> tuple[float, float, str]:
        """Return the lower bound, the upper bound, and the method in words."""
        ...

    def tail(self, limit: float) -> float:
        """Return how likely so little or less is if the truth is the limit: evidence of harm."""
        ...


@dataclass(frozen=True)
class Share:
    """A proportion of independent rows."""

    hits: int
    rows: int

    @property
    def estimate(self) -> float:
        """The share of hits."""
        return self.hits / self.rows

    @property
    def se(self) -> float:
        """The standard error, of two more hits and two more misses so that it is never zero."""
        share = (self.hits + 2) / (self.rows + 4)
        return math.sqrt(share * (1 - share) / self.rows)

    def reach(self, alpha: float) -> float:
        """Return the half width that a normal has."""
        return normal_quantile(1 - SPENT * alpha) * self.se

    def between(self, alpha: float) -> tuple[float, float, str]:
        """Return Clopper and Pearson's bounds."""
        return (*clopper_pearson(self.hits, self.rows, alpha), "Clopper-Pearson")

    def tail(self, limit: float) -> float:
        """Return the exact binomial tail."""
        if self.hits == self.rows:
            return 1.0
        return 1 - beta_cdf(limit, self.hits + 1, self.rows - self.hits)


@dataclass(frozen=True)
class PairedShares:
    """The difference of two proportions of the same independent rows."""

    gained: int
    lost: int
    rows: int

    @property
    def estimate(self) -> float:
        """The difference."""
        return (self.gained - self.lost) / self.rows

    @property
    def se(self) -> float:
        """The standard error at the estimate."""
        return math.sqrt((self.gained + self.lost) / self.rows - self.estimate**2) / math.sqrt(
            self.rows
        )

    def reach(self, alpha: float) -> float:
        """Return the half width that a normal has."""
        return normal_quantile(1 - SPENT * alpha) * self.se

    def between(self, alpha: float) -> tuple[float, float, str]:
        """Return Tango's bounds."""
        return (*tango(self.gained, self.lost, self.rows, SPENT * alpha), "Tango")

    def tail(self, limit: float) -> float:
        """Return the tail of Tango's statistic."""
        return min(1.0, tango_tail(self.gained, self.lost, self.rows, limit) / SPENT)


@dataclass(frozen=True)
class Area:
    """A ROC area, on the logit scale so that no bound leaves 0 and 1."""

    estimate: float
    se: float
    df: float
    method: str
    plain: "Sample | None" = None  # neither bound is then narrower than its
    few: tuple[int, int] | None = None  # events and others, where events are few

    def reach(self, alpha: float) -> float:
        """Return the half width, not yet on the logit scale."""
        half = t_quantile(1 - SPENT * alpha, self.df) * self.se
        return half if self.plain is None else max(half, self.plain.reach(alpha))

    def between(self, alpha: float) -> tuple[float, float, str]:
        """Return bounds by the delta method."""
        half = t_quantile(1 - SPENT * alpha, self.df) * self.se
        lower, upper = _on_logits(self.estimate, -half), _on_logits(self.estimate, half)
        if self.plain is None:
            return lower, upper, f"{self.method}, logit scale"
        low, high, method = self.plain.between(alpha)
        if self.few is not None:
            near = newcombe(self.estimate, *self.few, normal_quantile(1 - SPENT * alpha))
            low, high, method = min(low, near[0]), max(high, near[1]), f"{method}, Newcombe"
        return max(0.0, min(lower, low)), min(1.0, max(upper, high)), method

    def tail(self, limit: float) -> float:
        """Return a t tail."""
        mine = t_tail((limit - self.estimate) / self.se, self.df) / SPENT
        return min(1.0, mine if self.plain is None else max(mine, self.plain.tail(limit)))


def _grown(share: float) -> float:
    return math.expm1(share) if share < 100 else math.inf


def _on_logits(share: float, half: float) -> float:
    """Return a share moved by so much on its own scale, as far as the logit scale takes it."""
    inside = min(max(share, 1e-9), 1 - 1e-9)
    moved = math.log(inside / (1 - inside)) + half / (inside * (1 - inside))
    return 1 / (1 + math.exp(-moved)) if moved > -700 else 0.0


@dataclass(frozen=True)
class Sample:
    """An estimate from blocks: Student's t, made wider for skewness where that errs.

    ``studentised`` are (resampled - estimate) / its own standard error, sorted, what is undefined
    left out and counted in ``undefined``. Where 100 of them lie beyond the bound it is the more
    cautious of t and resamples; further out t is stretched as they stretch it where 100 do.
    """

    estimate: float
    se: float
    df: float
    skew: float  # of the blocks' pseudo-values
    blocks: int
    method: str
    studentised: Floats | None = None
    undefined: int = 0
    bias: float = 0.0  # either bound starts from the more cautious of with and without
    slow: Waves | None = None  # of days: neither bound is then narrower than slow waves have it
    worth: float = math.inf  # so many blocks stand for themselves
    hidden: float = 0.0  # skewness that so few may hide, towards what is worse
    room: float = 0.0  # to what cannot be better, below zero where that is below; 0: no such place

    def reach(self, alpha: float) -> float:
        """Return the more cautious half width of Student's t and of slow waves."""
        plain = t_quantile(1 - SPENT * alpha, self.df) * self.se
        if self.slow is None:
            return plain
        return max(plain, t_quantile(1 - SPENT * alpha, self.slow.df) * self.slow.se)

    def between(self, alpha: float) -> tuple[float, float, str]:
        """Return the bounds; never narrower than Student's t."""
        wide = self.reach(alpha) / self.se
        alpha *= SPENT
        low, high = sorted((self.estimate, self.estimate - self.bias))
        t = t_quantile(1 - alpha, self.df)
        shift = self.skew * (2 * t * t + 1) / (6 * math.sqrt(self.blocks))
        unseen = self.hidden * (2 * t * t + 1) / (6 * math.sqrt(self.worth))
        up = wide + max(0.0, -shift) + max(0.0, -unseen)
        down = wide + max(0.0, shift) + max(0.0, unseen)
        method = f"{self.method}, Student's t with {self.df:.4g} degrees of freedom"
        if self.studentised is not None:
            count = len(self.studentised) + self.undefined
            read = max(alpha, BEYOND / count)
            stretch = t / t_quantile(1 - read, self.df)
            up = max(up, self._quantile(1 - read) * stretch)
            down = max(down, -self._quantile(read) * stretch)
            method += f", {count} resamples"
        return *self._on_ratios(low - up * self.se, high + down * self.se), method

    def _on_ratios(self, lower: float, upper: float) -> tuple[float, float]:
        """Return the bounds with the worse of them as wide as a scale of ratios has it."""
        room = abs(self.room)
        if self.room > 0:
            lower = self.estimate - room * _grown((self.estimate - lower) / room)
        elif self.room < 0:
            upper = self.estimate + room * _grown((upper - self.estimate) / room)
        return lower, upper

    def _quantile(self, share: float) -> float:
        """Return a quantile of the resamples; the undefined ones lie beyond it on either side."""
        values = self.studentised
        if values is None:
            return 0.0
        place = math.ceil(share * (len(values) + self.undefined + 1)) - 1
        place -= self.undefined if share < 0.5 else 0
        if not 0 <= place < len(values):
            return math.copysign(math.inf, share - 0.5)
        return float(values[place])

    def tail(self, limit: float) -> float:
        """Return the t tail, with what skewness adds to it."""
        t = (self.estimate - limit) / self.se
        density = math.exp(-t * t / 2) / math.sqrt(2 * math.pi)
        added = max(0.0, self.skew) * (2 * t * t + 1) / (6 * math.sqrt(self.blocks)) * density
        plain = t_tail(-t, self.df)
        if self.slow is not None:
            plain = max(plain, t_tail(-t * self.se / self.slow.se, self.slow.df))
        return min(1.0, (plain + added) / SPENT)


def detectable(bounds: Bounds, alpha: float, power: float = 0.8) -> float:
    """Return the smallest true distance from the limit that the gate finds so often."""
    return bounds.reach(alpha) + normal_quantile(power) * bounds.se


def rows_to_decide(bounds: Bounds, limit: float, rows: int, alpha: float) -> int | None:
    """Return how many rows would decide with power 0.8 if the truth is what was measured.

    None where the estimate lies on the limit: no number of rows decides that.
    """
    gap = abs(bounds.estimate - limit)
    needed = rows * (detectable(bounds, alpha) / gap) ** 2 if gap > 0 else math.inf
    return math.ceil(max(needed, rows + 1)) if needed < 1e12 else None


def power_at(bounds: Bounds, true: float, limit: float, alpha: float) -> float:
    """Return how often the gate passes if the true value is what is said."""
    z = (true - limit - bounds.reach(alpha)) / bounds.se
    return 1 - t_tail(z, math.inf)


def studentise(values: Floats, estimate: float, errors: Floats) -> tuple[Floats, int]:
    """Return sorted studentised resamples and the count of those that are undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        each = (values - estimate) / errors
    there = each[np.isfinite(each)]
    return np.sort(there), len(each) - len(there)
