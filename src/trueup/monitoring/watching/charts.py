"""A watched model in pictures: its windows against the threshold, and columns before and now."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trueup.monitoring.comparison_report import side_by_side
from trueup.monitoring.watching.events import Checked, State
from trueup.reporting.blocks import Block, Chart
from trueup.reporting.charts import SCHEMA, WIDTH, labelled, sparkline

if TYPE_CHECKING:
    from trueup.monitoring.cells import Cells

DRAWN = 4  # columns, before and now
_ROWS = 12  # columns, window by window
_SCORES, _COLUMNS = "Highest score of each window, in thresholds", "Columns, window by window"
_CHANCE = "within chance"
_MARKS = {"drifted": ("#c62828", "█"), "broken": ("#6a1b9a", "B"), _CHANCE: ("#cfd4d9", "·")}
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
        "title": _SCORES,
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
    return Chart(_SCORES, spec, labelled(letters))


def _versions(checks: Sequence[Checked]) -> dict[str, Any]:
    """Return what tells versions apart, where there are several."""
    if len({one.version for one in checks}) < 2:
        return {}
    legend = {"orient": "bottom"}
    return {"shape": {"field": "version", "type": "nominal", "title": "version", "legend": legend}}


def effects(checks: Sequence[Checked]) -> Chart:
    """Return in which windows columns have drifted or were broken; the most frequent first."""
    words = [_words(one) for one in checks]
    counts = Counter(name for each in words for name in each)
    names = [name for name, _ in counts.most_common(_ROWS)]
    values = [
        {
            "column": name,
            "window": one.window.begin.isoformat(),
            "end": one.window.end.isoformat(),
            "is": each.get(name, _CHANCE),
        }
        for name in names
        for one, each in zip(checks, words, strict=True)
    ]
    there = [word for word in _MARKS if any(value["is"] == word for value in values)]
    scale = {"domain": there, "range": [_MARKS[word][0] for word in there]}
    spec: dict[str, Any] = {
        "$schema": SCHEMA,
        "title": _COLUMNS,
        "width": WIDTH - 130,
        "height": {"step": 18},
        "data": {"values": values},
        "mark": {"type": "rect", "stroke": "#ffffff", "strokeWidth": 0.5},
        "encoding": {
            "x": {"field": "window", **_TIME},
            "x2": {"field": "end"},
            "y": {"field": "column", "type": "nominal", "title": None, "sort": names},
            "color": {"field": "is", "type": "nominal", "title": None, "scale": scale},
        },
    }
    letters = {
        name: "".join(_MARKS[each.get(name, _CHANCE)][1] for each in words[-60:]) for name in names
    }
    return Chart(_COLUMNS, spec, labelled(letters) or "no column has drifted", detail=not names)


def _words(one: Checked) -> dict[str, str]:
    """Return the columns that have drifted in a window, or were broken."""
    drifted = dict.fromkeys(one.drift.moved if one.drift else (), "drifted")
    return drifted | {each.column: "broken" for each in one.broken if each.column}


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
