"""A small boosting of trees on histograms, in NumPy alone.

It gives the density ratio of M-CBPE and the losses of DLE. Both want a smooth function of mixed
columns, not the last digit: complete trees on 128 cells a column are as good as LightGBM on the
data that NannyML shows DLE with, come out the same on every machine, and need nothing installed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from trueup.gate.arrays import Floats, NDArray, Whole, np

Goal: TypeAlias = Literal["mean", "share"]
BINS = 128
_MISSING = BINS - 1  # the cell of what is not there
_SEED = 20270403
_PULL = 1.0  # towards zero, of each leaf


@dataclass(frozen=True)
class Settings:
    """How much is learnt."""

    goal: Goal = "mean"
    trees: int = 100
    levels: int = 3
    rate: float = 0.1
    least: float = 20.0  # rows (of shares: their information) in a leaf
    share: float = 1.0  # of the rows that each tree learns from, drawn anew (Friedman 2002)


@dataclass(frozen=True)
class Coding:
    """How columns become cells: bounds of numbers, or cells of values."""

    bounds: Mapping[str, Floats]
    values: Mapping[str, Mapping[Any, int]]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns in the order of their cells."""
        return (*self.bounds, *self.values)

    def cells(self, columns: Mapping[str, NDArray[Any]]) -> Whole:
        """Return (rows, columns) cells; what the coding has not seen is as if missing."""
        coded = []
        for name in self.names:
            if name in self.bounds:
                numbers = columns[name].astype(np.float64)
                place = np.searchsorted(self.bounds[name], numbers, side="right")
                coded.append(np.where(np.isnan(numbers), _MISSING, place))
            else:
                known, codes = np.unique(_named(columns[name]), return_inverse=True)
                mapped = [self.values[name].get(each, _MISSING) for each in known.tolist()]
                coded.append(np.array(mapped, dtype=np.int64)[codes.reshape(-1)])
        return np.stack(coded, axis=1).astype(np.int64)


def coding(columns: Mapping[str, NDArray[Any]], goal: Floats) -> Coding:
    """Return how columns are coded: numbers by quantiles, values in the order of their mean goal.

    Means are drawn towards the overall one, so that rare values do not tell the goal by heart.
    """
    bounds: dict[str, Floats] = {}
    values: dict[str, dict[Any, int]] = {}
    for name, column in columns.items():
        if column.dtype.kind in "fiub":
            numbers = column.astype(np.float64)
            there = numbers[np.isfinite(numbers)]
            shares = np.linspace(0, 1, BINS - 1)[1:-1]
            bounds[name] = np.unique(np.quantile(there, shares)) if len(there) else np.empty(0)
        else:
            values[name] = _ordered(_named(column), goal)
    return Coding(bounds, values)


def _named(column: NDArray[Any]) -> NDArray[Any]:
    return np.array([str(each) for each in column.tolist()]) if column.dtype == object else column


