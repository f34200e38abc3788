"""The profile of rows in memory, with numpy alone: what a server makes of its captures."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np

from trueup.errors import WrongUsage, did_you_mean
from trueup.monitoring.profiles.grids import Grid, NumberTrack, Track
from trueup.monitoring.profiles.measures import BOOLEANS, Times, Vectors
from trueup.monitoring.profiles.profile import Profile, empty_profile
from trueup.monitoring.profiles.tallying import (
    Lookup,
    Numbers,
    Place,
    Words,
    one_block,
    tally_numbers,
    tally_rows,
    tally_words,
)

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def profile_rows(grid: Grid, columns: Mapping[str, Any]) -> Profile:
    """Return the profile of rows, given as columns: arrays or lists, None where nothing is.

    A value of another type than the column has is text where words are counted, and no number
    where numbers are. Raises WrongUsage where a column of the grid is missing.
    """
    sizes = {len(columns[name]) for name in grid.columns if name in columns}
    for name in grid.columns:
        if name not in columns:
            raise WrongUsage(
                f"the rows have no column {name!r}",
                remedy=f"{did_you_mean(name, columns)}Give every column of the grid",
            )
    if len(sizes) > 1:
        raise WrongUsage(
            f"the columns have {min(sizes)} to {max(sizes)} rows",
            remedy="Give every column as many values",
        )
    profile = empty_profile(grid)
    blocks = one_block(sizes.pop() if sizes else 0)
    tally_rows(profile, blocks)
    for number, track in enumerate(grid.tracks):
        given = measured(track, columns[track.column])
        if isinstance(given, Words):
            tally_words(Place(profile, grid, number), given, blocks)
        elif isinstance(track, NumberTrack):
            tally_numbers(Place(profile, grid, number), given, blocks, Lookup(track))
    return profile


def measured(track: Track, values: Any) -> Numbers | Words:
    """Return what a track counts of a column's values."""
    if track.kind == "time":
        return _times(track, values)
    if track.kind == "vector":
        return _vectors(values).measured(track.measure)
    if track.measure == "length":
        texts = _listed(values)
        return _numbers([None if one is None else len(str(one)) for one in texts])
    if isinstance(track, NumberTrack):
        return _numbers(values)
    if track.kind == "boolean":
        words = [None if one is None else BOOLEANS[bool(one)] for one in _listed(values)]
        return _words(words)
    return _words([None if one is None else str(one) for one in _listed(values)])


def _numbers(values: Any) -> Numbers:
    column = np.asarray(values) if isinstance(values, np.ndarray) else None
    if column is not None and column.dtype.kind in "biuf":
        return Numbers(column.astype(np.float64))
    listed = _listed(values)
    nulls = np.array([one is None for one in listed], np.bool_)
    found = np.array([_number(one) for one in listed], np.float64)
    return Numbers(found, nulls if nulls.any() else None)


def _number(value: Any) -> float:
    try:
        return float("nan") if value is None or isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def _words(values: Sequence[str | None]) -> Words:
    places: dict[str, int] = {}
    codes = [-1 if one is None else places.setdefault(one, len(places)) for one in values]
    return Words(np.array(codes, np.int64), tuple(places))


def _times(track: Track, values: Any) -> Numbers | Words:
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        nulls = np.isnat(values)
        whole = values.astype("datetime64[us]").astype(np.int64)
    else:
        listed = [_microseconds(one) for one in _listed(values)]
        nulls = np.array([one is None for one in listed], np.bool_)
        whole = np.array([one or 0 for one in listed], np.int64)
    whole = np.where(nulls, 0, whole)
    times = Times(whole, nulls if nulls.any() else None)
    if track.measure == "hour":
        return times.hour()
    return times.weekday() if track.measure == "weekday" else times.value()


def _microseconds(value: Any) -> int | None:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - _EPOCH) // _MICROSECOND
    if isinstance(value, date):
        return _microseconds(datetime.combine(value, time()))
    return int(value) if isinstance(value, int) else None


def _vectors(values: Any) -> Vectors:
    rows = _listed(values)
    sizes = [0 if one is None else len(one) for one in rows]
    size = next((one for one in sizes if one), 0)
    nulls = np.array([one != size or not size for one in sizes], np.bool_)
    matrix = np.full((len(rows), size), np.nan)
    for place in np.flatnonzero(~nulls).tolist():
        matrix[place] = rows[place]
    return Vectors(matrix, nulls if nulls.any() else None)


def _listed(values: Any) -> list[Any]:
    found: list[Any] = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return found
