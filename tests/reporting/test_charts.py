"""Charts are values: specifications that are JSON whatever they show, and the same in letters."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.reporting.blocks import Chart, Report
from trueup.reporting.charts import pairs
from trueup.reporting.forests import Span, intervals, strips
from trueup.reporting.grids import grid
from trueup.reporting.html import render_html
from trueup.reporting.layout import width
from trueup.reporting.pictures import can_draw
from trueup.reporting.planes import Axes, bands, plane, with_bars

NUMBER = st.floats(allow_nan=False, allow_infinity=False)
MAYBE = st.one_of(st.none(), NUMBER)
SPANS = st.builds(
    Span,
    name=st.text(max_size=40),
    word=st.sampled_from(["pass", "fail", "inconclusive"]),
    estimate=NUMBER,
    lower=MAYBE,
    upper=MAYBE,
    limit=MAYBE,
    zero=st.booleans(),
)
AXES = Axes(x="x", y="y", diagonal=True)


def finite(value: Any) -> bool:
    """Say whether there is no number that JSON cannot hold."""
    if isinstance(value, float):
        return math.isfinite(value)
    held = value.values() if isinstance(value, dict) else value
    return not isinstance(value, dict | list | tuple) or all(map(finite, held))


def sound(chart: Chart) -> None:
    assert finite(chart.spec)
    json.loads(msgspec.json.encode(chart.spec))
    for line in chart.fallback.splitlines():
        assert width(line) <= 80


@given(st.lists(SPANS, min_size=1, max_size=5))
def test_intervals_of_any_numbers_can_be_drawn(spans: list[Span]) -> None:
    for chart in (intervals("t", spans), strips("t", spans)):
        sound(chart)
        assert len(chart.fallback.splitlines()) == len(spans)


def test_an_interval_in_letters_lies_as_it_should() -> None:
    span = Span(name="auc", word="fail", estimate=0.5, lower=0.4, upper=0.6, limit=0.7, zero=False)
    line = intervals("t", [span]).fallback
    assert [sign for sign in line if sign not in " ─"] == [*"auc├●┤┃"]
    open_side = msgspec.structs.replace(span, lower=None)
    assert "◄" in intervals("t", [open_side]).fallback


@given(st.lists(st.tuples(NUMBER, NUMBER), max_size=6))
def test_curves_of_any_points_can_be_drawn(points: list[tuple[float, float]]) -> None:
    curves = {"candidate": points, "champion": points[:1]}
    ribbons = {"candidate": [(x, y, y, y) for x, y in points]}
    bars = {"candidate": [(x, x, y) for x, y in points]}
    sound(plane("t", curves, AXES))
    sound(bands("t", ribbons, AXES))
    sound(with_bars("t", curves, AXES, bars))


@pytest.mark.parametrize("classes", [1, 2, 7, 8, 13])
def test_a_grid_of_any_size_is_drawn_with_every_count(classes: int) -> None:
    names = [f"class {n}" for n in range(classes)]
    counts = [[n * m for m in range(classes)] for n in range(classes)]
    chart = grid("t", names, counts)
    sound(chart)
    assert len(chart.spec["data"]["values"]) == classes * classes


@pytest.mark.skipif(not can_draw(), reason="the extra report is not installed")
def test_a_picture_of_huge_and_of_equal_numbers_is_still_a_picture() -> None:
    huge = Span(name="mse", word="pass", estimate=1e308, lower=-1e308, limit=1.7e308, zero=True)
    flat = Span(name="one", word="pass", estimate=0.0, lower=0.0, upper=0.0, limit=0.0)
    charts = (
        strips("t", [huge, flat]),
        intervals("t", [huge, flat]),
        plane("t", {"a": [(0.0, math.nan), (1e308, -1e308)]}, AXES),
        grid("t", ["a"], [[0]]),
    )
    assert render_html(Report("r", charts)).count("<svg") == len(charts)


def test_two_shares_of_a_name_stand_beside_each_other() -> None:
    drawn = pairs("dest", {"BOS": (4.0, 2.0), "ALB": (0.0, math.nan)}, unit="%")
    sound(drawn)
    assert drawn.fallback.splitlines() == [
        f"BOS before  {'█' * 30} 4 %",
        f"BOS now     {'█' * 15} 2 %",
        "ALB before   0 %",
        "ALB now      nan %",
    ]
