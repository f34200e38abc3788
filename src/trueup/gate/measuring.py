"""Metrics of regression and forecasts: all of them functions of sums over rows."""

from collections.abc import Callable, Sequence

from trueup.gate.arrays import Floats, np
from trueup.gate.metrics import Labels, Metric, Tally, additive, mean_of, ratio


def make(name: str, number: float | None) -> Metric:
    """Return a metric; ``number`` is the quantile of the pinball loss (0.5 if not given).

    The scaled error takes rows that are in units of their scale already (see grouping.in_scale).
    """
    if name == "r2":
        return Metric("r2", True, _squares, _explained)
    if name == "root_mean_squared_error":
        return Metric(name, False, additive(_squared), _root)
    loss = _loss(name, 0.5 if number is None else number)
    return Metric(name, False, additive(loss), mean_of)


def _loss(name: str, quantile: float) -> Callable[[Labels], Floats]:
    def pinball(rows: Labels) -> Floats:
        off = rows.truth - rows.predicted
        lost: Floats = np.maximum(quantile * off, (quantile - 1) * off)
        return lost

    if name == "mean_pinball_loss":
        return pinball
    return {
        "mean_squared_error": _squared,
        "mean_absolute_error": _absolute,
        "mean_absolute_scaled_error": _absolute,
        "mean_absolute_percentage_error": _relative,
    }[name]


def _squared(rows: Labels) -> Floats:
    squared: Floats = (rows.truth - rows.predicted) ** 2
    return squared


def _absolute(rows: Labels) -> Floats:
    absolute: Floats = np.abs(rows.truth - rows.predicted)
    return absolute


def _relative(rows: Labels) -> Floats:
    least = float(np.finfo(np.float64).eps)
    relative: Floats = np.abs(rows.truth - rows.predicted) / np.maximum(np.abs(rows.truth), least)
    return relative


def _root(sums: Floats) -> Floats:
    root: Floats = np.sqrt(mean_of(sums))
    return root


def _squares(rows: Labels) -> Sequence[Tally]:
    centred = rows.truth - float(np.median(rows.truth))  # keeps the sum of squares exact
    return Tally(_squared(rows)), Tally(centred), Tally(centred**2), Tally()


def _explained(sums: Floats) -> Floats:
    errors, total, squares, count = (sums[..., i] for i in range(4))
    explained: Floats = 1.0 - ratio(errors, squares - ratio(total**2, count))
    return explained
