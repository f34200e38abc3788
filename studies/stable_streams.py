"""Streams of daily counts in which nothing moves, however much they may seem to.

Forty columns, thirty of numbers and ten of categories, 1,000 rows a day. A day's distribution is
that of standard normals, moved by an effect of the day; the counts of its cells are drawn at once.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np

from trueup.monitoring.cells import Cells
from trueup.monitoring.multivariate import reconstruction

ROWS, NUMBERS, COLUMNS = 1000, 30, 40
_CELLS = 32
_STEP, _FARTHEST = 0.005, 6.0
_DAY = 0.1  # standard deviation of a day's effect, in those of rows: thrice a daily mean's own
_NULLS = 0.01
_JOINT_ROWS, _TIED = 100_000, 10
_NEVER = 10**9
_EDGES = np.array([NormalDist().inv_cdf(at / _CELLS) for at in range(1, _CELLS)])

Effects = Callable[[int, np.random.Generator], Any]  # days, then (days, columns)


@dataclass(frozen=True)
class Stream:
    """A stable stream: how the days' effects go, and what the columns are like."""

    name: str
    effects: Effects
    categories: int = 10
    steepness: float = 1.0  # of the categories' shares, which fall like rank to this power
    all_categories: bool = False


@dataclass(frozen=True)
class Change:
    """What is done to a day: added to effects, multiplying spreads, and moved between shares."""

    added: Any = None  # (days, columns); None: nothing
    spread: float = 1.0
    spread_from: int = _NEVER  # the first day on which spreads differ
    columns: int = COLUMNS  # so many of the first numbers spread
    untied_from: int = _NEVER  # the first day on which joint rows have nothing in common

    def moves(self, at: int) -> bool:
        """Say whether something is added to a column's effects."""
        return self.added is not None and bool(self.added[:, at].any())

    def touched(self) -> list[int]:
        """Return the columns that are not what they would be without it, the joint one last."""
        some = [
            at
            for at in range(COLUMNS)
            if self.moves(at) or (self.spread != 1.0 and at < self.columns)
        ]
        return [*some, COLUMNS] if self.untied_from < _NEVER else some


STILL = Change()


class Drawing:
    """One course of a stream; a change of some columns leaves what is drawn of others alone."""

    def __init__(self, stream: Stream, days: int, rng: np.random.Generator) -> None:
        self.stream, self.days = stream, days
        self._effects = stream.effects(days, rng)
        self._seeds = rng.integers(2**63, size=COLUMNS + 1).tolist()

    def columns(self) -> list[Cells]:
        """Return the counts of all columns but the joint one, a block a day."""
        return [self.column(at) for at in range(COLUMNS)]

    def column(self, at: int, change: Change = STILL) -> Cells:
        """Return the counts of one column; the joint one stands behind the others."""
        rng = np.random.default_rng(self._seeds[at])
        if at == COLUMNS:
            return joint(self.days, rng, change)
        added = change.added[:, at] if change.moves(at) else 0.0
        effects = self._effects[:, at] + added
        if at < NUMBERS and not self.stream.all_categories:
            return _numbers(at, effects, rng, change)
        return _categories(self.stream, at, effects, rng)


def joint(days: int, rng: np.random.Generator, change: Change = STILL) -> Cells:
    """Return the errors of reconstructing rows of ten columns that have half in common."""
    tied, untied, edges = _reconstructed()
    late = np.arange(days)[:, None] >= change.untied_from
    return Cells(
        name="reconstruction error",
        counts=rng.multinomial(ROWS, np.where(late, untied, tied)),
        missing=np.zeros(days, dtype=np.int64),
        edges=edges,
        role="joint",
    )


@lru_cache(maxsize=1)
def _reconstructed() -> tuple[Any, Any, Any]:
    """Return the shares of errors' cells of rows that are tied and of others, and the edges."""
    rng = np.random.default_rng(_TIED)
    untied = rng.normal(size=(_JOINT_ROWS, _TIED))
    common = rng.normal(size=(_JOINT_ROWS, 1))
    tied = math.sqrt(0.5) * untied + math.sqrt(0.5) * common
    fitted = reconstruction(tied[:4096])
    place = np.zeros(_JOINT_ROWS, dtype=np.int64)
    shares = [fitted.cells(rows, place, 1).counts[0] / _JOINT_ROWS for rows in (tied, untied)]
    return shares[0], shares[1], fitted.edges


