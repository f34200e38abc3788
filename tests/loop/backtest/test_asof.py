"""A row from later stops a backtest, and is named."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from trueup.errors import WrongUsage
from trueup.loop.backtest.asof import FromTheFuture, Made, require_past
from trueup.loop.backtest.times import in_utc

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TRAIN = Made("prepare", "train.csv")


def table(*times: object) -> pl.DataFrame:
    """Return rows of these times, all labelled."""
    ids = [str(nth) for nth in range(len(times))]
    return pl.DataFrame({"at": list(times), "id": ids, "labelled": [True] * len(times)})


def test_rows_until_the_moment_pass() -> None:
    require_past(TRAIN, table("2026-02-01T00:00:00Z", "2026-03-02T00:00:00Z"), "at", NOW)
    require_past(TRAIN, table("2027-02-01").rename({"at": "other"}), "at", NOW)


def test_a_later_row_is_named_with_its_stage_its_file_and_its_moment() -> None:
    rows = table("2026-02-01T00:00:00Z", "2026-03-02T00:00:01Z", "2026-04-02T00:00:00Z")

    with pytest.raises(FromTheFuture) as error:
        require_past(TRAIN, rows, "at", NOW)

    said = str(error.value)
    assert "the stage 'prepare' returned a row from later than 2026-03-02 00:00 UTC" in said
    assert "row 2 of train.csv, its at is 2026-03-02 00:00:01 UTC (and 1 more such rows)" in said


def test_a_label_that_arrived_later_is_as_late_as_a_row() -> None:
    rows = table("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z")
    known = pl.DataFrame({"id": ["0", "1"], "arrived": [NOW, NOW + timedelta(hours=1)]})

    with pytest.raises(
        FromTheFuture, match=r"row 2 of train\.csv, its label arrived 2026-03-02 01"
    ):
        require_past(TRAIN, rows, "at", NOW, known)
    require_past(TRAIN, rows.with_columns(labelled=pl.col("id") == "0"), "at", NOW, known)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T22:30:00+02:00",
        datetime(2026, 3, 1, 20, 30),
        NOW - timedelta(hours=3.5),
        1772397000,
    ],
)
def test_times_of_all_kinds_are_the_same_moment(written: object) -> None:
    assert in_utc(pl.Series("at", [written]), "t").to_list() == [NOW - timedelta(hours=3.5)]


def test_steps_do_not_say_when_a_row_was() -> None:
    with pytest.raises(WrongUsage, match="counts steps"):
        in_utc(pl.Series("at", [1, 2, 3]), "t")
