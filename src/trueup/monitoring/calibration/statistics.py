"""The statistics of one column: how far the shares of windows are from what is expected of them."""

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.monitoring.effects import LEAST_EXPECTED, pooled_neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_DIRECTIONS = ("level", "spread", "skewness", "tails")  # Neyman's smooth test (1937), in ranks
_MOST_SINGLE = 12  # categories that are looked at one by one
_COARSE = 16  # groups of an ordered column's cells
_STABLE = 0.375  # Anscombe (1948): square roots of counts have about the same variance


class Directions(msgspec.Struct, frozen=True):
    """In which directions a column's shares are looked at; fixed by the reference alone."""

    matrix: "Floats"  # cells by features: smooth ones, single shares, and coarse groups
    smooth: int  # so many features are orthonormal under the reference's shares
    single: int  # so many are shares whose counts are looked at
    rare: "Floats"  # shares of cells of which a window expects few
    rare_cells: "NDArray[np.bool_]"
    names: tuple[str, ...]

    @property
    def one_sided(self) -> "NDArray[np.bool_]":
        """Return which statistics only ever grow with drift."""
        return np.array([name == "shape" for name in self.names])


class Seen(msgspec.Struct, frozen=True):
    """What is kept of windows: features of their shares, the last being the share of nulls."""

    features: "Floats"
    rows: "Floats"  # without nulls, at least one
    every: "Floats"  # with nulls
    occupied: "Floats"  # rare cells that hold a row

    def part(self, some: slice) -> "Seen":
        """Return some of the windows."""
        return Seen(self.features[some], self.rows[some], self.every[some], self.occupied[some])


def seen(look: Directions, counts: "Floats", missing: "Floats") -> Seen:
    """Return what is kept of windows' counts, (windows, cells)."""
    held = counts.sum(axis=1)
    every = held + missing
    features = np.empty((len(counts), look.matrix.shape[1] + 1))
    np.matmul(counts, look.matrix, out=features[:, :-1])
    features[:, :-1] /= np.maximum(held, 1.0)[:, None]
    features[:, -1] = missing / np.maximum(every, 1.0)
    occupied = np.count_nonzero(counts[:, look.rare_cells], axis=1).astype(np.float64)
    return Seen(features, np.maximum(held, 1.0), every, occupied)


def expected_features(look: Directions, shares: "Floats") -> "Floats":
    """Return the features of expected shares of cells and, last, of nulls."""
    return np.concatenate([shares[:, :-1] @ look.matrix, shares[:, -1:]], axis=1)


def directions(shares: "Floats", rows: float, labels: tuple[str, ...] | None) -> Directions:
    """Return what to look at for shares expected and the rows of a usual window.

    ``labels`` is None of cells that ascend.
    """
    rare = shares * rows < LEAST_EXPECTED
    if labels is None:
        smooth, single = _smooth(shares), np.zeros((len(shares), 0))
        coarse = _neighbours_pooled(shares, rows)
        names = _DIRECTIONS[: smooth.shape[1]]
    else:
        smooth = np.zeros((len(shares), 0))
        chosen = [int(at) for at in np.argsort(-shares)[:_MOST_SINGLE] if not rare[at]]
        if len(chosen) == 2 and not rare.any():
            chosen = chosen[:1]  # the other says the same
        groups = [np.arange(len(shares)) == at for at in chosen]
        names = tuple(f"share of {_label(labels, at)}" for at in chosen)
        if rare.any() and not rare.all():
            groups.append(rare)
            names += ("rare or new",)
        single = np.array(groups, dtype=np.float64).reshape(-1, len(shares)).T
        coarse = _rare_pooled(rare)
    if labels is not None and int(rare.sum()) > 1:
        names += ("number of rare",)
    if coarse.shape[1] > (1 if labels is None else 2):
        names += ("shape",)
    matrix = np.concatenate([smooth, single, coarse], axis=1)
    found = (*names, "nulls")
    return Directions(matrix, smooth.shape[1], single.shape[1], shares[rare], rare, found)


