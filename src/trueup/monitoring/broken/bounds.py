"""How large a share may be until neither chance nor the reference's ups and downs explain it."""

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEVIATIONS = 6.0
FEW = 8
_BEYOND = 0.5  # of the way from the usual to the most that was seen


class Bound(msgspec.Struct, frozen=True):
    """The share that rows may have at most, before chance is added."""

    usual: float
    most: float  # that a block of the reference had
    at: float
    blocks: int

    @property
    def why(self) -> str:
        """Say where it comes from."""
        return (
            f"the reference had {self.usual:.3g} on average and {self.most:.3g} at most, "
            f"in {self.blocks} stretches"
        )


def together(rows: "NDArray[np.int64]", window_rows: int, most: int = 4096) -> "NDArray[np.int64]":
    """Return the blocks that begin stretches about as long as a window, of which at least eight
    are left, if there are so many blocks, and no more than ``most``."""
    total = int(rows.sum())
    least = max(1, total // most, min(window_rows, total // FEW))
    number = (np.cumsum(rows) - rows) // least
    found: NDArray[np.int64] = np.flatnonzero(np.append(True, number[1:] != number[:-1]))
    return found


def bound_of(
    hits: "NDArray[np.int64]", rows: "NDArray[np.int64]", rate: float, window_rows: int = 0
) -> Bound:
    """Return what blocks say of a share: the most they had and half as much again, or six
    standard deviations above their mean, on a scale on which chance is even (Anscombe 1948).

    Of what never happened in N rows, the share is at most -log(rate) / N. Blocks are put together
    until they are as long as the window: shorter ones vary more.
    """
    there = rows > 0
    hits, rows = hits[there], rows[there]
    if len(rows):
        starts = together(rows, window_rows)
        hits, rows = np.add.reduceat(hits, starts), np.add.reduceat(rows, starts)
    total = int(rows.sum())
    if not total:
        return Bound(0.0, 0.0, 1.0, 0)
    angles = np.arcsin(np.sqrt((hits + 3 / 8) / (rows + 3 / 4)))
    centre, most = float(np.average(angles, weights=rows)), float(angles.max())
    top = max(centre + _DEVIATIONS * float(angles.std()), most + _BEYOND * (most - centre))
    least = -np.log(rate) / total
    at = least
    if hits.any():
        at = max(float(np.sin(min(top, np.pi / 2)) ** 2), least)
    return Bound(
        float(hits.sum() / total), float((hits / rows).max()), min(1.0, float(at)), len(rows)
    )


def surprise(hits: int, rows: int, share: float) -> float:
    """Return how surprising so many hits are: chance is at most e to minus this (Chernoff 1952).

    >>> surprise(0, 100, 0.1), surprise(10, 100, 0.1), round(surprise(50, 100, 0.1), 1)
    (0.0, 0.0, 51.1)
    """
    found = hits / rows if rows else 0.0
    if found <= share:
        return 0.0
    if share <= 0:
        return float("inf")
    apart = found * np.log(found / share)
    if found < 1:
        apart += (1 - found) * np.log((1 - found) / (1 - share))
    return float(rows * apart)
