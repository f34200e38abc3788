"""Charts of counts in a grid, its rows and columns under the same names."""

from collections.abc import Sequence

from trueup.reporting.blocks import Chart
from trueup.reporting.charts import SCHEMA, WIDTH
from trueup.reporting.layout import fitted

_CELL = 40
_NAME = 16
_PLACES = 8
_FEW = 6  # columns that fit a line of letters


def grid(title: str, names: Sequence[str], counts: Sequence[Sequence[int]]) -> Chart:
    """Return counts by row and column under the same names; shades are shares of their row."""
    values = [
        {"down": down, "across": across, "rows": count, "share": count / (sum(row) or 1)}
        for down, row in zip(names, counts, strict=True)
        for across, count in zip(names, row, strict=True)
    ]
    down = {"field": "down", "type": "nominal", "sort": None, "title": None}
    across = {"field": "across", "type": "nominal", "sort": None, "title": None}
    axis = {"labelLimit": 90, "domain": False, "ticks": False}
    places = {
        "y": {**down, "axis": axis},
        "x": {**across, "axis": {**axis, "labelAngle": 0 if len(names) < 4 else -45}},
    }
    opacity = {"domain": [0, 1], "range": [0.04, 0.7]}
    shade = {"field": "share", "type": "quantitative", "scale": opacity, "legend": None}
    text = {"field": "rows", "type": "quantitative", "format": "d" if len(names) < 6 else ".3~s"}
    small = 12 if len(names) < 6 else 9
    picture = {
        "width": WIDTH,
        "height": max(130, min(_CELL * len(names) + 60, 380)),
        "autosize": {"type": "fit", "contains": "padding"},
        "data": {"values": values},
        "encoding": places,
        "layer": [
            {"mark": {"type": "rect", "color": "#2e7fc2"}, "encoding": {"fillOpacity": shade}},
            {"mark": {"type": "text", "fontSize": small}, "encoding": {"text": text}},
        ],
    }
    return Chart(title, {"$schema": SCHEMA, "title": title, **picture}, _letters(names, counts))


def _letters(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    if len(names) > _FEW:
        pairs = [(row[at], name) for at, (name, row) in enumerate(zip(names, counts, strict=True))]
        return "\n".join(
            f"{fitted(name, _NAME)}  right {right} of {sum(row)}"
            for (right, name), row in zip(pairs, counts, strict=True)
        )
    head = " " * (_NAME + 2) + "  ".join(fitted(name, _PLACES, right=True) for name in names)
    lines = [
        f"{fitted(name, _NAME)}  " + "  ".join(f"{count:>{_PLACES}}" for count in row)
        for name, row in zip(names, counts, strict=True)
    ]
    return "\n".join([head, *lines])