def _ordered(column: NDArray[Any], goal: Floats) -> dict[Any, int]:
    known, codes = np.unique(column, return_inverse=True)
    rows = np.bincount(codes.reshape(-1), minlength=len(known))
    mean = (np.bincount(codes.reshape(-1), goal, len(known)) + 20 * goal.mean()) / (rows + 20)
    ranks = np.argsort(np.argsort(mean, kind="stable"), kind="stable")
    width = -(-len(known) // (BINS - 1))
    return dict(zip(known.tolist(), (ranks // width).tolist(), strict=True))


@dataclass(frozen=True)
class Trees:
    """What was learnt: complete trees, their nodes in the order of levels."""

    coding: Coding
    goal: Goal
    start: float
    columns: Whole  # (trees, inner nodes)
    bounds: Whole  # a row goes right where its cell is larger
    leaves: Floats

    def at(self, columns: Mapping[str, NDArray[Any]]) -> Floats:
        """Return the mean, or the share, that is expected of each row."""
        cells = self.coding.cells(columns)
        raw = np.full(len(cells), self.start)
        for split, bound, leaf in zip(self.columns, self.bounds, self.leaves, strict=True):
            raw += leaf[_landed(cells, split, bound)]
        return _share(raw) if self.goal == "share" else raw


def learnt(
    columns: Mapping[str, NDArray[Any]], goal: Floats, settings: Settings, weights: Floats
) -> Trees:
    """Return trees that give the mean of a goal, or the share of rows whose goal is 1."""
    coded = coding(columns, goal)
    cells = coded.cells(columns)
    mean = float((goal * weights).sum() / weights.sum())
    start = float(np.log(mean / (1 - mean))) if settings.goal == "share" else mean
    raw = np.full(len(goal), start)
    made = []
    random = np.random.default_rng([_SEED, len(goal)])
    for _ in range(settings.trees):
        said = _share(raw) if settings.goal == "share" else raw
        slope = weights * (goal - said)
        bend = weights * (said * (1 - said)) if settings.goal == "share" else weights
        if settings.share < 1:
            some = random.random(len(goal)) < settings.share
            made.append(_grown(cells[some], slope[some], bend[some], settings))
        else:
            made.append(_grown(cells, slope, bend, settings))
        split, bound, leaf = made[-1]
        raw += leaf[_landed(cells, split, bound)]
    splits, bounds, leaves = (np.array([one[k] for one in made]) for k in range(3))
    return Trees(coded, settings.goal, start, splits, bounds, leaves)


def _grown(
    cells: Whole, slope: Floats, bend: Floats, settings: Settings
) -> tuple[Whole, Whole, Floats]:
    """Return one tree, level by level: columns and bounds of its nodes, what its leaves add."""
    places = np.ascontiguousarray((cells + np.arange(cells.shape[1]) * BINS).T)
    rows, count = np.arange(len(cells)), cells.shape[1]
    inner = 2**settings.levels - 1
    split, bound = np.zeros(inner, np.int64), np.full(inner, BINS, np.int64)
    node = np.zeros(len(cells), dtype=np.int64)  # within its level
    every = [np.tile(each, count) for each in (slope, bend)]
    for level in range(settings.levels):
        many, first = 2**level, 2**level - 1
        at = (places + node * (count * BINS)).reshape(-1)
        shape = (many, count, BINS)
        sums = [np.bincount(at, each, many * count * BINS).reshape(shape) for each in every]
        found, cut = _best(sums[0], sums[1], settings.least)
        split[first : first + many], bound[first : first + many] = found, cut
        node = 2 * node + (cells[rows, found[node]] > cut[node])
    leaf = np.bincount(node, slope, inner + 1) / (np.bincount(node, bend, inner + 1) + _PULL)
    return split, bound, leaf * settings.rate


def _landed(cells: Whole, split: Whole, bound: Whole) -> Whole:
    """Return each row's leaf."""
    rows = np.arange(len(cells))
    node = np.zeros(len(cells), dtype=np.int64)
    for _ in range(len(split).bit_length()):
        node = 2 * node + 1 + (cells[rows, split[node]] > bound[node])
    return node - len(split)


def _best(slope: Floats, bend: Floats, least: float) -> tuple[Whole, Whole]:
    """Return for each node the column and the cell after which to split; none: all go left."""
    left, weight = np.cumsum(slope, axis=2), np.cumsum(bend, axis=2)
    right, other = left[:, :, -1:] - left, weight[:, :, -1:] - weight
    gain = left**2 / (weight + _PULL) + right**2 / (other + _PULL)
    gain -= left[:, :, -1:] ** 2 / (weight[:, :, -1:] + _PULL)
    gain[(weight < least) | (other < least)] = 0.0
    flat = gain.reshape(len(gain), -1)
    best = flat.argmax(axis=1)
    cut = np.where(flat[np.arange(len(flat)), best] > 1e-12, best % BINS, BINS)
    return best // BINS, cut


def _share(raw: Floats) -> Floats:
    share: Floats = 1 / (1 + np.exp(-np.clip(raw, -30, 30)))
    return share
