"""Performance as blocks of a report: windows with intervals and bands, labels by age and score."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trueup.monitoring.maturity import MaturityCurve
from trueup.monitoring.performance.dropping import Drop
from trueup.monitoring.performance.past import Trust
from trueup.monitoring.performance.records import ASSUMES, Estimated, Performance, Realised
from trueup.reporting.blocks import Block, Cell, Chart, Check, Column, Table, Text, Verdict
from trueup.reporting.charts import SCHEMA, WIDTH, labelled, sparkline
from trueup.reporting.planes import Axes, plane
from trueup.reporting.wording import duration, moment, number

_REALISED, _ESTIMATED = "#1f77b4", "#ff7f0e"
_COLUMNS = (
    Column("window"),
    Column("rows", "number"),
    Column("labelled", "number"),
    Column("labels"),
    Column("realised", "number", digits=4),
    Column("from", "number", digits=4),
    Column("to", "number", digits=4),
    Column("rests on"),
    Column("estimated", "number", digits=4),
    Column("from ", "number", digits=4),
    Column("to ", "number", digits=4),
    Column("by"),
)


def performance_blocks(
    windows: Sequence[Performance],
    metric: str,
    curve: MaturityCurve | None = None,
    trusted: Trust | None = None,
    drops: Mapping[str, Drop] | None = None,
) -> tuple[Block, ...]:
    """Return what a report says of one metric over windows; ``drops`` are by window's begin."""
    ordered = sorted(windows, key=lambda one: one.begin)
    if not ordered:
        return (Text(f"No window of {metric} has been looked at."),)
    blocks: list[Block] = [_verdict(metric, drops)] if drops else []
    blocks += [
        timeline(ordered, metric),
        Table(_COLUMNS, tuple(_row(one, metric) for one in ordered), f"{metric} by window"),
        Text("\n".join(_notes(ordered, metric, trusted))),
    ]
    if curve is not None and curve.ages_s:
        blocks.append(maturity_chart(curve))
    if any(one.coverage.by_score for one in ordered):
        blocks.append(_coverage(ordered[-1]))
    return tuple(blocks)


def _verdict(metric: str, drops: Mapping[str, Drop]) -> Verdict:
    alarmed = {name: one for name, one in drops.items() if one.alarmed}
    reasons = tuple(f"{name}: {one.reasons[0]}" for name, one in alarmed.items())
    checks = tuple(
        Check(
            name,
            "fail" if one.alarmed else "pass" if one.score is not None else "not judged",
            "; ".join(one.reasons),
        )
        for name, one in drops.items()
    )
    calm = f"{metric} has not dropped"
    return Verdict(f"Drop of {metric}", "fail" if alarmed else "pass", reasons or (calm,), checks)


def _row(one: Performance, metric: str) -> tuple[Cell, ...]:
    came, made = one.headline(metric), _made(one, metric)
    ripe = one.maturity
    share = "" if ripe.come is None else f", about {ripe.come:.0%}"
    return (
        moment(one.begin),
        one.rows,
        one.coverage.labelled,
        "mature" if ripe.mature else f"not mature{share}",
        None if came is None else came.value,
        None if came is None else came.lower,
        None if came is None else came.upper,
        "-" if came is None else came.rests,
        None if made is None else made.value,
        None if made is None else made.lower,
        None if made is None else made.upper,
        "refused" if made is not None and made.value is None else made.method if made else "-",
    )


def _made(one: Performance, metric: str) -> Estimated | None:
    return next((each for each in one.estimated if each.metric == metric), None)


def _notes(windows: Sequence[Performance], metric: str, trusted: Trust | None) -> list[str]:
    notes = []
    made = [each for one in windows if (each := _made(one, metric)) is not None]
    if made:
        notes.append(ASSUMES)
        notes += _alike(why for each in made for why in each.reasons)
    if trusted is not None and trusted.why:
        off = (
            ""
            if trusted.error is None
            else (
                f" Past estimates were off by {number(trusted.error, digits=3)} (root mean square),"
                f" on average {number(trusted.bias or 0.0, digits=3, sign=True)}, which is in the "
                "band."
            )
        )
        notes.append(f"{trusted.why}.{off}")
    immature = sum(not one.maturity.mature for one in windows)
    if immature:
        notes.append(
            f"{immature} windows are not mature: what came early need not be like what comes "
            "late, and their realised values are shown and not judged."
        )
    found = [one.headline(metric) for one in windows]
    partial = {one.rests for one in found if one is not None and one.rests != "all rows"}
    for rests in sorted(partial):
        notes.append(_RESTS[rests])
    notes += list(dict.fromkeys(one.maturity.says for one in windows if one.maturity.says))
    notes += list(dict.fromkeys(why for one in windows for why in one.reasons))
    notes += list(
        dict.fromkeys(
            f"{one.name}: {one.reason}" for one in found if one is not None and one.reason
        )
    )
    return notes or ["All labels are there."]


