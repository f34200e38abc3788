"""Each corruption of real flights is caught and named; real days, seasons and drift are not."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from tests.monitoring.broken.tables import ASKED, FIRST, basis, checked, days, every_day, flights
from trueup.monitoring.broken.checking import broken, sound
from trueup.monitoring.broken.records import Limits, Pipe, piped
from trueup.monitoring.broken.report import broken_record, broken_report
from trueup.monitoring.broken.windows import basis_of, window_of
from trueup.reporting.terminal import render_text

A_DAY = datetime(2013, 9, 3, tzinfo=UTC)
ROW = pl.int_range(pl.len())
CASES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a tenth is null": (
        {"distance": pl.when(ROW % 10 == 0).then(None).otherwise("distance")},
        "nulls", "distance", "there were none",
    ),
    "a column is empty": ({"temp": pl.lit(None)}, "nulls", "temp", "956 of 956 rows are null"),
    "half is not a number": (
        {"temp": pl.when(ROW > 478).then(float("nan")).otherwise("temp")},
        "nulls", "temp", "NaN",
    ),
    "numbers as text": (
        {"distance": pl.col("distance").cast(pl.String)}, "type", "distance", "written as text",
    ),
    "codes for words": (
        {"carrier": pl.col("carrier").rank("dense")}, "type", "carrier", "was text",
    ),
    "kilometres": (
        {"distance": pl.col("distance") * 1.609344}, "unit", "distance", "miles to kilometres",
    ),
    "metres": ({"distance": pl.col("distance") * 1609.344}, "unit", "distance", "miles to metres"),
    "kelvin": (
        {"temp": (pl.col("temp") - 32) / 1.8 + 273.15}, "unit", "temp", "Fahrenheit to kelvin",
    ),
    "seconds": ({"air_time": pl.col("air_time") * 60}, "unit", "air_time", "minutes to seconds"),
    "seconds from noon on": (
        {"air_time": pl.when(ROW > 573).then(pl.col("air_time") * 60).otherwise("air_time")},
        "unit", "air_time", "from row 574 on, such as minutes to seconds",
    ),
    "inches of mercury": (
        {"pressure": pl.col("pressure") / 33.863886}, "unit", "pressure", "inches of mercury",
    ),
    "one temperature": ({"temp": pl.col("temp").first()}, "frozen", "temp", "all 956 rows"),
    "one carrier": ({"carrier": pl.lit("UA")}, "frozen", "carrier", "all 956 rows"),
    "stands still for a while": (
        {"dest": pl.when((ROW > 300) & (ROW < 420)).then(pl.lit("ATL")).otherwise("dest")},
        "frozen", "dest", "120 rows that follow each other",
    ),
    "lower case": (
        {"carrier": pl.col("carrier").str.to_lowercase()},
        "unseen", "carrier", "another spelling ('ua' was 'UA')",
    ),
    "an airport nobody knows": (
        {"dest": pl.when(ROW % 25 == 0).then(pl.lit("XXX")).otherwise("dest")},
        "unseen", "dest", "39 of 956 rows",
    ),
    "-999 for null": (
        {"dep_time": pl.when(ROW % 50 == 0).then(-999).otherwise("dep_time")},
        "range", "dep_time", "stood for",
    ),
    "-1 for null": (
        {"distance": pl.when(ROW % 50 == 0).then(-1).otherwise("distance")},
        "range", "distance", "stood for",
    ),
    "negative": ({"wind_speed": -pl.col("wind_speed")}, "range", "wind_speed", "below zero"),
    "infinite": (
        {"temp": pl.when(ROW == 7).then(float("inf")).otherwise("temp")},
        "infinite", "temp", "1 of 956",
    ),
}  # fmt: skip
DRIFT: dict[str, Any] = {
    "warmer": lambda table: table.with_columns(pl.col("temp") + 15),
    "later": lambda table: table.with_columns(pl.col("arr_delay") + 60),
    "half as far again": lambda table: table.with_columns(pl.col("distance") * 1.5),
    "twice as far": lambda table: table.with_columns(pl.col("distance") * 2.0),
    "twice as late": lambda table: table.with_columns(pl.col("arr_delay") * 2),
    "windier": lambda table: table.with_columns(pl.col("wind_speed") * 1.2),
    "mostly one airport": lambda table: table.filter((pl.col("origin") == "JFK") | (ROW % 4 == 0)),
    "long flights only": lambda table: table.filter(pl.col("distance") > 800),
    "two carriers": lambda table: table.filter(pl.col("carrier").is_in(["UA", "B6"])),
    "from noon on": lambda table: table.filter(pl.col("hour") >= 12),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_broken_is_found_and_nothing_else(case: str) -> None:
    changed, check, column, says = CASES[case]
    table, span = days(A_DAY)
    found = checked(table.with_columns(**changed), span)
    assert [(one.check, one.column) for one in found.findings] == [(check, column)]
    (one,) = found.findings
    assert says in one.says
    assert found.names == {column}
    assert one.why
    if check != "type":
        assert one.since.at is not None
        assert one.since.at.date() == A_DAY.date()


@pytest.mark.parametrize("drift", DRIFT)
def test_a_moved_world_is_not_called_broken(drift: str) -> None:
    table, _ = days(A_DAY, 7)
    assert checked(DRIFT[drift](table)).findings == ()


@pytest.mark.slow
def test_of_half_a_year_of_days_only_the_one_is_broken_that_really_was() -> None:
    found = {
        (f"{span.begin:%m-%d}", one.check)
        for table, span in every_day()
        for one in checked(table, span).findings
    }
    # A weather station was silent for hours that day, as none was in the reference.
    assert found == {("08-22", "nulls")}


def test_humidity_that_stays_at_its_bound_as_it_did_before_is_not_frozen() -> None:
    late = flights().filter(pl.col("at") >= FIRST)
    wet = late.filter(pl.col("humid") == 100.0).head(600)
    assert "humid" not in checked(wet).names
    dry = wet.with_columns(humid=pl.lit(57.03))
    assert ("frozen", "humid") in {(one.check, one.column) for one in checked(dry).findings}


@pytest.mark.slow
def test_warm_days_and_downpours_after_two_months_of_winter_are_in_no_other_unit() -> None:
    columns = ["at", "id", "temp", "precip", "wind_gust"]
    table = flights().select(columns)
    winter = (pl.col("at") >= datetime(2013, 2, 1, tzinfo=UTC)) & (
        pl.col("at") < datetime(2013, 4, 1, tzinfo=UTC)
    )
    known = basis_of(table.filter(winter), ASKED)
    for month, day in ((5, 9), (5, 29), (7, 3), (8, 28)):
        rows, span = days(datetime(2013, month, day, tzinfo=UTC))
        window = window_of(known, rows.select(columns), ASKED, span)
        assert "unit" not in {one.check for one in broken(known, window).findings}
    kelvin = rows.select(columns).with_columns((pl.col("temp") - 32) / 1.8 + 273.15)
    found = broken(known, window_of(known, kelvin, ASKED, span)).findings
    assert ("unit", "temp") in {(one.check, one.column) for one in found}


def test_some_real_days_are_sound() -> None:
    for table, span in list(every_day())[3:150:14]:
        assert checked(table, span).findings == ()


def test_the_number_of_rows_is_measured_against_the_day_of_the_week() -> None:
    table, span = days(A_DAY)
    few, many = checked(table.head(300), span), pl.concat([table] * 3)
    again = many.with_columns(id=pl.format("{}-{}", "id", ROW))
    (low,), (high,) = few.findings, checked(again, span).findings
    assert low.check == high.check == "row_count"
    assert "300 rows, where" in low.says
    assert "day of the week" in low.says
    assert high.measured == 3 * 956
    assert few.names == set()  # drift still speaks of all columns
    nothing = checked(table.head(0), span)
    assert [one.sure for one in nothing.findings] == ["certain"]
    assert "not known from when" in " ".join(checked(table).not_checked)


def test_ids_that_come_twice_are_counted_and_shown() -> None:
    table, span = days(A_DAY)
    (found,) = checked(pl.concat([table, table.head(5)]), span).findings
    assert (found.check, found.rows, found.since.row) == ("duplicate_ids", 5, 956)
    assert set(found.examples) == set(table["id"].head(5).to_list())


def test_a_missing_column_is_named_with_the_one_that_came_instead() -> None:
    table, span = days(A_DAY)
    found = checked(table.rename({"origin": "Origin"}), span)
    assert [(one.check, one.column) for one in found.findings] == [("missing_column", "origin")]
    assert "Did you mean 'Origin'?" in found.findings[0].says


def test_the_surest_stands_first_and_each_says_which_pipe_to_mend() -> None:
    table, span = days(A_DAY)
    bad = table.drop("carrier").with_columns(
        distance=pl.col("distance") * 1.609344, dest=pl.lit("ATL"), temp=-pl.col("temp")
    )
    pipes = {"distance": Pipe("prepare", "data/train.parquet"), "carrier": Pipe("ingest", "raw")}
    found = piped(checked(bad, span), pipes)
    assert [one.sure for one in found.findings] == sorted(one.sure for one in found.findings)
    assert {one.column for one in found.findings} >= {"carrier", "dest", "distance"}
    text = render_text(broken_report(found))
    assert "mend: prepare, which makes data/train.parquet" in text
    record = broken_record(found)
    assert record["format"] == 1
    assert record["broken"] is True
    assert record["findings"][0]["sure"] == "certain"


def test_drift_is_left_with_the_columns_that_are_sound() -> None:
    table, span = days(A_DAY)
    window = window_of(basis(), table.with_columns(temp=pl.col("temp").first()), ASKED, span)
    found = broken(basis(), window)
    assert window.counted is not None
    cells = window.counted.cells()
    names = {
        one.name for one in sound(cells, [t.column for t in window.counted.grid.tracks], found)
    }
    assert {one.name for one in cells} - names == {"temp"}


def test_what_is_redacted_is_shown_by_no_example() -> None:
    table, span = days(A_DAY)
    window = window_of(basis(), table.with_columns(carrier=pl.lit("secret")), ASKED, span)
    found = broken(basis(), window, Limits(redact=("carrier",)))
    assert found.names == {"carrier"}
    assert "secret" not in str(broken_record(found))
