"""Metrics that have one value a group (a query, a customer): the groups become the rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from trueup.errors import WrongUsage
from trueup.gate.arrays import Floats, Whole, np
from trueup.gate.blocks import Blocks
from trueup.gate.metrics import Labels, Metric, Tally, additive, mean_of
from trueup.gate.names import named
from trueup.gate.ranking import per_query
from trueup.gate.rows import Table, numbered


@dataclass(frozen=True)
class Call:
    """A metric of the project's own, imported already.

    ``function(truth, prediction)`` returns one number a row, or one for the rows of a group, or
    one for a table. An attribute ``greater_is_better = False`` on it turns a comparison round.
    """

    function: Callable[[Any, Any], Any]
    per: Literal["row", "group", "table"] = "row"

    @property
    def higher(self) -> bool:
        """Whether more is better."""
        return bool(getattr(self.function, "greater_is_better", True))


def called(name: str, call: Call) -> Metric:
    """Return a function of rows or groups as a metric: the mean of what it returns."""
    of_row = additive(lambda rows: _numbers(name, call, rows))
    of_group = additive(lambda rows: np.asarray(rows.predicted, dtype=np.float64))
    tallies = of_row if call.per == "row" else of_group
    return Metric(name, call.higher, tallies, mean_of)


def whole(name: str, call: Call) -> Metric:
    """Return a function of a table as a metric; it is called once for each block left out."""

    def nothing(rows: Labels) -> tuple[Tally, ...]:
        return ()

    return Metric(name, call.higher, nothing, mean_of, call=call.function)


def _numbers(name: str, call: Call, rows: Labels) -> Floats:
    numbers = np.asarray(call.function(rows.truth, rows.predicted), dtype=np.float64)
    if numbers.shape != (len(rows.truth),):
        raise WrongUsage(
            f"{name} returned {numbers.shape or 'one number'} for {len(rows.truth)} rows",
            remedy="Return one number a row, or declare it with per: group or per: table.",
        )
    return numbers


def by_query(name: str, table: Table, blocks: Blocks) -> tuple[Table, Blocks]:
    """Return one row a query; its prediction is the metric's value for the query."""
    found = named(name, "ranking")
    values = per_query(found.stem, None if found.number is None else int(found.number))
    return _reduced(table, blocks, values)


def is_scaled(name: str, task: str) -> bool:
    """Say whether a metric takes rows in units of their scale."""
    return task == "forecast" and named(name, task).stem == "mean_absolute_scaled_error"


def in_scale(name: str, table: Table, blocks: Blocks) -> tuple[Table, Blocks]:
    """Return truth and predictions in units of each row's scale (Hyndman and Koehler 2006).

    The scale is the mean error of the seasonal naive forecast in the series' history. Rows
    without one, or with a history that never changes, have no value and are left out.
    """
    if table.scale is None or table.at is None:
        raise WrongUsage(
            f"{name} needs to know how hard each series is to forecast, and no history is there",
            remedy="Leave the rows up to evaluate.cutoff in the table, or give it a column scale.",
        )
    season = named(name, "forecast").number
    scale = np.asarray(table.scale(int(season or 1)), dtype=np.float64)[table.at]
    kept = np.flatnonzero(np.isfinite(scale) & (scale > 0))
    if not len(kept):
        raise WrongUsage(
            f"{name}: no series has a history that changes from one season to the next",
            remedy="Leave more rows before evaluate.cutoff, or give the table a column scale.",
        )
    table, blocks, scale = table.only(kept), blocks.only(kept), scale[kept]
    predicted = {model: each / scale for model, each in table.predicted.items()}
    return replace(table, truth=table.truth / scale, predicted=predicted), blocks


def by_group(call: Call, table: Table, blocks: Blocks) -> tuple[Table, Blocks]:
    """Return one row a group; its prediction is what the function returns for the group."""

    def values(truth: Any, predicted: Any, group: Whole) -> Floats:
        order = np.argsort(group, kind="stable")
        starts = np.flatnonzero(np.diff(group[order])) + 1
        parts = np.split(order, starts)
        return np.array([_one(call.function(truth[rows], predicted[rows])) for rows in parts])

    return _reduced(table, blocks, values)


def _one(value: Any) -> float:
    return math.nan if value is None else float(value)


def _reduced(
    table: Table, blocks: Blocks, values: Callable[[Any, Any, Whole], Floats]
) -> tuple[Table, Blocks]:
    if table.group is None:
        raise WrongUsage(
            "this metric has one value a group, and no group is declared",
            remedy="Name the column under evaluate: group (of a ranking, the query).",
        )
    group, _ = numbered(table.group)
    by_model = {name: values(table.truth, each, group) for name, each in table.predicted.items()}
    there = np.all([np.isfinite(each) for each in by_model.values()], axis=0)
    _, first = np.unique(group, return_index=True)
    kept = first[there]
    reduced = table.only(kept)
    predicted = {name: each[there] for name, each in by_model.items()}
    ready = replace(reduced, task="regression", truth=np.zeros(len(kept)), predicted=predicted)
    return ready, blocks.only(kept)
