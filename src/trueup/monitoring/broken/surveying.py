"""What a profile does not keep of a table: types, runs of equal values, repeated ids, a sample."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trueup.monitoring.profiles.grids import Kind
from trueup.monitoring.scanning.series import kind_of, texts
from trueup.monitoring.scanning.sources import Source, source_of

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

_KEPT = 32_768  # values of a column's sample, evenly from all rows
_SHOWN = 5
_LETTERS = 64


class Run(msgspec.Struct, frozen=True):
    """Rows that follow each other and have one value."""

    value: str
    rows: int
    start: int  # the row that begins it


class Extreme(msgspec.Struct, frozen=True):
    """The lowest or the highest value, and how many rows have just that."""

    value: float
    rows: int


class Surveyed(msgspec.Struct, frozen=True):
    """One column."""

    kind: Kind | None
    dtype: str
    longest: Run | None = None
    lowest: Extreme | None = None
    highest: Extreme | None = None
    numeric: float = 0.0  # of texts: the share that are numbers
    places: "NDArray[np.int64] | None" = None  # the rows of the sample
    sample: "NDArray[np.float64] | None" = None  # finite numbers, in the order of rows
    examples: tuple[str, ...] = ()


class Repeated(msgspec.Struct, frozen=True):
    """Ids: rows beyond the first of each id, which ids, and the first such row."""

    rows: int
    repeated: int
    examples: tuple[str, ...] = ()
    first: int | None = None


class Survey(msgspec.Struct, frozen=True):
    """A table's columns, and its ids if it has any."""

    rows: int
    columns: dict[str, Surveyed]
    ids: Repeated | None = None


class Habits(msgspec.Struct, frozen=True):
    """What is kept of a reference's survey, beside its profile."""

    rows: int = 0
    longest: dict[str, int] = {}  # rows in a row that had one value, by column
    repeated: float = 0.0  # the share of rows whose id was there before
    format: int = 1


def habits(survey: Survey) -> Habits:
    """Return what is kept of a reference's survey."""
    runs = {name: one.longest.rows for name, one in survey.columns.items() if one.longest}
    ids = survey.ids
    return Habits(survey.rows, runs, ids.repeated / ids.rows if ids and ids.rows else 0.0)


def survey(table: Any, columns: Sequence[str] = (), id_column: str = "") -> Survey:
    """Look through a table once, column by column; without names, at all its columns.

    Runs are of rows in the order in which they come. Repeated ids need all ids in memory.
    """
    source = source_of(table)
    names = [name for name in columns or source.types if name in source.types]
    wanted = list(dict.fromkeys([*names, *([id_column] if id_column in source.types else [])]))
    rows = source.count()
    looks = {name: _Look(name, source, rows) for name in names}
    ids: list[pl.Series] = []
    for stretch in source.stretches(wanted):
        for name, look in looks.items():
            look.add(stretch.column(name))
        if id_column in source.types:
            ids.append(stretch.column(id_column))
    found = {name: look.result() for name, look in looks.items()}
    return Survey(rows, found, _repeated(ids) if ids else None)


def kinds(table: Any) -> Mapping[str, Kind | None]:
    """Return what kind of values each column of a table has, reading none of them."""
    return {name: kind_of(dtype) for name, dtype in source_of(table).types.items()}


