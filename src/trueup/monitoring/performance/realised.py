"""A metric of rows whose labels have come: the gate's definition, interval and blocks."""

import math
import re
from dataclasses import replace

from trueup.gate.arrays import Floats, Truths, np
from trueup.gate.blocks import Blocks, blocks_of, single_rows
from trueup.gate.catalogue import metric_named
from trueup.gate.evidence import View, measure
from trueup.gate.metrics import Metric
from trueup.gate.resampling import resamples_for
from trueup.gate.rows import Table, numbered
from trueup.monitoring.performance.answers import Answers, table_of
from trueup.monitoring.performance.records import Realised, Rests
from trueup.monitoring.performance.weighing import weighted
from trueup.reporting.wording import duration

_DAY = 86_400_000_000
_FEWEST, _MOST = 24, 120  # blocks of time in a window; the gate joins those that go together
_ROWS = 20  # of a block, rather
_WORDS = {
    "few_groups": "the rows go together in time, and are too few on their own for an interval",
    "undefined": "the metric is not defined on these rows: a class is missing",
    "constant_resamples": "the blocks do not differ, so that there is no interval",
    "few_rows": "too few rows",
}


def realised(
    name: str, answers: Answers, rests: Rests, confidence: float, weights: Floats | None = None
) -> Realised:
    """Return a metric of rows that all have a truth, with a two-sided interval.

    Blocks are spans of time of at most a day, at most 120; rows of one group stay together.
    ``weights`` are of the rows, where they stand for others.
    """
    rows = len(answers)
    if not rows:
        return Realised(name, rests, 0, None, reason="no label has come")
    table = table_of(answers)
    metric = metric_named(name, answers.task)
    if weights is not None:
        metric = weighted(metric, weights, table.classes)
    if metric.needs_both and _one_class(table):
        return Realised(name, rests, rows, None, reason=_WORDS["undefined"])
    return _measured(name, rests, metric, (table, *_blocks(answers, table)), confidence)


def _one_class(table: Table) -> bool:
    return len(np.unique(table.truth)) < 2


def _measured(
    name: str,
    rests: Rests,
    metric: Metric,
    rows: tuple[Table, Blocks, int],
    confidence: float,
) -> Realised:
    table, blocks, span = rows
    alpha = (1 - confidence) / 2
    view = View(table, blocks, seed=0, resamples=resamples_for(alpha), effect=False)
    found = measure(metric, view, "candidate", None)
    if not math.isfinite(found.candidate):
        return Realised(name, rests, len(table), None, reason=_WORDS["undefined"])
    if found.bounds is None:
        reason = _WORDS.get(found.reason, found.reason)
        return Realised(name, rests, len(table), found.candidate, reason=reason)
    lower, upper, method = found.bounds.between(alpha)
    return Realised(
        metric=name,
        rests=rests,
        rows=len(table),
        value=found.candidate,
        lower=lower if math.isfinite(lower) else None,
        upper=upper if math.isfinite(upper) else None,
        se=found.bounds.se,
        method=_spans(method, span),
    )


def _blocks(answers: Answers, table: Table) -> tuple[Blocks, int]:
    """Return the rows' blocks, and how long one of time is, in microseconds."""
    extent = int(answers.at.max() - answers.at.min())
    group = None if answers.group is None else numbered(np.asarray(answers.group))[0]
    if extent == 0 and group is None:
        return single_rows(len(table), 0), 0
    many = min(max(len(table) // _ROWS, _FEWEST), _MOST)
    span = max(1, min(_DAY, extent // many + 1))
    days = answers.at // span if extent else None
    return blocks_of(replace(table, days=days, group=group), 0), span


def _spans(method: str, span: int) -> str:
    """Return the gate's words with the true length of what it takes for days."""
    if span in (0, _DAY):
        return method

    def told(found: "re.Match[str]") -> str:
        return f"blocks of {duration(int(found[1] or 1) * span / 1e6)}"

    return re.sub(r"blocks of (?:a day|(\d+) days)", told, method)


def labelled_only(answers: Answers, labelled: Truths) -> Answers:
    """Return the rows whose labels have come."""
    return answers if labelled.all() else answers.only(labelled)