def _alike(reasons: Iterable[str]) -> list[str]:
    """Return each reason once: of those that differ in numbers and columns alone the first."""
    found: dict[str, list[str]] = {}
    for why in reasons:
        found.setdefault(_VARYING.sub("#", why), []).append(why)
    return [
        f"{some[0]} (so or alike {len(some)} times)" if len(set(some)) > 1 else some[0]
        for some in found.values()
    ]


_VARYING = re.compile(r"\d[\d.,]*(?: apart in \S+?(?=;| |$))?")
_RESTS = {
    "labelled rows": (
        "On labelled rows: not all rows have a label, and those without may be different."
    ),
    "weighted rows": (
        "On weighted rows: each labelled row stands for those like it, by the inverse of its "
        "declared propensity; right as far as that is."
    ),
    "explored rows": "On explored rows: drawn at random to be labelled, they stand for all rows.",
}


def timeline(windows: Sequence[Performance], metric: str) -> Chart:
    """Return realised values with intervals and estimates with bands, over time."""
    spec = {
        "$schema": SCHEMA,
        "title": f"{metric}: realised, and estimated without labels",
        "width": WIDTH - 55,
        "data": {"values": _values(windows, metric)},
        "layer": _layers(metric),
    }
    letters = {
        "realised": sparkline([_height(one.headline(metric)) for one in windows]),
        "estimated": sparkline([_height(one.estimate(metric)) for one in windows]),
    }
    return Chart(f"{metric} over time", spec, labelled(letters))


def _values(windows: Sequence[Performance], metric: str) -> list[dict[str, Any]]:
    """Return a point for each window's realised value, and for each estimate."""
    values = []
    for one in windows:
        came, made = one.headline(metric), one.estimate(metric)
        kinds = {"realised": (came, one.maturity.mature), "estimated": (made, True)}
        for kind, (found, mature) in kinds.items():
            if found is not None and found.value is not None:
                point = {"value": found.value, "low": found.lower, "high": found.upper}
                values.append(
                    {"at": one.begin.isoformat(), "kind": kind, **point, "mature": mature}
                )
    return values


def _layers(metric: str) -> list[dict[str, Any]]:
    """Return estimates as a band and a dashed line, realised values as points with intervals."""
    x = {"field": "at", "type": "temporal", "title": None}
    y = {"field": "value", "type": "quantitative", "title": metric, "scale": {"zero": False}}
    scale = {"domain": ["realised", "estimated"], "range": [_REALISED, _ESTIMATED]}
    colour = {"field": "kind", "type": "nominal", "title": None, "scale": scale}
    place = {"x": x, "y": y, "color": colour}
    band = {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour}
    hollow = {"condition": {"test": "datum.mature", "value": 1}, "value": 0.35}
    drawn: list[tuple[str, Any, dict[str, Any]]] = [
        ("estimated", {"type": "area", "opacity": 0.2}, band),
        ("estimated", {"type": "line", "strokeDash": [6, 3]}, place),
        ("realised", "rule", {**band, "opacity": hollow}),
        ("realised", {"type": "point", "filled": True}, {**place, "opacity": hollow}),
    ]
    return [
        {
            "transform": [{"filter": f"datum.kind == '{kind}'"}],
            "mark": mark,
            "encoding": encoding,
        }
        for kind, mark, encoding in drawn
    ]


def _height(found: Realised | Estimated | None) -> float:
    return math.nan if found is None or found.value is None else found.value


def maturity_chart(curve: MaturityCurve) -> Chart:
    """Return which share of labels has come by age."""
    unit, name = (86_400.0, "days") if curve.ages_s[-1] > 2 * 86_400 else (3600.0, "hours")
    curves = {
        kind: [(age / unit, share) for age, share in zip(curve.ages_s, shares, strict=True)]
        for kind, shares in (
            ("of labels that come", curve.of_labels),
            ("of all rows", curve.of_rows),
        )
    }
    axes = Axes(x=f"age in {name}", y="share labelled")
    return plane(f"Labels by age, known up to {duration(curve.ages_s[-1])}", curves, axes)


def _coverage(one: Performance) -> Table:
    columns = (
        *(Column(name, "number", digits=4) for name in ("score from", "to")),
        *(Column(name, "number") for name in ("rows", "can be labelled", "labelled")),
        Column("share labelled", "number", unit="%", digits=3),
    )
    rows = tuple(
        (
            each.low,
            each.high,
            each.rows,
            each.observed,
            each.labelled,
            100 * each.labelled / each.rows,
        )
        for each in one.coverage.by_score
    )
    return Table(columns, rows, f"Labels by score, window of {moment(one.begin)}", detail=True)
