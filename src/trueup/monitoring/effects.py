"""How far a window is from its reference: effects, what chance adds to them, and what is sure.

Without drift an effect is not 0 but grows with the number of cells and falls with that of rows
(Jensen-Shannon is 0.5 on 1,000 categories and 1,000 rows). So the mean that chance has is
subtracted on the squared scale, and what is compared with a limit is a lower bound of the rest.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import msgspec
import numpy as np

from trueup.errors import WrongUsage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Effect: TypeAlias = Literal[
    "jensen_shannon", "psi", "wasserstein", "ks", "chi_squared", "hellinger", "l_infinity"
]
LEAST_EXPECTED = 5.0  # rows in a cell, below which it is pooled
_FLOOR = 1e-4  # of a share under a logarithm or a fraction line, as is usual for PSI
_DRAWS = 400  # of a distance without a formula for its mean by chance
_SURELY = 1.6448536269514722  # one-sided, 95 %
_ORDERED: tuple[Effect, ...] = ("wasserstein", "ks")
# Near no drift these are (so much) times the sum of (q - p)^2 / p.
_CURVED: dict[str, float] = {
    "jensen_shannon": 1 / (8 * math.log(2)),
    "psi": 1.0,
    "chi_squared": 1.0,
    "hellinger": 1 / 8,
}


class Sample(msgspec.Struct, frozen=True):
    """The shares of cells, and of how many rows they are."""

    shares: "Floats"
    rows: float


class Ruler(msgspec.Struct, frozen=True):
    """One effect on one column: which cells are pooled, and what chance adds.

    The moments by chance are those of the squared effect, times rows: divided by the rows of the
    window, and of the reference, they add up.
    """

    effect: Effect
    groups: "NDArray[np.int64]"  # each cell's group
    widths: "Floats | None"  # of ordered cells, in scales of the reference
    balance: float  # the reference's part of all rows
    mean: float
    spread: float
    slope: float  # how much of its variance grows with the effect itself

    @property
    def is_drawn(self) -> bool:
        """Say whether its moments by chance were drawn, there being no formula."""
        return self.effect not in _CURVED

    def square(self, expected: "Floats", found: "Floats") -> "Floats":
        """Return squared effects of shares, (windows, cells) each."""
        p, q = self._pooled(expected), self._pooled(found)
        if self.effect in _FROM_DIFFERENCES:
            return _FROM_DIFFERENCES[self.effect](q - p, self.widths)
        if self.effect == "chi_squared":
            return _chi_squared(q - p, self.balance * p + (1 - self.balance) * q)
        return _SQUARES[self.effect](p, q)

    def _pooled(self, shares: "Floats") -> "Floats":
        if int(self.groups.max(initial=0)) + 1 == shares.shape[-1]:
            return shares
        order = np.argsort(self.groups, kind="stable")
        starts = np.flatnonzero(np.diff(self.groups[order], prepend=-1))
        pooled: Floats = np.add.reduceat(shares[..., order], starts, axis=-1)
        return pooled

    def shown(self, square: float) -> float:
        """Return the effect as it is known, of its square; never below 0."""
        inside = max(square, 0.0)
        return inside if self.effect == "psi" else math.sqrt(inside)


class Shift(msgspec.Struct, frozen=True):
    """How far one window is: as measured, less what chance adds, and at least."""

    effect: Effect
    raw: float
    corrected: float
    lower: float


def ruler(
    effect: Effect,
    reference: Sample,
    window: Sample,
    edges: "Floats | None" = None,
    chance: tuple[float, float] | None = None,
) -> Ruler:
    """Return how to measure a window against a reference.

    Cells of which either, if nothing has moved, holds fewer than five rows are pooled: neighbours
    where cells are ordered, else all of them together. What is rare is decided by both together,
    since a cell that is picked for being rare in one of them alone is not as rare as it looks.
    Without an order Jensen-Shannon takes the place of Wasserstein and KS. ``chance`` is what an
    earlier ruler of the same column drew as its mean and spread.
    """
    if effect not in get_args(Effect):
        raise WrongUsage(
            f"there is no effect named {effect!r}",
            remedy=f"Name one of: {', '.join(get_args(Effect))}",
        )
    if edges is None and effect in _ORDERED:
        effect = "jensen_shannon"
    total = max(reference.rows + window.rows, 1.0)
    balance = reference.rows / total
    both = balance * reference.shares + (1 - balance) * window.shares
    fewer = min(reference.rows, window.rows)
    if effect in _ORDERED:  # they need no pooling
        groups = np.arange(len(both))
    else:
        groups = (
            _rare(both, fewer)
            if edges is None
            else pooled_neighbours(both, LEAST_EXPECTED / max(fewer, 1.0))
        )
    widths = _widths(reference.shares, edges) if edges is not None else None
    pooled: Floats = np.bincount(groups, both).astype(np.float64)
    if effect in _CURVED:
        free, slope = max(int((pooled > 0).sum()) - 1, 0), _CURVED[effect]
        mean, spread = slope * free, slope * math.sqrt(2 * free)
    else:
        mean, spread = chance or _drawn(effect, pooled, widths)
        slope = mean
    return Ruler(effect, groups, widths, balance, mean, spread, slope)


class Beyond(msgspec.Struct, frozen=True):
    """What windows have beyond the chance of rows without any drift: days that differ."""

    mean: float = 0.0  # of the squared effect
    spread: float = 0.0


NOTHING_BEYOND = Beyond()


def shift(measure: Ruler, square: float, rows: float, reference_rows: float, days: Beyond) -> Shift:
    """Return a window's effect with what is sure of it; the bound holds at 95 %."""
    chance = 1 / max(rows, 1.0) + 1 / max(reference_rows, 1.0)
    left = square - chance * measure.mean - days.mean
    inside = max(left, 0.0)
    grows = 4 * inside * (measure.slope * chance + days.mean)
    wide = math.sqrt((chance * measure.spread) ** 2 + days.spread**2 + grows)
    return Shift(
        measure.effect,
        measure.shown(square),
        measure.shown(left),
        measure.shown(left - _SURELY * wide),
    )


