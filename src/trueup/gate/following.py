"""Days that follow each other: longer blocks, and the error that slow waves have."""

import math
from typing import NamedTuple

from trueup.gate.arrays import Floats, np
from trueup.gate.blockwise import Blockwise

_TOGETHER = 1.0  # standard errors of a correlation from which neighbours go together
_UNSEEN = 0.5  # standard errors of correlation that are assumed beside what is seen
_UNSEEN_IN_FEW = 1.0  # the same where days are too few to be joined
_FEW_DAYS = 16
LEAST_TOGETHER = 4  # days, of fewer no correlation can be told


class Waves(NamedTuple):
    """A standard error from slow waves alone, and its degrees of freedom, one a wave."""

    se: float
    df: float


class Days(NamedTuple):
    """A quantity by days, joined until neighbours no longer go together by more than chance."""

    measured: Blockwise
    off: Floats  # its deviations
    longer: int  # days in a block
    inflated: float  # by how much what correlation is left widens the variance
    slow: Waves
    together: bool  # whether neighbours go together by more than chance
    worth: float  # how many days on their own would say as much


def follow(measured: Blockwise, off: Floats) -> Days:
    """Return the days joined, and how sure slow waves are of their mean."""
    there = off[measured.sizes > 0]
    days, slow, longer = len(there), _waves(there), 1
    seen = neighbours(there)
    visible = seen > _TOGETHER / math.sqrt(days)
    worth = worth_of(there)
    while True:
        count = len(off)
        together = neighbours(off)
        if together <= _TOGETHER / math.sqrt(count) or count < _FEW_DAYS:
            left = _chained(
                together + (_UNSEEN / math.sqrt(count) if longer > 1 else _unseen(days))
            )
            return Days(measured, off, longer, left, slow, visible, worth)
        measured, longer = measured.joined(), longer * 2
        off = measured.deviations()


def worth_of(off: Floats) -> float:
    """Return how many days on their own would say as much as days that follow each other."""
    return len(off) / _chained(neighbours(off) + _unseen(len(off)))


def _unseen(days: int) -> float:
    """Return how much correlation is assumed beside what is seen."""
    return (_UNSEEN if days >= _FEW_DAYS else _UNSEEN_IN_FEW) / math.sqrt(days)


def _chained(correlation: float) -> float:
    """Return by how much a chain with such a correlation of neighbours widens a variance."""
    inside = min(max(correlation, 0.0), 0.9)
    return (1 + inside) / (1 - inside)


def _waves(off: Floats) -> Waves:
    """Return the error of a mean of values that follow each other, from their slow cosines.

    Equally weighted cosines, 0.4 n^(2/3) of them (Lazarus, Lewis, Stock and Watson 2018): what
    makes days go together lies in the slow waves, and Student's t knows how few they are.
    """
    count = len(off)
    many = max(2, round(0.4 * count ** (2 / 3)))
    moments = (np.arange(count) + 0.5) / count
    cosines = np.cos(math.pi * np.outer(np.arange(1, many + 1), moments))
    power = float(((cosines @ off) ** 2).mean()) * 2 / count
    return Waves(math.sqrt(power / count), float(many))


def neighbours(off: Floats) -> float:
    """Return the correlation of neighbours, with what few of them hide (Kendall 1954)."""
    squares = float((off**2).sum())
    if squares <= 0:
        return 0.0
    seen = float((off[1:] * off[:-1]).sum()) / squares
    return seen + (1 + 3 * max(seen, 0.0)) / len(off)
