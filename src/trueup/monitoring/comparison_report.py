"""A comparison of two tables as a report: the verdict, the columns, distributions side by side."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from trueup.monitoring.comparing import Comparison, Moved
from trueup.reporting.blocks import Block, Chart, Check, Column, Report, Table, Text, Verdict
from trueup.reporting.charts import pairs
from trueup.reporting.wording import number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trueup.monitoring.cells import Cells

_DRAWN = 12  # columns, on the page
_GROUPS = 20  # of cells, in a drawing
_REASONS = 12
_COLUMNS = (
    Column("column"),
    Column("drift"),
    Column("effect", "number", digits=3),
    Column("measured", "number", digits=3),
    Column("at least", "number", digits=3),
    Column("score", "number", digits=3),
    Column("missing before", "number", unit="%", digits=3),
    Column("now", "number", unit="%", digits=3),
)


def comparison_report(
    comparison: Comparison,
    cells: Mapping[str, tuple["Cells", "Cells"]],
    left_out: Mapping[str, str] | None = None,
) -> Report:
    """Return the report of a comparison; ``cells`` are the two tables' counts, by column."""
    alarms = comparison.alarms
    blocks: list[Block] = [
        Verdict(
            f"{comparison.rows[1]:,} rows against {comparison.rows[0]:,}",
            "fail" if alarms else "pass",
            tuple(_reasons(alarms)) or ("no column has drifted",),
            tuple(_check(one) for one in comparison.columns),
        ),
        Table(_COLUMNS, tuple(map(_row, comparison.columns)), "Columns"),
        Text("\n".join(_notes(comparison, left_out or {}))),
        *([_every_effect(comparison)] if comparison.limits.every else []),
    ]
    for one in comparison.columns[:_DRAWN]:
        if one.name in cells:
            blocks.append(side_by_side(one.name, *cells[one.name]))
    return Report("Drift", tuple(blocks))


def _reasons(alarms: Sequence[Moved]) -> list[str]:
    shown = [f"{one.name}: {_check(one).says}" for one in alarms[:_REASONS]]
    more = len(alarms) - _REASONS
    return [*shown, f"and {more} more columns"] if more > 0 else shown


def _check(one: Moved) -> Check:
    first = one.effects[0]
    says = f"{_effect_name(first.effect)} at least {number(first.lower, digits=3)}"
    return Check(one.name, "fail" if one.is_alarm else "pass", says)


def _row(one: Moved) -> tuple[str | float | None, ...]:
    first = one.effects[0]
    word = "drifted" if one.is_alarm else "small" if one.is_significant else "no"
    return (
        one.name, word, first.corrected, first.raw, first.lower, one.score,
        100 * one.missing[0], 100 * one.missing[1],
    )  # fmt: skip


def _notes(comparison: Comparison, left_out: Mapping[str, str]) -> list[str]:
    limits, found = comparison.limits, comparison.significance
    effect = _effect_name(limits.effect)
    notes = [
        f"Effects are {effect}, less what chance adds to it; 'at least' is what is sure of it "
        f"(95 %). A column has drifted where that is {number(limits.min_effect)} or more and its "
        f"score is above {number(found.at, digits=3)}.",
    ]
    often = f"once in {1 / limits.rate:.0f} comparisons"
    if limits.rate >= 1:
        notes.append("No rate of false alarms was asked for: whatever is large enough alarms.")
    elif found.claimed:
        notes.append(f"Tables that do not differ alarm at most {often}: {found.why}.")
        if found.unsteady:
            notes.append(
                f"That does not cover {', '.join(found.unsteady[:_REASONS])}: what follows there "
                f"from row to row is too much alike. Their scores have to be above "
                f"{number(found.unsteady_at, digits=3)}."
            )
    else:
        notes.append(
            f"That tables which do not differ alarm at most {often} is not claimed: {found.why}. "
            "Scores are compared with a bound for each column's share of that rate."
        )
    if left_out:
        named = ", ".join(f"{name} ({kind})" for name, kind in left_out.items())
        notes.append(f"Not looked at, for their types: {named}.")
    return notes


def _every_effect(comparison: Comparison) -> Table:
    rows = [
        (one.name, _effect_name(each.effect), each.raw, each.corrected, each.lower, each.grid_error)
        for one in comparison.columns
        for each in one.effects
    ]
    columns = (
        Column("column"),
        Column("effect"),
        *(Column(name, "number", digits=3) for name in ("measured", "corrected", "at least")),
        Column("hidden by cells", "number", digits=2),
    )
    return Table(columns, tuple(rows), "All effects", detail=True)


def side_by_side(name: str, one: "Cells", two: "Cells") -> Block:
    """Return a column's shares before and now, in few groups of cells."""
    labels, groups = _grouped(one)
    shares = [np.bincount(groups, each.counts.sum(axis=0)) for each in (one, two)]
    shares = [each / max(1.0, each.sum()) for each in shares]
    heights = {
        label: (float(100 * shares[0][k]), float(100 * shares[1][k]))
        for k, label in enumerate(labels)
    }
    drawn = pairs(name, heights, unit="% of rows")
    return Chart(drawn.title, drawn.spec, drawn.fallback, detail=True)


def _grouped(cells: "Cells") -> tuple[list[str], "NDArray[np.int64]"]:
    """Return few groups of a column's cells, with what they are called."""
    counts = cells.counts.sum(axis=0)
    many = len(counts)
    if cells.edges is None:
        order = np.argsort(-counts, kind="stable")
        groups = np.empty(many, np.int64)
        groups[order] = np.minimum(np.arange(many), _GROUPS - 1)
        named = [cells.labels[k] if k < len(cells.labels) else str(k) for k in order[:_GROUPS]]
        return ([*named[: _GROUPS - 1], "all others"] if many > _GROUPS else named), groups
    below = (np.cumsum(counts) - counts) / max(1, counts.sum())
    _, groups = np.unique((below * _GROUPS).astype(np.int64), return_inverse=True)
    ends = [np.flatnonzero(groups == k) for k in range(int(groups.max(initial=0)) + 1)]
    return [_span(cells.edges, int(each[0]), int(each[-1])) for each in ends], groups


def _span(edges: "NDArray[np.float64]", first: int, last: int) -> str:
    low = f"{edges[first - 1]:.4g}" if first else ""
    high = f"{edges[last]:.4g}" if last < len(edges) else ""
    return f"{low} to {high}" if low and high else f"under {high}" if high else f"from {low}"


def _effect_name(effect: str) -> str:
    return {
        "jensen_shannon": "Jensen-Shannon distance",
        "psi": "PSI",
        "wasserstein": "Wasserstein distance",
        "ks": "KS distance",
        "chi_squared": "chi-squared distance",
        "hellinger": "Hellinger distance",
        "l_infinity": "largest difference",
    }[effect]
