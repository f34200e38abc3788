"""Choose a table's sample of rows by their hashes, and measure them as the grid's tracks do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trueup.monitoring.profiles.grids import NumberTrack, WordTrack
from trueup.monitoring.profiles.tallying import Words
from trueup.monitoring.samples import KEPT
from trueup.monitoring.scanning.columns import ColumnScan
from trueup.monitoring.scanning.sources import Stretch

if TYPE_CHECKING:
    import polars as pl

_HASHED = 8  # columns tell rows apart where no id does


def keys_of(columns: Sequence[ColumnScan], identity: str) -> tuple[str, ...]:
    """Return the columns that tell rows apart: the id, or as many as it takes."""
    if identity:
        return (identity,)
    plain = [one.name for one in columns if one.kind in ("number", "text", "time")]
    return tuple(plain[:_HASHED])


def least_hashes(
    stretch: Stretch, keys: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the rows of least hash, and their hashes."""
    import polars as pl

    if not keys or not stretch.rows:
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    hashes = pl.DataFrame([stretch.column(name) for name in keys]).hash_rows(seed=0).to_numpy()
    rows = np.arange(len(hashes))
    if len(hashes) > KEPT:
        bound = np.partition(hashes, KEPT - 1)[KEPT - 1]
        rows = np.flatnonzero(hashes <= bound)
    return rows, hashes[rows]


def values_of(column: ColumnScan, series: "pl.Series") -> NDArray[np.float64]:
    """Return what a column's tracks make of some rows: rows by tracks."""
    values = column.measured(series)
    found = np.empty((len(series), len(column.grid.tracks)))
    for k, track in enumerate(column.grid.tracks):
        if isinstance(track, NumberTrack):
            found[:, k] = values.numbers(track.measure).values
        else:
            found[:, k] = _places(track, values.words(track.measure))
    return found


def _places(track: WordTrack, words: Words) -> NDArray[np.float64]:
    known = {word: float(k) for k, word in enumerate(track.words)}
    rest = float(len(track.words))
    return np.array([*(known.get(one, rest) for one in words.dictionary), np.nan])[words.codes]
