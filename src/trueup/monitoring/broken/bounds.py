"""How large a share may be until neither chance nor the reference's ups and downs explain it."""

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEVIATIONS = 6.0
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
            f"in {self.blocks} blocks"
        )


def bound_of(hits: "NDArray[np.int64]", rows: "NDArray[np.int64]", rate: float) -> Bound:
    """Return what blocks say of a share: the most they had and half as much again, or six
    standard deviations above their mean, on a scale on which chance is even (Anscombe 1948).

    Of what never happened in N rows, the share is at most -log(rate) / N.
    """
    there = rows > 0
    hits, rows = hits[there], rows[there]
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