def beyond(measure: Ruler, squares: "Floats", rows: "Floats", reference_rows: float) -> Beyond:
    """Return what the reference's own windows have beyond the chance of rows."""
    if not len(squares):
        return NOTHING_BEYOND
    chance = 1 / np.maximum(rows, 1.0) + 1 / max(reference_rows, 1.0)
    mean = max(0.0, float((squares - chance * measure.mean).mean()))
    variance = float(squares.var()) - float((chance * measure.spread).mean()) ** 2
    return Beyond(mean, math.sqrt(max(variance, 0.0)) if mean else 0.0)


def grid_error(effect: Effect, expected: "Floats") -> float:
    """Return by how much at most cells hide of a KS distance: the largest share of one cell."""
    return float(expected.max(initial=0.0)) if effect == "ks" else 0.0


def _rare(expected: "Floats", rows: float) -> "NDArray[np.int64]":
    """Pool what is rare into one group of its own, however little it holds: all that is new."""
    rare = expected * rows < LEAST_EXPECTED
    first = int(rare.any())
    found: NDArray[np.int64] = np.where(rare, 0, first + np.cumsum(~rare) - 1)
    return found


def pooled_neighbours(shares: "Floats", least: float) -> "NDArray[np.int64]":
    """Return each cell's group: neighbours with less than a share are pooled until they have it.

    What has it stands by itself, so that what moves from the only filled cell to the next is seen.
    """
    groups, group, held = np.zeros(len(shares), dtype=np.int64), -1, math.inf
    for at, share in enumerate(shares.tolist()):
        if share >= least or held >= least:
            group, held = group + 1, 0.0
        groups[at] = group
        held += share
    return groups


def _widths(expected: "Floats", edges: "Floats") -> "Floats":
    """Return the cells' widths in the reference's interquartile ranges; open ends have none."""
    below = np.cumsum(expected)[:-1]
    finite = np.isfinite(edges)
    low, high = np.interp([0.25, 0.75], below[finite], edges[finite]) if finite.any() else (0, 0)
    scale = float(high - low)
    inner = np.diff(np.where(finite, edges, 0.0))
    inner[~(finite[1:] & finite[:-1])] = 0.0
    if scale <= 0:
        middle = edges[finite]
        weights = expected[:-1][finite]
        total = float(weights.sum())
        mean = float(weights @ middle) / total if total > 0 else 0.0
        scale = math.sqrt(float(weights @ (middle - mean) ** 2) / total) if total > 0 else 0.0
    return inner / scale if scale > 0 else np.zeros_like(inner)


def _drawn(effect: Effect, shares: "Floats", widths: "Floats | None") -> tuple[float, float]:
    """Return mean and spread of a squared distance by chance, times rows, from normal draws."""
    rng = np.random.default_rng(len(shares))
    roots = np.sqrt(shares)
    noise = rng.normal(size=(_DRAWS, len(shares)))
    off = roots * (noise - np.outer(noise @ roots, roots))
    squares = _FROM_DIFFERENCES[effect](off, widths)
    return float(squares.mean()), float(squares.std())


def _jensen_shannon(p: "Floats", q: "Floats") -> "Floats":
    middle = (p + q) / 2
    both: Floats = (_entropic(p, middle) + _entropic(q, middle)).sum(axis=-1) / (2 * math.log(2))
    return np.maximum(both, 0.0)


def _entropic(p: "Floats", middle: "Floats") -> "Floats":
    ratio = np.divide(p, middle, out=np.ones_like(middle), where=(middle > 0) & (p > 0))
    found: Floats = p * np.log(ratio)
    return found


def _psi(p: "Floats", q: "Floats") -> "Floats":
    p, q = np.maximum(p, _FLOOR), np.maximum(q, _FLOOR)
    found: Floats = ((q - p) * np.log(q / p)).sum(axis=-1)
    return found


def _hellinger(p: "Floats", q: "Floats") -> "Floats":
    found: Floats = ((np.sqrt(q) - np.sqrt(p)) ** 2).sum(axis=-1) / 2
    return found


def _chi_squared(off: "Floats", usual: "Floats") -> "Floats":
    found: Floats = (off**2 / np.maximum(usual, _FLOOR)).sum(axis=-1)
    return found


def _ks(off: "Floats", widths: "Floats | None") -> "Floats":
    found: Floats = np.abs(np.cumsum(off, axis=-1)).max(axis=-1) ** 2
    return found


def _l_infinity(off: "Floats", widths: "Floats | None") -> "Floats":
    found: Floats = np.abs(off).max(axis=-1) ** 2
    return found


def _wasserstein(off: "Floats", widths: "Floats | None") -> "Floats":
    """Return the squared area between two distribution functions, straight between edges."""
    if widths is None or not len(widths):
        return np.zeros(off.shape[:-1])
    apart = np.abs(np.cumsum(off, axis=-1)[..., :-1])
    found: Floats = ((apart[..., 1:] + apart[..., :-1]) @ widths / 2) ** 2
    return found


_SQUARES: dict[str, Callable[["Floats", "Floats"], "Floats"]] = {
    "jensen_shannon": _jensen_shannon,
    "psi": _psi,
    "hellinger": _hellinger,
}
_FROM_DIFFERENCES: dict[str, Callable[["Floats", "Floats | None"], "Floats"]] = {
    "wasserstein": _wasserstein,
    "ks": _ks,
    "l_infinity": _l_infinity,
}
