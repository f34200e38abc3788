"""The profile of captured rows, from the columns that a spool has, with numpy alone.

A column that is not what the grid has counted until now has no profile here: what monitoring makes
of it depends on all rows of the window, and is for whoever reads them.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trueup.captures.columns import Column
from trueup.captures.columns import Kind as Written
from trueup.captures.frames import INPUT, OUTPUT
from trueup.monitoring.profiles.grids import Grid, Kind, NumberTrack, Track
from trueup.monitoring.profiles.measures import BOOLEANS, Times
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

_WIDEST = 64  # letters of texts that are told apart as rows of a matrix
_FITS: dict[Kind, frozenset[Written]] = {
    "number": frozenset({"int", "float", "float32", "bool", "none"}),
    "boolean": frozenset({"bool", "int", "none"}),
    "text": frozenset({"text", "none"}),
    "time": frozenset({"time", "none"}),
    "nothing": frozenset({"none"}),
}


class Counter:
    """Counts captured rows on one grid; what it looks up by is made once."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._lookups = [
            Lookup(one) if isinstance(one, NumberTrack) else None for one in grid.tracks
        ]

    def profile(self, table: Mapping[str, Column], rows: int) -> Profile | None:
        """Return the profile of so many captured rows; None where a column is not the grid's."""
        columns = {name: _found(table, name) for name in self.grid.columns}
        for name, one in columns.items():
            if one is None or one.kind not in _FITS.get(self.grid.kind(name), ()):
                return None
        profile, blocks = empty_profile(self.grid), one_block(rows)
        tally_rows(profile, blocks)
        for number, (track, lookup) in enumerate(zip(self.grid.tracks, self._lookups, strict=True)):
            column = columns[track.column]
            assert column is not None  # noqa: S101 - each was just looked at
            given, place = _measured(track, column), Place(profile, self.grid, number)
            if isinstance(given, Words):
                tally_words(place, given, blocks)
            elif lookup is not None:
                tally_numbers(place, given, blocks, lookup)
        return profile


def texts(column: Column) -> Words:
    """Return texts as places in a dictionary, without making each of them an object."""
    if column.kind == "none":
        return Words(np.full(column.rows, -1, np.int64), ())
    lengths = np.frombuffer(column.lengths, "<i4")
    widest = int(lengths.max(initial=0))
    codes, firsts = _alike(column, lengths) if widest <= _WIDEST else _one_by_one(column, lengths)
    codes[~column.present()] = -1
    ends = np.cumsum(lengths, dtype=np.int64)[firsts]
    starts, body = ends - lengths[firsts], memoryview(column.body)
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    return Words(codes, tuple(str(body[start:end], "utf-8") for start, end in spans))


def _found(table: Mapping[str, Column], name: str) -> Column | None:
    if name.startswith(OUTPUT):
        return table.get(name)
    return table.get(INPUT + name)


def _measured(track: Track, column: Column) -> Numbers | Words:
    if track.measure == "word":
        return _truths(column) if track.kind == "boolean" else texts(column)
    nulls = _nulls(column)
    if track.kind == "time":
        whole = np.zeros(column.rows, np.int64) if column.kind == "none" else column.values().copy()
        times = Times(whole, nulls)
        if track.measure == "hour":
            return times.hour()
        return times.weekday() if track.measure == "weekday" else times.value()
    found = np.zeros(column.rows)
    if column.kind != "none":
        found[:] = _letters(column) if track.measure == "length" else column.values()
    if nulls is not None:
        found[nulls] = np.nan
    return Numbers(found, nulls)


def _truths(column: Column) -> Words:
    if column.kind == "none":
        return Words(np.full(column.rows, -1, np.int64), BOOLEANS)
    codes = (column.values() != 0).astype(np.int64)
    codes[~column.present()] = -1
    return Words(codes, BOOLEANS)


def _nulls(column: Column) -> NDArray[np.bool_] | None:
    missing = ~column.present()
    return missing if missing.any() else None


def _letters(column: Column) -> NDArray[np.int64]:
    """Return how many letters each text has: bytes that do not go on with one."""
    starts_one = (np.frombuffer(column.body, np.uint8) & 0xC0) != 0x80
    before = np.concatenate([[0], np.cumsum(starts_one, dtype=np.int64)])
    ends = np.cumsum(np.frombuffer(column.lengths, "<i4"), dtype=np.int64)
    return np.diff(before[ends], prepend=0)


def _alike(
    column: Column, lengths: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a number for each text, and a row that has it; arrays are sorted without the lock."""
    width = int(lengths.max(initial=0))
    wide = -(-(width + 1) // 8) * 8
    matrix = np.zeros((column.rows, wide), np.uint8)
    matrix[:, :width][np.arange(width) < lengths[:, None]] = np.frombuffer(column.body, np.uint8)
    matrix[:, -1] = lengths  # what ends with zeros is no shorter text
    words = matrix.view(np.uint64)
    codes = np.zeros(column.rows, np.int64)
    for k in range(words.shape[1]):
        _, part = np.unique(words[:, k], return_inverse=True)
        _, codes = np.unique(codes * (int(part.max(initial=0)) + 1) + part, return_inverse=True)
    _, firsts = np.unique(codes, return_index=True)
    return codes, firsts


def _one_by_one(
    column: Column, lengths: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ends = np.cumsum(lengths, dtype=np.int64)
    body, places = bytes(column.body), dict[bytes, int]()
    spans = zip((ends - lengths).tolist(), ends.tolist(), strict=True)
    codes = [places.setdefault(body[start:end], len(places)) for start, end in spans]
    found = np.array(codes, np.int64)
    return found, np.unique(found, return_index=True)[1]
