"""When rows are from: one type of time, whatever the column holds."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

_STEPS = 1e8  # numbers below are no seconds since 1970 but steps: years, weeks, places in a series
_DAY_S = 86_400
_OFFSET = r"(?:[Zz]|[+-]\d{2}:?\d{2})$"


def row_times(times: "pl.Series", shown_as: str) -> "pl.Series":
    """Return times as naive moments, moments in UTC, or numbers as they are.

    Text must be ISO 8601, with an offset in every row or in none. Each row has a time.
    """
    import polars as pl

    missing = times.null_count() + (int(times.is_nan().sum()) if times.dtype.is_float() else 0)
    if missing:
        raise WrongUsage(
            f"{missing} rows have no {times.name!r}",
            remedy="Give each row its time.",
            place=shown_as,
        )
    if times.dtype == pl.String:
        times = _from_text(times, shown_as)
    elif times.dtype == pl.Date:
        times = times.cast(pl.Datetime("us"))
    if isinstance(times.dtype, pl.Datetime):
        aware = times.dtype.time_zone is not None
        times = times.dt.cast_time_unit("us")
        return times.dt.convert_time_zone("UTC") if aware else times
    if not times.dtype.is_numeric():
        raise WrongUsage(
            f"the column {times.name!r} of type {times.dtype} is no time",
            remedy="Give dates, times, ISO 8601 text or seconds since 1970.",
            place=shown_as,
        )
    return times


def _from_text(text: "pl.Series", shown_as: str) -> "pl.Series":
    stamped = text.str.strip_chars().str.replace(" ", "T", literal=True)
    offsets = int(stamped.str.contains(rf"T.*{_OFFSET}").sum())
    zone = "%z" if offsets else ""
    # What is parsed has both, so that whole seconds, minutes and dates need no format of their own.
    stamped = stamped.str.replace(r"[Zz]$", "+00:00")
    stamped = stamped.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00")
    stamped = stamped.str.replace(r"T(\d{2}:\d{2})($|[+-])", "T${1}:00${2}")
    found = stamped.str.to_datetime(f"%Y-%m-%dT%H:%M:%S%.f{zone}", time_unit="us", strict=False)
    if found.null_count() or offsets not in (0, len(text)):
        wrong = text.filter(found.is_null())
        shown = f", such as {wrong[0]!r}" if len(wrong) else ": some have an offset, some none"
        raise WrongUsage(
            f"the column {text.name!r} holds text that is no time{shown}"[:200],
            remedy="Write times as 2026-11-23 or 2026-11-23T12:30:00Z, all alike.",
            place=shown_as,
        )
    return found.rename(text.name)


def moment_like(value: Any, times: "pl.Series", key: str) -> Any:
    """Return a configured moment as the column of times has it; a date lasts until its day ends."""
    import polars as pl

    if times.dtype.is_numeric():
        if isinstance(value, bool | date) or not _is_number(value):
            raise _no_moment(value, key, "a number, as the column of times holds")
        return float(value)
    if isinstance(value, date):
        value = value.isoformat()
    if not isinstance(value, str):
        raise _no_moment(value, key, "a date or time")
    try:
        found = row_times(pl.Series(key, [value]), key)
    except WrongUsage as error:
        raise _no_moment(value, key, "a date or time, nor a column") from error
    if len(value.strip()) == len("2026-11-23"):
        found = found.dt.offset_by("1d").dt.offset_by("-1us")
    aware, wanted = (getattr(one.dtype, "time_zone", None) for one in (found, times))
    if wanted and not aware:
        found = found.dt.replace_time_zone(wanted)
    elif aware and not wanted:
        found = found.dt.replace_time_zone(None)
    moment: datetime = found[0]
    return moment


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _no_moment(value: Any, key: str, wanted: str) -> WrongUsage:
    return WrongUsage(
        f"{key}: {str(value)[:60]!r} is not {wanted}",
        remedy="Write one such as 2026-11-23, or the name of a column that holds it.",
    )


def as_gate_takes(times: "pl.Series") -> Any:
    """Return times as the gate takes them: small numbers are steps, and each is a day to it."""
    import polars as pl

    if not times.dtype.is_numeric():
        return times.dt.replace_time_zone(None).to_numpy()
    numbers = times.cast(pl.Float64)
    largest: Any = numbers.abs().max()
    steps = largest is not None and largest < _STEPS
    return (numbers * _DAY_S if steps else numbers).to_numpy()
