"""Two policies' difference month by month, made ready for the gate's intervals of days."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from trueup.gate.arrays import Floats, Whole, np
from trueup.gate.blocks import blocks_of
from trueup.gate.blockwise import quantity
from trueup.gate.evidence import Evidence, View, discordant, measure
from trueup.gate.metrics import Labels, Metric, additive, mean_of
from trueup.gate.resampling import resamples_for
from trueup.gate.rows import Table

_SEED = 20130101  # resamples of equal rows are equal
_LEAST_MONTHS = 4  # for a line through them


class Apart(NamedTuple):
    """How two policies differ in the months in which they do at all; more is better."""

    months: tuple[float, ...]  # each month's difference
    difference: float  # the mean of those, a month counting by its rows
    discordant: int  # rows on which the two differ in what the metric sees
    parts: Floats  # each row's part in the difference: their mean is the difference
    table: Table  # the rows


def apart(metric: Metric, table: Table, months: Whole, pair: tuple[str, str]) -> Apart:
    """Return the difference of the first of a pair to the second.

    How a day moves its month is spread over the day's rows, and so is how far its month lies off a
    straight line through all months. So that a model ages, and differs the more the later it
    gets, is no chance; what else differs between days or months is.
    """
    differ = table.predicted[pair[0]] != table.predicted[pair[1]]
    differ = differ if differ.ndim == 1 else differ.any(axis=1)
    kept = np.isin(months, np.unique(months[differ]))
    table, months = table.only(kept), months[kept]
    ours, theirs = table.labels(pair[0]), table.labels(pair[1])
    parts = np.zeros(len(table))
    each: list[float] = []
    sizes: list[int] = []
    for rows in _rows_of(months):
        value, moved = _month(metric, table.only(rows), pair)
        parts[rows] = moved
        each.append(value)
        sizes.append(len(rows))
    mean = float(np.average(each, weights=sizes))
    for rows, off in zip(
        _rows_of(months), _off_trend(np.array(each), np.array(sizes)), strict=True
    ):
        parts[rows] += off
    return Apart(tuple(each), mean, discordant(metric, ours, theirs), parts + mean, table)


def _off_trend(each: Floats, sizes: Whole) -> Floats:
    """Return by how much months lie off the line through them all; their mean is zero.

    Of fewer than four months there is no line: by how much they lie off their mean.
    """
    count = len(each)
    degree = 1 if count >= _LEAST_MONTHS else 0
    at = np.arange(count)
    line = np.polynomial.Polynomial.fit(at, each, degree, w=np.sqrt(sizes))
    off: Floats = (each - line(at)) * math.sqrt(count / max(count - 1 - degree, 1))
    return off


def measured(found: Apart, alpha: float) -> Evidence:
    """Return the difference with the gate's bounds at alpha: days drawn again within months."""
    table = Table(
        "regression",
        np.zeros(len(found.parts)),
        {"policy": found.parts, "against": np.zeros(len(found.parts))},
        2,
        days=found.table.days,
    )
    view = View(table, blocks_of(table, _SEED), _SEED, resamples_for(alpha), effect=False)
    return measure(_DIFFERENCE, view, "policy", "against")


def _month(metric: Metric, table: Table, pair: tuple[str, str]) -> tuple[float, Floats]:
    """Return a month's difference, and for each row its part in how the day moves that."""
    blocks = blocks_of(table, _SEED)
    found = quantity(metric, blocks, table.labels(pair[0]), table.labels(pair[1]))
    count = blocks.count
    moved = found.deviations() / count * math.sqrt(count / max(count - 1, 1))
    share: Floats = (moved / found.sizes)[blocks.codes] * len(table)
    return found.estimate, share


def _rows_of(months: Whole) -> Iterator[Whole]:
    """Yield the rows of each month."""
    order = np.argsort(months, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(months[order])) + 1)


def _per_row(rows: Labels) -> Floats:
    found: Floats = rows.predicted
    return found


_DIFFERENCE = Metric("difference", higher=True, tallies=additive(_per_row), value=mean_of)
