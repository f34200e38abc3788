"""A metric's mean over months, as one metric more, so that the gate's blocks can draw it again."""

from collections.abc import Callable, Sequence
from functools import partial

from trueup.gate.arrays import Floats, Whole, np
from trueup.gate.blockwise import areas
from trueup.gate.metrics import Labels, Metric, Tally, additive, mean_of


def by_month(metric: Metric, months: Whole) -> Metric:
    """Return the mean of a metric over months, a month counting by its rows.

    ``months`` numbers each row's, from 0 on without a gap; in every one the metric is defined. A
    metric that is a mean over rows is the same as before.
    """
    if metric.area:
        return Metric(
            metric.name, metric.higher, additive(_Areas(months)), mean_of, needs_both=True
        )
    if metric.value is mean_of:
        return metric
    split = _Split(metric, months)
    return Metric(
        metric.name,
        metric.higher,
        partial(split.tallies, made_by=metric.tallies),
        split.value,
        needs_both=metric.needs_both,
        exact=None if metric.exact is None else partial(split.tallies, made_by=metric.exact),
    )


class _Areas:
    """Each row's part in the mean of the months' areas.

    That is its month's area, and by how much the row moves it: their mean is the mean, and blocks
    of rows scatter as it does (an influence, as the gate takes it for a single area).
    """

    def __init__(self, months: Whole) -> None:
        self._months = months

    def __call__(self, labels: Labels) -> Floats:
        parts = np.empty(len(labels.truth))
        for rows in _rows_of(self._months):
            area, moved = areas(_only(labels, rows))
            parts[rows] = area + len(rows) * moved
        return parts


class _Split:
    """A function of sums, taken of each month's sums."""

    def __init__(self, metric: Metric, months: Whole) -> None:
        self._metric, self._months = metric, months
        self._count = int(months.max(initial=-1)) + 1
        self._tallies = 0  # of the metric itself, known when they were first made

    def tallies(
        self, labels: Labels, made_by: Callable[[Labels], Sequence[Tally]]
    ) -> Sequence[Tally]:
        """Return the tallies, a place for each of every month's, and each month's rows."""
        made = [(rows, made_by(_only(labels, rows))) for rows in _rows_of(self._months)]
        self._tallies = len(made[0][1])
        width = max(tally.width for _, tallies in made for tally in tallies)
        joined = [self._joined(made, nth, width) for nth in range(self._tallies)]
        return [*joined, Tally(None, self._months, self._count)]

    def _joined(self, made: Sequence[tuple[Whole, Sequence[Tally]]], nth: int, width: int) -> Tally:
        weights = np.ones(len(self._months))
        places = self._months * width
        for rows, tallies in made:
            tally = tallies[nth]
            if tally.weight is not None:
                weights[rows] = tally.weight
            if tally.place is not None:
                places[rows] += tally.place
        return Tally(weights, places, self._count * width)

    def value(self, sums: Floats) -> Floats:
        """Return the mean of the months that have a value, each with the weight of its rows."""
        rows = sums[..., -self._count :]
        shape = (*sums.shape[:-1], self._tallies, self._count, -1)
        each = np.moveaxis(sums[..., : -self._count].reshape(shape), -2, 0)
        values = np.stack(
            [self._metric.value(one.reshape(*one.shape[:-2], -1)) for one in each], axis=-1
        )
        weights = np.where(np.isnan(values), 0.0, rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean: Floats = np.nan_to_num(values * weights).sum(axis=-1) / weights.sum(axis=-1)
        return mean


def _rows_of(months: Whole) -> list[Whole]:
    """Return the rows of each month."""
    order = np.argsort(months, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(months[order])) + 1)


def _only(labels: Labels, rows: Whole) -> Labels:
    return Labels(labels.truth[rows], labels.predicted[rows], labels.classes)
