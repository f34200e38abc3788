"""Charts of intervals beside their limits: on one scale for all, or each on a scale of its own."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from trueup.reporting.blocks import Chart
from trueup.reporting.charts import SCHEMA, WIDTH
from trueup.reporting.layout import fitted

_PLACES = 44  # of a drawing in letters
_NAME = 30  # letters of a name beside it
_ROW = 24
_MOST = 1.7e308
_WORDS = ("pass", "fail", "inconclusive", "not judged")
_COLOURS = ("#3d9a5f", "#d0463b", "#d08a1f", "#888888")
_SHAPES = ("circle", "cross", "triangle-up", "square")


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate, its interval and what it is compared with; an open side is None."""

    name: str
    word: str  # pass, fail, inconclusive, not judged
    estimate: float
    lower: float | None = None
    upper: float | None = None
    limit: float | None = None
    zero: bool = False  # whether zero means something: no difference

    @property
    def marks(self) -> list[float]:
        """Return every place that must be seen."""
        each = (self.estimate, self.lower, self.upper, self.limit, 0.0 if self.zero else None)
        return [value for value in each if value is not None]


def intervals(title: str, spans: Sequence[Span], *, x: str = "") -> Chart:
    """Return spans below each other on one scale."""
    low, high = _domain(spans)
    picture = {
        "width": WIDTH,
        "height": _ROW * len(spans),
        "autosize": {"type": "fit", "contains": "padding"},
        **_layers(spans, (low, high), x),
    }
    drawn = "\n".join(_line(span, low, high) for span in spans)
    return Chart(title, {"$schema": SCHEMA, "title": title, **picture}, drawn)


def strips(title: str, spans: Sequence[Span]) -> Chart:
    """Return spans below each other, each on a scale of its own: their units are not the same."""
    views, lines = [], []
    for span in spans:
        low, high = _domain([span])
        views.append(
            {
                "title": f"{span.name}: {span.word}",
                "width": WIDTH - 20,
                "height": _ROW,
                **_layers([span], (low, high), ""),
            }
        )
        lines.append(_line(span, low, high))
    picture = {"vconcat": views, "spacing": 46, "bounds": "flush"}
    return Chart(title, {"$schema": SCHEMA, "title": title, **picture}, "\n".join(lines))


def _domain(spans: Iterable[Span]) -> tuple[float, float]:
    """Return the least and the greatest mark, with room for open sides beyond them."""
    marks = [mark for span in spans for mark in span.marks]
    low, high = min(marks), max(marks)
    room = (high / 2 - low / 2) * 0.16 or abs(high) * 0.08 or 1.0  # halved: it may not overflow
    return max(low - room, -_MOST), min(high + room, _MOST)


def _layers(spans: Sequence[Span], domain: tuple[float, float], x: str) -> dict[str, Any]:
    low, high = domain
    values = [
        {
            "name": span.name,
            "word": span.word,
            "estimate": span.estimate,
            "lower": _end(span, span.lower, low),
            "upper": _end(span, span.upper, high),
            "limit": span.limit,
        }
        for span in spans
    ]
    alone = len(spans) == 1
    axis = None if alone else {"labelLimit": 150, "grid": False, "ticks": False, "domain": False}
    place = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": axis}
    scale = {"domain": [low, high], "nice": False, "zero": False}
    across = {
        "type": "quantitative",
        "scale": scale,
        "title": x or None,
        "axis": {"tickCount": 5, "labelOverlap": True},
    }
    named: dict[str, Any] = {"field": "word", "type": "nominal", "legend": None}
    colour = {**named, "scale": {"domain": _WORDS, "range": _COLOURS}}
    shape = {**named, "scale": {"domain": _WORDS, "range": _SHAPES}}
    tick = {"type": "tick", "orient": "vertical", "size": _ROW - 4}
    ranged = {"y": place, "x": {"field": "lower", **across}, "x2": {"field": "upper"}}
    at = {"y": place, "x": {"field": "estimate", **across}, "color": colour, "shape": shape}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": {**ranged, "color": colour}},
        {
            "mark": {**tick, "thickness": 2.5, "color": "#888888"},
            "encoding": {"y": place, "x": {"field": "limit", **across}},
        },
        {"mark": {"type": "point", "filled": True, "size": 70, "opacity": 1}, "encoding": at},
    ]
    if any(span.zero for span in spans):
        none = {"type": "rule", "strokeDash": [2, 3], "color": "#888888"}
        layers.insert(0, {"mark": none, "encoding": {"x": {"datum": 0, **across}}})
    return {"data": {"values": values}, "layer": layers}


def _end(span: Span, bound: float | None, edge: float) -> float:
    """Return where an interval ends: an open side at the edge, none at all in the estimate."""
    if span.lower is None and span.upper is None:
        return span.estimate
    return edge if bound is None else bound


def _line(span: Span, low: float, high: float) -> str:
    """Return one span in letters: ``carrier=UA   ├──●──┤  ┃``."""
    drawn = [" "] * _PLACES

    def place(value: float) -> int:
        share = (value / 2 - low / 2) / (high / 2 - low / 2)
        return min(_PLACES - 1, max(0, round(share * (_PLACES - 1))))

    start = 0 if span.lower is None else place(span.lower)
    end = _PLACES - 1 if span.upper is None else place(span.upper)
    if span.lower is not None or span.upper is not None:
        drawn[start : end + 1] = "─" * (end + 1 - start)
        drawn[start] = "◄" if span.lower is None else "├"
        drawn[end] = "►" if span.upper is None else "┤"
    if span.zero and drawn[place(0.0)] in " ─":
        drawn[place(0.0)] = "┊"
    drawn[place(span.estimate)] = "●"
    if span.limit is not None:
        drawn[place(span.limit)] = "┃"
    return f"{fitted(span.name, _NAME)}  {''.join(drawn)}".rstrip()