def _label(labels: tuple[str, ...], at: int) -> str:
    return labels[at] if at < len(labels) else f"cell {at}"


def _smooth(shares: "Floats") -> "Floats":
    """Return polynomials of the middle ranks, orthonormal under the shares."""
    there = shares > 0
    middle = 2 * (np.cumsum(shares) - shares / 2) - 1
    many = min(len(_DIRECTIONS), int(there.sum()) - 1)
    if many < 1:
        return np.zeros((len(shares), 0))
    weights = np.sqrt(shares)[:, None]
    powers = middle[:, None] ** np.arange(many + 1)
    orthogonal, triangle = np.linalg.qr(powers * weights)
    signs = np.sign(np.diag(triangle))
    safe = np.where(there, weights[:, 0], 1.0)[:, None]
    smooth: Floats = orthogonal[:, 1:] * signs[1:] / safe
    # A cell that the reference never fills lies where its rank says.
    filled = np.linalg.solve(triangle.T, powers.T).T[:, 1:] * signs[1:]
    return np.where(there[:, None], smooth, filled)


def _neighbours_pooled(shares: "Floats", rows: float) -> "Floats":
    """Return groups of neighbouring cells in which a window expects enough rows."""
    codes = pooled_neighbours(shares, max(1 / _COARSE, LEAST_EXPECTED / max(rows, 1.0)))
    return np.eye(int(codes.max(initial=0)) + 1)[codes]


def _rare_pooled(rare: "NDArray[np.bool_]") -> "Floats":
    codes = np.where(rare, 0, np.cumsum(~rare) - (not rare.any()))
    return np.eye(int(codes.max(initial=0)) + 1)[codes]


def statistics(look: Directions, windows: Seen, expected: "Floats") -> "Floats":
    """Return windows by statistics, each with variance 1 where rows alone vary.

    ``expected`` are features. ``shape`` is chi-squared over its degrees of freedom, whose mean is
    then 1.
    """
    rows, every = windows.rows[:, None], windows.every[:, None]
    found, usual = windows.features, expected
    ends = look.smooth, look.smooth + look.single
    off = found[:, : ends[0]] - usual[:, : ends[0]]
    each = [np.sqrt(rows) * off, _roots(found[:, slice(*ends)], usual[:, slice(*ends)], rows)]
    if "number of rare" in look.names:
        each.append(_occupied(look, windows)[:, None])
    if "shape" in look.names:
        coarse = np.maximum(usual[:, ends[1] : -1], 1 / rows)
        squares = rows * (found[:, ends[1] : -1] - usual[:, ends[1] : -1]) ** 2 / coarse
        each.append(squares.sum(axis=1, keepdims=True) / (squares.shape[1] - 1))
    each.append(_roots(found[:, -1:], usual[:, -1:], every))
    together: Floats = np.concatenate(each, axis=1)
    together[windows.every == 0] = 0.0
    return together


def _roots(found: "Floats", expected: "Floats", rows: "Floats") -> "Floats":
    """Return how far shares are from expected ones, on the scale of the counts' square roots."""
    usual = np.clip(expected, 0.0, 1.0)
    spread = np.sqrt(np.maximum(1 - usual, 0.05))
    off = np.sqrt(rows * found + _STABLE) - np.sqrt(rows * usual + _STABLE)
    stable: Floats = 2 * off / spread
    return stable


def _occupied(look: Directions, windows: Seen) -> "Floats":
    """Return how many rare cells hold a row, against how many are expected to."""
    empty = np.exp(-np.outer(windows.rows, look.rare))
    spread = np.sqrt((empty * (1 - empty)).sum(axis=1) + 0.5)
    found: Floats = (windows.occupied - (1 - empty).sum(axis=1)) / spread
    return found
