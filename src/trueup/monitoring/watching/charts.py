"""A watched model in pictures: its windows against the threshold, and columns before and now."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trueup.monitoring.comparison_report import side_by_side
from trueup.monitoring.watching.events import Checked, State
from trueup.reporting.blocks import Block, Chart
from trueup.reporting.charts import SCHEMA, WIDTH, labelled, sparkline

if TYPE_CHECKING:
    from trueup.monitoring.cells import Cells

DRAWN = 4  # columns
_COLOURS: dict[State, str] = {
    "quiet": "#2e7d32",
    "alarm": "#c62828",
    "broken": "#6a1b9a",
    "out of season": "#ef6c00",
    "unsupported": "#757575",
}
_LETTERS: dict[State, str] = {
    "quiet": "·", "alarm": "A", "broken": "B", "out of season": "s", "unsupported": "?",
}  # fmt: skip
_TIME = {"type": "temporal", "title": None, "scale": {"type": "utc"}}
_HEIGHT = 200
_BAND: dict[str, Any] = {  # up to the threshold
    "mark": {"type": "rect", "color": "#2e7d32", "opacity": 0.12},
    "data": {"values": [{"low": 0, "high": 1}]},
    "encoding": {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}},
}
_MOST = 20.0  # times the threshold; farther off is as bad


def timeline(checks: Sequence[Checked], states: Sequence[State]) -> Chart:
    """Return each window's highest score, in thresholds: what is inside of the band is chance."""
    values = [
        {
            "window": one.window.begin.isoformat(),
            "score": _score(one),
            "state": state,
            "version": str(one.version),
        }
        for one, state in zip(checks, states, strict=True)
    ]
    x = {"field": "window", **_TIME}
    y = {"field": "score", "type": "quantitative", "title": "score / threshold"}
    there = [state for state in _COLOURS if state in states]
    scale = {"domain": there, "range": [_COLOURS[state] for state in there]}
    colour = {"field": "state", "type": "nominal", "title": None, "scale": scale}
    spec: dict[str, Any] = {
        "$schema": SCHEMA,
        "title": "Windows",
        "width": WIDTH - 55,
        "height": _HEIGHT,
        "data": {"values": values},
        "layer": [
            _BAND,
            {"mark": {"type": "line", "color": "#9e9e9e"}, "encoding": {"x": x, "y": y}},
            {
                "mark": {"type": "point", "filled": True, "size": 60},
                "encoding": {"x": x, "y": y, "color": colour, **_versions(checks)},
            },
        ],
    }
    letters = {
        "score": sparkline([_score(one) for one in checks]),
        "state": "".join(_LETTERS[state] for state in states[-60:]),
    }
    return Chart("Windows", spec, labelled(letters))


def _versions(checks: Sequence[Checked]) -> dict[str, Any]:
    """Return what tells versions apart, where there are several."""
    if len({one.version for one in checks}) < 2:
        return {}
    legend = {"orient": "bottom"}
    return {"shape": {"field": "version", "type": "nominal", "title": "version", "legend": legend}}


def effects(checks: Sequence[Checked]) -> Chart:
    """Return how far the columns of the last window were off in each window that holds them."""
    last = next((one.drift for one in reversed(checks) if one.drift), None)
    names = [one.name for one in last.columns[:DRAWN]] if last else []
    known = [
        {each.name: each.effect for each in one.drift.columns} if one.drift else {}
        for one in checks
    ]
    values = [
        {"column": name, "window": one.window.begin.isoformat(), "effect": shown[name]}
        for one, shown in zip(checks, known, strict=True)
        for name in names
        if name in shown
    ]
    spec: dict[str, Any] = {
        "$schema": SCHEMA,
        "title": "Effect by column",
        "width": WIDTH - 55,
        "height": _HEIGHT,
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "window", **_TIME},
            "y": {"field": "effect", "type": "quantitative"},
            "color": {"field": "column", "type": "nominal", "title": None, "sort": names},
        },
    }
    letters = {name: sparkline([each.get(name, math.nan) for each in known]) for name in names}
    return Chart("Effect by column", spec, labelled(letters), detail=True)


def distributions(
    names: Sequence[str], before: "Mapping[str, Cells]", now: "Mapping[str, Cells]"
) -> list[Block]:
    """Return the first of these columns in the reference and in a window."""
    there = [name for name in names if name in before and name in now]
    return [side_by_side(name, before[name], now[name]) for name in there[:DRAWN]]


def _score(one: Checked) -> float:
    if one.drift is None or one.drift.at <= 0:
        return 0.0
    return min(one.drift.score / one.drift.at, _MOST)
