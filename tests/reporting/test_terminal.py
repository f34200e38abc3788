"""Plain text lines up, fits, and cannot be steered by the names in it."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.reporting.blocks import Cell, Chart, Column, Report, Table, Text, Verdict
from trueup.reporting.charts import bars, lines, sparkline
from trueup.reporting.layout import width
from trueup.reporting.plain_json import render_json
from trueup.reporting.terminal import render_text
from trueup.reporting.wording import number

CELLS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40))


@given(st.lists(st.tuples(st.text(max_size=40), CELLS), max_size=5))
def test_every_row_is_one_line_that_prints(rows: list[tuple[str, Cell]]) -> None:
    table = Table((Column("a"), Column("b", "number")), tuple(rows))
    text = render_text(Report("", (table,)))
    assert text.count("\n") == (len(rows) + 1 if rows else 1)
    assert text.replace("\n", "").isprintable()


def test_points_of_numbers_stand_below_each_other() -> None:
    table = Table(
        (Column("metric"), Column("new", "number"), Column("unit")),
        (("auc", 0.7123, "x"), ("rows", 12000, "y"), ("loss", None, "z")),
    )
    assert render_text(Report("Run 1", (table,))) == (
        "Run 1\n"
        "\n"
        "metric         new  unit\n"
        "auc         0.7123  x\n"
        "rows    12000       y\n"
        "loss        -       z\n"
    )


@given(st.text(max_size=60), st.text(max_size=60), st.integers(20, 60))
def test_a_table_fits_its_room(one: str, two: str, room: int) -> None:
    table = Table((Column("a"), Column("b")), ((one, two),))
    for line in render_text(Report("", (table,)), room=room).splitlines():
        assert width(line) <= room


def test_wide_letters_keep_columns_in_line() -> None:
    table = Table((Column("name"), Column("b")), (("日本", "x"), ("abcd", "x")))
    assert render_text(Report("", (table,))).splitlines()[1:] == ["日本  x", "abcd  x"]


def test_a_name_cannot_move_the_cursor() -> None:
    text = render_text(
        Report("\x1b[2J", (Text("\x1b]0;x\x07\rgone"), Verdict("\n", "pass", ("\x9b",))))
    )
    assert text == "\\x1b[2J\n\n\\x1b]0;x\\x07\\rgone\n\n\\n: pass\n  \\x9b\n"


def test_colour_is_there_only_where_it_is_asked_for() -> None:
    report = Report("Run", (Verdict("auc", "fail"),))
    assert "\x1b" not in render_text(report)
    assert "\x1b[31mfail\x1b[0m" in render_text(report, colour=True)


def test_a_row_that_does_not_fit_its_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells under 1 columns"):
        Table((Column("a"),), (("x", "y"),))


@given(st.lists(st.floats(), max_size=300))
def test_a_sparkline_takes_any_numbers(values: list[float]) -> None:
    drawn = sparkline(values)
    assert len(drawn) == min(len(values), 60)
    assert set(drawn) <= set("▁▂▃▄▅▆▇█·")


@given(st.dictionaries(st.text(max_size=5), st.floats(), max_size=5))
def test_charts_are_json_whatever_they_show(heights: dict[str, float]) -> None:
    for chart in (bars("b", heights), lines("l", {n: [(0, v)] for n, v in heights.items()})):
        assert isinstance(chart, Chart)
        json.loads(msgspec.json.encode(chart.spec))
        assert len(chart.spec["data"]["values"]) == len(heights)


def test_bars_are_shares_of_the_longest() -> None:
    assert (
        bars("b", {"a": 2, "bb": 1}, unit="s").fallback == f"a   {'█' * 30} 2 s\nbb  {'█' * 15} 1 s"
    )


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_shown_within_its_digits(value: float) -> None:
    assert float(number(value, digits=17)) == value
    assert math.isclose(float(number(value)), value, rel_tol=1e-5)


def test_json_is_read_by_every_reader() -> None:
    table = Table((Column("a"),), ((math.nan,), (math.inf,), (0.5,)))
    read = json.loads(render_json(Report("t", (table,))), parse_constant=pytest.fail)
    assert read["blocks"][0]["rows"] == [["nan"], ["inf"], [0.5]]
    assert read["blocks"][0]["block"] == "table"
    assert read["format"] == 1
