"""A metric is a function of sums over rows, so that blocks of rows can be left out or weighted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from trueup.gate.arrays import Floats, Truths, Whole, np

Task: TypeAlias = Literal["binary", "multiclass", "multilabel", "regression", "ranking", "forecast"]


@dataclass(frozen=True)
class Tally:
    """What each row adds to a metric's sums: a weight (1 if None) at one of ``width`` places."""

    weight: Floats | None = None
    place: Whole | None = None
    width: int = 1


@dataclass(frozen=True)
class Labels:
    """Rows as a metric sees them. ``measured`` keeps what was computed of them once."""

    truth: Any
    predicted: Any
    classes: int = 2
    measured: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Shares:
    """A proportion: among the rows that count, those that are right. Exact methods need it so."""

    counts: Truths
    right: Truths


@dataclass(frozen=True)
class Metric:
    """A metric by its name; ``value`` takes sums whose last axis is the tallies' places in order.

    ``shares`` is given where the metric is a proportion, ``fixed`` where its rows do not depend
    on the prediction, so that two models can be paired. ``area`` marks the ROC area, which is no
    function of few sums. ``exact`` are the tallies of the estimate, where ``tallies`` are coarser.
    """

    name: str
    higher: bool
    tallies: Callable[[Labels], Sequence[Tally]]
    value: Callable[[Floats], Floats]
    shares: Callable[[Labels], Shares] | None = None
    fixed: bool = False
    area: bool = False
    needs_both: bool = False  # undefined where one class is missing
    exact: Callable[[Labels], Sequence[Tally]] | None = None
    call: Callable[[Any, Any], Any] | None = None  # a function of whole tables, no sums at all


def block_sums(tallies: Sequence[Tally], blocks: Whole, count: int) -> Floats:
    """Return the sums of each block, (count, places of all tallies)."""
    parts = []
    for tally in tallies:
        if tally.place is None:
            sums = np.bincount(blocks, tally.weight, minlength=count)
        else:
            cells = blocks * tally.width + tally.place
            sums = np.bincount(cells, tally.weight, minlength=count * tally.width)
        parts.append(sums.astype(np.float64, copy=False).reshape(count, tally.width))
    return np.concatenate(parts, axis=1)


def ratio(upper: Floats, lower: Floats) -> Floats:
    """Return upper over lower; nan, without a warning, where lower is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Floats = np.where(lower == 0, np.nan, upper / lower)
    return quotient


def zero_ratio(upper: Floats, lower: Floats) -> Floats:
    """Return upper over lower; zero where lower is zero, as scikit-learn's scores have it."""
    return np.nan_to_num(ratio(upper, lower), nan=0.0)


def mean_of(sums: Floats) -> Floats:
    """Return the mean of an additive metric: its first sum over its second, the count of rows."""
    return ratio(sums[..., 0], sums[..., 1])


def additive(per_row: Callable[[Labels], Floats]) -> Callable[[Labels], Sequence[Tally]]:
    """Return the tallies of a metric that is the mean of something each row has."""

    def tallies(rows: Labels) -> Sequence[Tally]:
        return Tally(per_row(rows)), Tally()

    return tallies
