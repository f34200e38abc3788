"""Times of rows in UTC, from whatever a table calls a time."""

from typing import TYPE_CHECKING

from trueup.delivery.row_times import row_times
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

_STEPS = 1e8  # numbers below are no seconds since 1970


def in_utc(times: "pl.Series", place: str) -> "pl.Series":
    """Return times as UTC, to the microsecond; without a zone they are taken to be in UTC.

    WrongUsage for what is no time, and for numbers that are no seconds since 1970.
    """
    import polars as pl

    found = row_times(times, place)
    if found.dtype.is_numeric():
        largest = found.abs().max()
        if not isinstance(largest, int | float) or largest < _STEPS:
            raise WrongUsage(
                f"{times.name!r} counts steps, which do not say when a row was",
                remedy="Write times such as 2026-03-02T08:00:00Z, or seconds since 1970",
                place=place,
            )
        found = (found.cast(pl.Float64) * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us"))
    if isinstance(found.dtype, pl.Datetime) and found.dtype.time_zone is None:
        found = found.dt.replace_time_zone("UTC")
    return found
