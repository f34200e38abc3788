"""Charts of curves in a plane: against a diagonal, with bands, with bars below them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from trueup.reporting.blocks import Chart
from trueup.reporting.charts import SCHEMA, WIDTH, labelled, sparkline

Points: TypeAlias = Sequence[tuple[float, float]]

_HEIGHT = 260
_SPARKS = 48
_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
_FEW: dict[str, Any] = {"axis": {"tickCount": 5}}
_DIAGONAL = {"type": "line", "strokeDash": [2, 3], "color": "#888888", "strokeWidth": 1}


class Axes(msgspec.Struct, frozen=True, kw_only=True):
    """What the two directions mean. ``domain``: of both; None: as far as the points reach."""

    x: str
    y: str
    domain: tuple[float, float] | None = None
    diagonal: bool = False  # what lies on it is right, or no better than chance
    points: bool = False  # mark each point


def plane(title: str, curves: Mapping[str, Points], axes: Axes) -> Chart:
    """Return curves, one line each, told apart by colour and by dashes."""
    return Chart(
        title,
        {"$schema": SCHEMA, "title": title, **_view(curves, axes)},
        labelled({name: _sparks(points) for name, points in curves.items()}),
    )


def with_bars(
    title: str,
    curves: Mapping[str, Points],
    axes: Axes,
    bars: Mapping[str, Sequence[tuple[float, float, float]]],
) -> Chart:
    """Return curves with bars (from, to, height) below them: how much each point rests on."""
    values = [
        {"curve": name, "from": start, "to": end, "rows": height}
        for name, each in bars.items()
        for start, end, height in each
    ]
    scale = {"domain": list(axes.domain)} if axes.domain else {}
    below = {
        "width": WIDTH - 55,
        "height": 60,
        "data": {"values": values},
        "mark": {"type": "bar", "orient": "vertical"},
        "encoding": {
            "x": {"field": "from", "type": "quantitative", "scale": scale, "title": axes.x, **_FEW},
            "x2": {"field": "to"},
            "y": {
                "field": "rows",
                "type": "quantitative",
                "title": "rows",
                "axis": {"tickCount": 3, "format": "~s"},
            },
            "color": _named("curve", list(bars)),
        },
    }
    above = _view(curves, msgspec.structs.replace(axes, x=""))
    picture = {"vconcat": [above, below], "spacing": 4}
    letters = {name: _sparks(points) for name, points in curves.items()}
    rows = {f"{name}, rows": sparkline([bar[2] for bar in each]) for name, each in bars.items()}
    return Chart(
        title, {"$schema": SCHEMA, "title": title, **picture}, labelled({**letters, **rows})
    )


def bands(
    title: str, ribbons: Mapping[str, Sequence[tuple[float, float, float, float]]], axes: Axes
) -> Chart:
    """Return a ribbon for each name: points (x, low, middle, high), with zero as a dashed line."""
    values = [
        {"curve": name, "x": x, "low": low, "y": middle, "high": high}
        for name, points in ribbons.items()
        for x, low, middle, high in points
    ]
    x = {"field": "x", "type": "quantitative", "title": axes.x, "scale": {"zero": False}}
    y = {"type": "quantitative", "title": axes.y}
    named = _named("curve", list(ribbons))
    low, high = {"field": "low", **y}, {"field": "high"}
    picture = {
        "width": WIDTH - 55,
        "height": _HEIGHT,
        "data": {"values": values},
        "layer": [
            {"mark": _DIAGONAL | {"type": "rule"}, "encoding": {"y": {"datum": 0, **y}}},
            {
                "mark": {"type": "area", "opacity": 0.18},
                "encoding": {"x": x, "y": low, "y2": high, "color": named},
            },
            {
                "mark": "line",
                "encoding": {"x": x, "y": {"field": "y", **y}, **_told(list(ribbons))},
            },
        ],
    }
    letters = {name: sparkline([point[2] for point in each]) for name, each in ribbons.items()}
    return Chart(title, {"$schema": SCHEMA, "title": title, **picture}, labelled(letters))


def _view(curves: Mapping[str, Points], axes: Axes) -> dict[str, Any]:
    values = [
        {"curve": name, "x": x, "y": y, "nth": nth}
        for name, points in curves.items()
        for nth, (x, y) in enumerate(points)
        if math.isfinite(x) and math.isfinite(y)
    ]
    scale = {"domain": list(axes.domain)} if axes.domain else {"zero": False}
    x = {"field": "x", "type": "quantitative", "scale": scale, "title": axes.x or None, **_FEW}
    y = {"field": "y", "type": "quantitative", "scale": scale, "title": axes.y, **_FEW}
    encoding = {"x": x, "y": y, **_told(list(curves)), "order": {"field": "nth"}}
    mark = {"type": "line", "point": axes.points, "strokeWidth": 2}
    layers: list[dict[str, Any]] = [
        {"data": {"values": values}, "mark": mark, "encoding": encoding}
    ]
    if axes.diagonal and values:
        ends = axes.domain or _reach(values)
        corners = {"values": [{"x": end, "y": end} for end in ends]}
        layers.insert(0, {"data": corners, "mark": _DIAGONAL, "encoding": {"x": x, "y": y}})
    return {"width": WIDTH - 55, "height": _HEIGHT, "layer": layers}


def _reach(values: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    places = [value[key] for value in values for key in ("x", "y")]
    return min(places), max(places)


def _named(field: str, names: list[str]) -> dict[str, Any]:
    return {"field": field, "type": "nominal", "title": None, "scale": {"domain": names}}


def _told(names: list[str]) -> dict[str, Any]:
    """Return what tells curves apart, also for who does not see their colours."""
    named = _named("curve", names)
    dashes = {"domain": names, "range": [_DASHES[i % len(_DASHES)] for i in range(len(names))]}
    return {"color": named, "strokeDash": {**named, "scale": dashes}}


def _sparks(points: Points) -> str:
    """Return a curve in letters, at even steps from left to right."""
    there = sorted(point for point in points if all(map(math.isfinite, point)))
    if not there:
        return ""
    first, span, last = there[0][0], there[-1][0] - there[0][0], 0
    heights = []
    for nth in range(_SPARKS):
        at = first + span * nth / (_SPARKS - 1)
        while last + 1 < len(there) and there[last + 1][0] <= at:
            last += 1
        heights.append(there[last][1])
    return sparkline(heights, _SPARKS)
