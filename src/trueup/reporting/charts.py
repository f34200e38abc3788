"""Charts as values: a Vega-Lite specification, and the same drawn in letters."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from trueup.reporting.blocks import Chart
from trueup.reporting.wording import number

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
WIDTH = 365  # of a picture: what a phone shows without making it smaller

_LEVELS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉"


def lines(
    title: str,
    curves: Mapping[str, Sequence[tuple[float, float]]],
    *,
    x: str = "step",
    y: str = "value",
) -> Chart:
    """Return curves of (x, y) points, one line each; what is not finite leaves a gap."""
    values: list[dict[str, Any]] = [
        {"curve": name, "x": at, "y": value if math.isfinite(value) else None}
        for name, points in curves.items()
        for at, value in points
    ]
    encoding = {
        "x": {"field": "x", "type": "quantitative", "title": x},
        "y": {"field": "y", "type": "quantitative", "title": y, "scale": {"zero": False}},
        "color": {"field": "curve", "type": "nominal", "title": None},
    }
    drawn = {name: sparkline([value for _, value in points]) for name, points in curves.items()}
    return Chart(title, _spec(title, "line", values, encoding), labelled(drawn))


def bars(title: str, heights: Mapping[str, float], *, unit: str = "") -> Chart:
    """Return one bar for each name; lengths are shares of the longest."""
    values = [
        {"name": name, "value": value if math.isfinite(value) else None}
        for name, value in heights.items()
    ]
    encoding = {
        "y": {"field": "name", "type": "nominal", "sort": None, "title": None},
        "x": {"field": "value", "type": "quantitative", "title": unit or None},
    }
    longest = max((abs(v) for v in heights.values() if math.isfinite(v)), default=0.0)
    drawn = {
        name: f"{_bar(value, longest)} {number(value)}{f' {unit}' if unit else ''}"
        for name, value in heights.items()
    }
    return Chart(title, _spec(title, "bar", values, encoding), labelled(drawn))


def pairs(
    title: str,
    heights: Mapping[str, tuple[float, float]],
    *,
    names: tuple[str, str] = ("before", "now"),
    unit: str = "",
) -> Chart:
    """Return two bars beside each other for each name; lengths are shares of the longest."""
    values = [
        {"name": name, "when": when, "value": value if math.isfinite(value) else None}
        for name, both in heights.items()
        for when, value in zip(names, both, strict=True)
    ]
    scale = {"domain": list(names), "range": ["#9aa5b1", "#d57a1f"]}
    encoding = {
        "y": {"field": "name", "type": "nominal", "sort": None, "title": None},
        "yOffset": {"field": "when", "sort": None},
        "x": {"field": "value", "type": "quantitative", "title": unit or None},
        "color": {"field": "when", "type": "nominal", "title": None, "scale": scale},
    }
    flat = [value for both in heights.values() for value in both if math.isfinite(value)]
    longest = max(map(abs, flat), default=0.0)
    drawn = {
        f"{name} {when}": f"{_bar(value, longest)} {number(value)}{f' {unit}' if unit else ''}"
        for name, both in heights.items()
        for when, value in zip(names, both, strict=True)
    }
    spec = _spec(title, "bar", values, encoding)
    return Chart(title, spec | {"height": {"step": 8}}, labelled(drawn))


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """Return a curve in one line, at most so many letters wide; ``·`` where there is no number.

    >>> sparkline([0, 1, 2, 3, 4, 5, 6, 7])
    '▁▂▃▄▅▆▇█'
    >>> sparkline([1.0, math.nan, 1.0])
    '▁·▁'
    """
    if len(values) > width:
        values = [
            _mean(values[i * len(values) // width :][: len(values) // width + 1])
            for i in range(width)
        ]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return "·" * len(values)
    low, high = min(finite), max(finite)
    return "".join(
        _LEVELS[_level(value, low, high)] if math.isfinite(value) else "·" for value in values
    )


def labelled(drawn: Mapping[str, str]) -> str:
    """Return drawings below each other, their names in front."""
    widest = max((len(name) for name in drawn), default=0)
    return "\n".join(f"{name:<{widest}}  {drawing}" for name, drawing in drawn.items())


def _level(value: float, low: float, high: float) -> int:
    span = high / 2 - low / 2  # halved: the span of two huge numbers would overflow
    return int((value / 2 - low / 2) / span * 7.999) if span > 0 else 0


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return sum(value / len(finite) for value in finite) if finite else math.nan


def _bar(value: float, longest: float, width: int = 30) -> str:
    if not math.isfinite(value) or longest == 0:
        return ""
    eighths = round(abs(value) / longest * width * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _spec(
    title: str, mark: str, values: list[dict[str, Any]], encoding: dict[str, Any]
) -> dict[str, Any]:
    return {
        "$schema": SCHEMA,
        "title": title,
        "width": WIDTH - 55,
        "data": {"values": values},
        "mark": mark,
        "encoding": encoding,
    }