class _Look:
    """Takes in one column, stretch by stretch."""

    def __init__(self, name: str, source: Source, rows: int) -> None:
        self.dtype = source.types[name]
        self.kind = kind_of(self.dtype)
        self.every = max(1, -(-rows // _KEPT))
        self.start = 0
        self.open: Run | None = None
        self.longest: Run | None = None
        self.lowest: Extreme | None = None
        self.highest: Extreme | None = None
        self.numeric = self.present = 0
        self.places: list[Any] = []
        self.sample: list[Any] = []
        self.examples: list[str] = []

    def add(self, series: "pl.Series") -> None:
        """Take in rows that follow those before."""
        if series.len() and self.kind in ("number", "text", "boolean"):
            self._runs(series)
            if self.kind == "number":
                self._numbers(series)
            elif self.kind == "text":
                self._texts(series)
        self.start += series.len()

    def result(self) -> Surveyed:
        """Return what was seen."""
        self._close(None)
        is_number = self.kind == "number"
        return Surveyed(
            self.kind,
            str(self.dtype),
            self.longest,
            self.lowest,
            self.highest,
            self.numeric / self.present if self.present else 0.0,
            np.concatenate(self.places) if is_number and self.places else None,
            np.concatenate(self.sample) if is_number and self.sample else None,
            tuple(self.examples),
        )

    def _runs(self, series: "pl.Series") -> None:
        changed = series.ne_missing(series.shift(1)).to_numpy().copy()
        changed[0] = True
        begins = np.flatnonzero(changed)
        sizes = np.diff(np.append(begins, series.len()))
        first = series[0]
        if self.open is None or first is None or self.open.value != _shown(first):
            self._close(None)
        else:  # goes on from the stretch before
            self.open = Run(self.open.value, self.open.rows + int(sizes[0]), self.open.start)
            if len(begins) == 1:
                return
            self._close(None)
            begins, sizes = begins[1:], sizes[1:]
        there = series.gather(begins).is_not_null().to_numpy()
        if not there.any():
            return
        best = int(np.argmax(np.where(there, sizes, 0)))
        self._close(
            Run(_shown(series[int(begins[best])]), int(sizes[best]), self._row(begins[best]))
        )
        if there[-1]:
            self.open = Run(_shown(series[-1]), int(sizes[-1]), self._row(begins[-1]))

    def _row(self, place: Any) -> int:
        return self.start + int(place)

    def _close(self, other: Run | None) -> None:
        for one in (self.open, other):
            if one and (self.longest is None or one.rows > self.longest.rows):
                self.longest = one
        self.open = None

    def _numbers(self, series: "pl.Series") -> None:
        import polars as pl

        plain = series.to_physical() if series.dtype.is_temporal() else series
        values = plain.cast(pl.Float64).to_numpy()
        finite = values[np.isfinite(values)]
        if len(finite):
            self.lowest = _extreme(self.lowest, finite, float(finite.min()), -1)
            self.highest = _extreme(self.highest, finite, float(finite.max()), 1)
        places = np.arange(-self.start % self.every, len(values), self.every)
        chosen = values[places]
        good = np.isfinite(chosen)
        self.places.append(places[good] + self.start)
        self.sample.append(chosen[good])

    def _texts(self, series: "pl.Series") -> None:
        import polars as pl

        chosen = texts(series.gather_every(self.every)).drop_nulls()
        self.present += len(chosen)
        self.numeric += int(chosen.str.strip_chars().cast(pl.Float64, strict=False).count())
        if len(self.examples) < _SHOWN:
            fresh = chosen.head(1000).unique(maintain_order=True).head(_SHOWN).to_list()
            self.examples = [one[:_LETTERS] for one in [*self.examples, *fresh]][:_SHOWN]


def _extreme(
    known: Extreme | None, values: "NDArray[np.float64]", value: float, sign: int
) -> Extreme:
    if known is not None and (value - known.value) * sign < 0:
        return known
    before = known.rows if known is not None and known.value == value else 0
    return Extreme(value, before + int((values == value).sum()))


def _repeated(parts: "list[pl.Series]") -> Repeated:
    import polars as pl

    ids = pl.concat(parts)
    whole = ids.is_not_null().sum()
    again = ids.is_not_null() & ~ids.is_first_distinct()
    repeated = int(again.sum())
    if not repeated:
        return Repeated(int(whole), 0)
    which = ids.filter(again).unique(maintain_order=True).head(_SHOWN).to_list()
    return Repeated(int(whole), repeated, tuple(map(_shown, which)), again.arg_max())


def _shown(value: Any) -> str:
    return str(value)[:_LETTERS]