def _numbers(at: int, effects: Any, rng: np.random.Generator, change: Change) -> Cells:
    near = np.rint((np.clip(effects, -_FARTHEST, _FARTHEST) + _FARTHEST) / _STEP).astype(int)
    shares = _moved(1.0)[near]
    if change.spread != 1.0 and at < change.columns:
        late = np.arange(len(effects)) >= change.spread_from
        shares = np.where(late[:, None], _moved(change.spread)[near], shares)
    missing = rng.binomial(ROWS, _NULLS, size=len(effects))
    return Cells(
        name=f"number {at}",
        counts=rng.multinomial(ROWS - missing, shares),
        missing=missing,
        edges=_EDGES,
    )


def _categories(stream: Stream, at: int, effects: Any, rng: np.random.Generator) -> Cells:
    shares = np.arange(1, stream.categories + 1) ** -stream.steepness
    moved = np.tile(shares / shares.sum(), (len(effects), 1))
    moved[:, 0] *= np.exp(effects)  # the most frequent one takes from all others
    moved /= moved.sum(axis=1, keepdims=True)
    return Cells(
        name=f"category {at}",
        counts=rng.multinomial(ROWS, moved),
        missing=np.zeros(len(effects), dtype=np.int64),
        labels=tuple(f"v{one}" for one in range(stream.categories)),
    )


@lru_cache(maxsize=8)
def _moved(spread: float) -> Any:
    """Return the shares of cells for each effect of a day, on a fine grid."""
    effects = np.arange(-_FARTHEST, _FARTHEST + _STEP, _STEP)
    z = (_EDGES[None, :] - effects[:, None]) / spread / math.sqrt(2)
    below = 0.5 * (1 + np.vectorize(math.erf)(z))
    outer = [np.zeros((len(effects), 1)), below, np.ones((len(effects), 1))]
    shares = np.maximum(np.diff(np.concatenate(outer, axis=1)), 0.0)
    return shares / shares.sum(axis=1, keepdims=True)


def following(correlation: float, days: int, columns: int, rng: np.random.Generator) -> Any:
    """Return chains of standard normals in which neighbours have a correlation."""
    steps = rng.normal(size=(days, columns))
    for day in range(1, days if correlation else 0):
        steps[day] *= math.sqrt(1 - correlation**2)
        steps[day] += correlation * steps[day - 1]
    return steps


@dataclass(frozen=True)
class Chain:
    """Effects of days that follow each other, each column by itself but for a common share."""

    correlation: float
    size: float = _DAY
    common: float = 0.0

    def __call__(self, days: int, rng: np.random.Generator) -> Any:
        """Return the effects, (days, columns)."""
        own = following(self.correlation, days, COLUMNS, rng)
        all_alike = following(self.correlation, days, 1, rng)
        return self.size * (math.sqrt(1 - self.common) * own + math.sqrt(self.common) * all_alike)


def _none(days: int, rng: np.random.Generator) -> Any:
    return np.zeros((days, COLUMNS))


def _heavy(days: int, rng: np.random.Generator) -> Any:
    return _DAY * rng.standard_t(2.5, size=(days, COLUMNS))


def _weekly(days: int, rng: np.random.Generator) -> Any:
    weekend = (np.arange(days) % 7 >= 5)[:, None]
    return Chain(0.0)(days, rng) + 0.3 * weekend


def _yearly(days: int, rng: np.random.Generator) -> Any:
    turn = np.arange(days)[:, None] / 365 + rng.random(COLUMNS)
    return Chain(0.0)(days, rng) + 0.3 * np.sin(2 * math.pi * turn)


def _one_slow(days: int, rng: np.random.Generator) -> Any:
    effects = np.zeros((days, COLUMNS))
    effects[:, :1] = _DAY * following(0.99, days, 1, rng)
    return effects


INDEPENDENT = Stream("independent", _none)
DAY_EFFECTS = Stream("day effects", Chain(0.0))
HALF = Stream("autocorrelated 0.5", Chain(0.5))
LOUD = Stream("autocorrelated 0.5, thrice as large", Chain(0.5, 0.3))
CLOSE = Stream("autocorrelated 0.9", Chain(0.9))
CLOSEST = Stream("autocorrelated 0.99", Chain(0.99))
FAINT = Stream("faintly autocorrelated 0.99", Chain(0.99, 0.02))
WEEKLY = Stream("weekly season", _weekly)
YEARLY = Stream("yearly season", _yearly)
CORRELATED = Stream("correlated columns", Chain(0.0, common=0.9))
CORRELATED_HALF = Stream("correlated columns, autocorrelated 0.5", Chain(0.5, common=0.9))
HEAVY = Stream("heavy tails", _heavy)
RARE = Stream("rare categories", _none, categories=200, steepness=1.6, all_categories=True)
ONE_SLOW = Stream("one column of 40 autocorrelated 0.99", _one_slow)
