"""A backtest in one picture: each policy's score over time, beside never, with what it did."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from trueup.loop.backtest.records import Backtest, PolicyRun, Step
from trueup.reporting.blocks import Chart
from trueup.reporting.charts import SCHEMA, sparkline
from trueup.reporting.wording import number

MOST = 8  # policies that a picture has room for
_PLACES = 60  # letters of a line
_WIDTH, _HEIGHT, _LANE = 560, 104, 10  # of a row; how high above its foot what was done stands
_LETTER = 13  # its size, which a phone shows at two thirds
_POLICY, _BESIDE = "#2e7fc2", "#8d949c"
_TIME = {"type": "temporal", "title": None, "scale": {"type": "utc"}}
_MARKS = {  # told apart by shape as well as by colour (Okabe and Ito's, safe for the colour-blind)
    "promoted": ("#009e73", "triangle-up", "▲"),
    "refused": ("#d55e00", "cross", "x"),
    "inconclusive": ("#cc79a7", "diamond", "?"),
    "other": ("#8d949c", "square", "-"),
}


def score_chart(found: Backtest, runs: Sequence[PolicyRun], beside: PolicyRun | None) -> Chart:
    """Return a row for each policy; ``beside`` is the one that stands in grey behind all."""
    drawn = [run for run in runs if beside is None or run.name != beside.name][:MOST] or list(runs)
    title = f"{found.metric} of each window{'' if found.higher else ', less is better'}"
    if beside is not None and drawn != [beside]:
        title += f"; grey: {beside.name}"
    if found.confirm_from is not None:
        title += "; shaded: the later part"
    marks = [name for name in _MARKS if any(_mark(s) == name for run in drawn for s in _made(run))]
    rows = [_row(found, run, beside, nth == len(drawn) - 1) for nth, run in enumerate(drawn)]
    if marks:
        for run, row in zip(drawn, rows, strict=True):
            row["layer"].append(_doings(run, marks, shown=row is rows[-1]))
    spec = {
        "$schema": SCHEMA,
        "title": title,
        "vconcat": rows,
        "spacing": 12,
        "resolve": {"scale": {"color": "independent", "shape": "independent"}},
    }
    return Chart(title, spec, _letters(found, [*drawn, *([beside] if beside else [])]))


def _row(found: Backtest, run: PolicyRun, beside: PolicyRun | None, last: bool) -> dict[str, Any]:
    low, high = _domain(found)
    span = [found.begin.isoformat(), found.end.isoformat()]
    axis = {"labels": last, "ticks": last, "domain": False, "tickCount": 8, "grid": False}
    axis["labelFontSize"] = _LETTER
    x = {"field": "at", **_TIME, "axis": axis, "scale": {"type": "utc", "domain": span}}
    y = {
        "field": "score",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [low, high], "nice": False, "zero": False},
        "axis": {"tickCount": 3, "labelFontSize": _LETTER},
    }
    place = {"x": x, "y": y}
    layers: list[dict[str, Any]] = []
    if found.confirm_from is not None:
        layers.append(_later_part(found, x))
    if beside is not None and beside.name != run.name:
        layers.append(_line(_points(beside, found.metric), place, _BESIDE, 1.5))
    promoted = [{"at": one.at.isoformat()} for one in run.steps if one.outcome == "promoted"]
    if promoted:
        rule = {"type": "rule", "color": _MARKS["promoted"][0], "opacity": 0.35}
        layers.append({"data": {"values": promoted}, "mark": rule, "encoding": {"x": x}})
    layers.append(_line(_points(run, found.metric), place, _POLICY, 2.2))
    head = {
        "text": _head(found, run, beside),
        "fontSize": _LETTER + 1,
        "fontWeight": "bold",
        "limit": _WIDTH,
    }
    return {"title": head, "width": _WIDTH, "height": _HEIGHT, "layer": layers}


def _head(found: Backtest, run: PolicyRun, beside: PolicyRun | None) -> str:
    """Return a policy's name with its score, and by how much that differs from never's."""
    scores = {one.policy: one.value for one in found.scores if one.metric == found.metric}
    if run.name not in scores:
        return run.name
    said = f"{run.name}: {number(scores[run.name], digits=4)}"
    if beside is None or beside.name == run.name or beside.name not in scores:
        return said
    apart = scores[run.name] - scores[beside.name]
    if not apart:
        return f"{said} (as {beside.name})"
    return f"{said} ({number(apart, digits=2, sign=True)} against {beside.name})"


def _line(values: list[dict[str, Any]], place: Any, colour: str, width: float) -> dict[str, Any]:
    mark = {"type": "line", "color": colour, "strokeWidth": width, "clip": True}
    return {"data": {"values": values}, "mark": mark, "encoding": place}


def _later_part(found: Backtest, x: dict[str, Any]) -> dict[str, Any]:
    """Return the shade of the part on which the best is confirmed."""
    begins = found.confirm_from or found.begin
    part = [{"at": begins.isoformat(), "to": found.end.isoformat()}]
    mark = {"type": "rect", "color": "#8d949c", "opacity": 0.13}
    return {"data": {"values": part}, "mark": mark, "encoding": {"x": x, "x2": {"field": "to"}}}


def _doings(run: PolicyRun, marks: list[str], *, shown: bool) -> dict[str, Any]:
    """Return a mark at the foot for each retrain: what came of it."""
    values = [{"at": one.at.isoformat(), "came": _mark(one)} for one in _made(run)]
    named: dict[str, Any] = {"field": "came", "type": "nominal", "title": None}
    legend = {"orient": "bottom", "symbolSize": 110, "labelFontSize": _LETTER, "columnPadding": 20}
    named["legend"] = legend if shown else None
    colours = {"domain": marks, "range": [_MARKS[name][0] for name in marks]}
    shapes = {"domain": marks, "range": [_MARKS[name][1] for name in marks]}
    return {
        "data": {"values": values},
        "mark": {"type": "point", "filled": True, "size": 95, "opacity": 1},
        "encoding": {
            "x": {"field": "at", **_TIME},
            "y": {"value": _HEIGHT - _LANE},
            "color": {**named, "scale": colours},
            "shape": {**named, "scale": shapes},
        },
    }


def _made(run: PolicyRun) -> Iterator[Step]:
    """Yield the retrains."""
    yield from (one for one in run.steps if one.do == "retrain")


def _mark(step: Step) -> str:
    return step.outcome if step.outcome in _MARKS else "other"


def _points(run: PolicyRun, metric: str) -> list[dict[str, Any]]:
    middles = [one.begin + (one.end - one.begin) / 2 for one in run.windows]
    return [
        {"at": at.isoformat(), "score": one.metrics.get(metric)}
        for at, one in zip(middles, run.windows, strict=True)
    ]


def _domain(found: Backtest) -> tuple[float, float]:
    """Return the least and the greatest score, with room for the marks below."""
    values = [
        value
        for run in found.runs
        for one in run.windows
        if (value := one.metrics.get(found.metric)) is not None
    ]
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) or 1.0
    return low - 0.3 * room, high + 0.05 * room


def _letters(found: Backtest, runs: Sequence[PolicyRun]) -> str:
    """Return a line of scores for each policy, and below it a mark where it retrained."""
    curves = [_few([one.metrics.get(found.metric) for one in run.windows]) for run in runs]
    together = sparkline([value for each in curves for value in each], sum(map(len, curves)))
    lines: list[tuple[str, str]] = []
    for run, each in zip(runs, curves, strict=True):
        lines.append((run.name, together[: len(each)]))
        together = together[len(each) :]
        marks = [" "] * max(1, len(each))
        for step in _made(run):
            share = (step.at - found.begin) / (found.end - found.begin)
            marks[min(len(marks) - 1, int(share * len(marks)))] = _MARKS[_mark(step)][2]
        if any(mark != " " for mark in marks):
            lines.append(("", "".join(marks)))
    lines.append(("", ", ".join(f"{sign} {name}" for name, (_, _, sign) in _MARKS.items())))
    widest = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{widest}}  {drawn}".rstrip() for name, drawn in lines)


def _few(values: Sequence[float | None]) -> list[float]:
    """Return means of neighbours, as many as there is room for; nan where there is no value."""
    room = max(1, min(_PLACES, len(values)))
    parts = [
        values[nth * len(values) // room : (nth + 1) * len(values) // room] for nth in range(room)
    ]
    there = [[value for value in part if value is not None] for part in parts]
    return [sum(part) / len(part) if part else math.nan for part in there]
