"""The pictures of a verdict: intervals beside their limits, slices by harm, and the curves."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import msgspec

from trueup.gate.curve_records import BINS, Confusion, ModelCurves
from trueup.gate.verdict import Finding, Verdict
from trueup.gate.wording import asked_briefly
from trueup.reporting.blocks import Chart
from trueup.reporting.forests import Span, intervals, strips
from trueup.reporting.grids import grid
from trueup.reporting.mermaid import xychart
from trueup.reporting.planes import Axes, bands, plane, with_bars

MOST_SLICES = 30
_OUTRIGHT = ("at_least", "at_most")
_SHARE = (0.0, 1.0)

_Curves: TypeAlias = dict[str, ModelCurves]


def forest(findings: Sequence[Finding]) -> Iterator[Chart]:
    """Yield the intervals of rules over all rows, each on its own scale."""
    spans = [
        _span(each, f"{each.metric} {asked_briefly(each)}") for each in findings if _shown(each)
    ]
    if spans:
        yield strips("Intervals, limits (┃) and no difference (┊)", spans)


def slices(title: str, findings: Sequence[Finding]) -> Iterator[Chart]:
    """Yield the intervals of one rule's slices on one scale, in the order given."""
    spans = [_span(each, each.slice.partition("=")[2]) for each in findings if _shown(each)][
        :MOST_SLICES
    ]
    if len(spans) > 1:
        outright = findings[0].question in _OUTRIGHT
        x = findings[0].metric if outright else "less: worse than the champion, more: better"
        yield _detail(intervals(f"{title}: the most harmed first", spans, x=x))


def curves(verdict: Verdict) -> Iterator[Chart]:
    """Yield what is drawn of the models' predictions themselves."""
    found = verdict.curves
    for draw in (_roc, _precision, _calibration, _agreement, _residuals):
        yield from map(_detail, draw(found))
    for model, each in found.items():
        for confusion in each.confusions:
            yield _detail(_confusion(model, confusion))


def _detail(chart: Chart) -> Chart:
    return msgspec.structs.replace(chart, detail=True)


def _shown(finding: Finding) -> bool:
    return finding.estimate is not None and finding.word != "not_judged"


def _span(finding: Finding, name: str) -> Span:
    interval = finding.interval
    return Span(
        name=name,
        word=finding.word.replace("_", " "),
        estimate=finding.estimate or 0.0,
        lower=interval.lower if interval else None,
        upper=interval.upper if interval else None,
        limit=finding.limit,
        zero=finding.question not in _OUTRIGHT,
    )


def _roc(found: _Curves) -> Iterator[Chart]:
    points = {
        name: [
            (false / each.ranking.false_alarms[-1], hits / each.ranking.hits[-1])
            for false, hits in zip(each.ranking.false_alarms, each.ranking.hits, strict=True)
        ]
        for name, each in found.items()
        if each.ranking
    }
    axes = Axes(x="false positive rate", y="true positive rate", domain=_SHARE, diagonal=True)
    if points:
        yield _drawn(plane("ROC curve", points, axes), points, axes)


def _precision(found: _Curves) -> Iterator[Chart]:
    points = {
        name: [
            (hits / each.ranking.hits[-1], hits / (hits + false))
            for false, hits in zip(each.ranking.false_alarms, each.ranking.hits, strict=True)
            if hits + false
        ]
        for name, each in found.items()
        if each.ranking
    }
    axes = Axes(x="recall", y="precision", domain=_SHARE)
    if points:
        yield _drawn(plane("Precision and recall", points, axes), points, axes)


def _calibration(found: _Curves) -> Iterator[Chart]:
    there = {name: each.calibration for name, each in found.items() if each.calibration}
    points = {name: [(each.claimed, each.came) for each in bins] for name, bins in there.items()}
    bars = {
        name: [_bar(each.claimed, each.rows, nth, len(there)) for each in bins]
        for nth, (name, bins) in enumerate(there.items())
    }
    axes = Axes(x="claimed probability", y="came true", domain=_SHARE, diagonal=True, points=True)
    if points:
        chart = with_bars("Calibration, and the rows of each bin", points, axes, bars)
        yield _drawn(chart, points, axes, "Calibration")


def _drawn(
    chart: Chart, points: dict[str, list[tuple[float, float]]], axes: Axes, title: str = ""
) -> Chart:
    """Return a chart of shares that a comment can show too: the champion's bars, our line."""
    last_is_ours = dict(sorted(points.items(), key=lambda one: one[0] == "candidate"))
    drawing = xychart(title or chart.title, axes.x, axes.y, last_is_ours)
    return msgspec.structs.replace(chart, mermaid=drawing)


def _bar(claimed: float, rows: int, nth: int, models: int) -> tuple[float, float, float]:
    """Return where the bar of a bin stands: models share its width."""
    width = 1 / BINS
    place = min(int(claimed * BINS), BINS - 1)
    share = 0.9 * width / models
    start = (place + 0.05) * width + nth * share
    return round(start, 4), round(start + share, 4), rows


def _agreement(found: _Curves) -> Iterator[Chart]:
    points = {
        name: [(each.predicted, each.truth) for each in model.spreads]
        for name, model in found.items()
        if model.spreads
    }
    axes = Axes(x="mean prediction", y="mean truth", diagonal=True, points=True)
    if points:
        yield plane("Predicted and true", points, axes)


def _residuals(found: _Curves) -> Iterator[Chart]:
    ribbons = {
        name: [(each.predicted, each.low, each.middle, each.high) for each in model.spreads]
        for name, model in found.items()
        if model.spreads
    }
    axes = Axes(x="mean prediction", y="truth less prediction")
    if ribbons:
        yield bands("Residuals: median, and first to ninth decile", ribbons, axes)


def _confusion(model: str, confusion: Confusion) -> Chart:
    at = "" if confusion.threshold is None else f" at {confusion.threshold:.4g}"
    title = f"Confusion of the {model}{at}: truth down, decision across"
    return grid(title, confusion.classes, confusion.counts)
