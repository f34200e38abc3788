"""A column of polars as what is counted of it."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.monitoring.profiles.grids import Kind, Measure
from trueup.monitoring.profiles.measures import BOOLEANS, Times, Vectors
from trueup.monitoring.profiles.tallying import Numbers, Words
from trueup.monitoring.scanning.wording import Dictionary

if TYPE_CHECKING:
    import polars as pl


def kind_of(dtype: "pl.DataType") -> Kind | None:
    """Return what kind of values a type holds; None: nothing that is looked at."""
    import polars as pl

    if dtype.is_numeric() or isinstance(dtype, pl.Duration | pl.Time):
        return "number"
    if dtype.is_temporal():
        return "time"
    if isinstance(dtype, pl.Boolean):
        return "boolean"
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Object):
        return "text"
    if isinstance(dtype, pl.Null):
        return "nothing"
    inner = getattr(dtype, "inner", None)
    if isinstance(dtype, pl.List | pl.Array) and inner is not None and inner.is_numeric():
        return "vector"
    return None


def texts(series: "pl.Series") -> "pl.Series":
    """Return a column as text."""
    import polars as pl

    if isinstance(series.dtype, pl.String):
        return series
    if isinstance(series.dtype, pl.Object):
        from trueup.monitoring.scanning.sources import mixed

        return mixed(series.name, series.to_list())
    return series.cast(pl.String)


class Measured:
    """One column of some rows, measured in as many ways as its tracks ask for, each once."""

    def __init__(self, series: "pl.Series", kind: Kind, dictionary: Dictionary) -> None:
        self.series, self.kind, self.dictionary = series, kind, dictionary
        self._parts: Any = None
        self._numbers: dict[Measure, Numbers] = {}
        self._words: dict[Measure, Words] = {}

    def numbers(self, measure: Measure) -> Numbers:
        """Return the values of a number track."""
        if measure not in self._numbers:
            self._numbers[measure] = self._measured_numbers(measure)
        return self._numbers[measure]

    def words(self, measure: Measure) -> Words:
        """Return the values of a word track."""
        if measure not in self._words:
            self._words[measure] = self._measured_words(measure)
        return self._words[measure]

    def _measured_numbers(self, measure: Measure) -> Numbers:
        import polars as pl

        if self.kind == "time":
            return self._times().value()
        if self.kind == "vector":
            return self._vectors().measured(measure)
        series = self.series
        if measure == "length":
            series = texts(series).str.len_chars()
        elif series.dtype.is_temporal():
            series = series.to_physical()
        nulls = _nulls(series)
        found = series.cast(pl.Float64).to_numpy()
        return Numbers(found if found.dtype == np.float64 else found.astype(np.float64), nulls)

    def _measured_words(self, measure: Measure) -> Words:
        import polars as pl

        if measure == "hour":
            return self._times().hour()
        if measure == "weekday":
            return self._times().weekday()
        if self.kind == "boolean":
            codes = self.series.cast(pl.Int64).fill_null(-1).to_numpy()
            return Words(codes, BOOLEANS)
        if isinstance(self.series.dtype, pl.Null):
            return Words(np.full(len(self.series), -1, np.int64), ())
        codes = self.dictionary.codes(texts(self.series))
        return Words(codes, self.dictionary.texts)

    def _times(self) -> Times:
        import polars as pl

        if self._parts is None:
            series = self.series
            whole = series.cast(pl.Datetime("us", getattr(series.dtype, "time_zone", None)))
            self._parts = Times(whole.to_physical().fill_null(0).to_numpy().copy(), _nulls(series))
        found: Times = self._parts
        return found

    def _vectors(self) -> Vectors:
        if self._parts is None:
            self._parts = _vectors(self.series)
        found: Vectors = self._parts
        return found


def _nulls(series: "pl.Series") -> NDArray[np.bool_] | None:
    return series.is_null().to_numpy() if series.null_count() else None


def _vectors(series: "pl.Series") -> Vectors:
    """Return vectors as a matrix; one of another length than the first is as good as none."""
    import polars as pl

    lists = series.cast(pl.List(pl.Float64))
    sizes = lists.list.len().fill_null(0).to_numpy()
    present = sizes[sizes > 0]
    size = int(present[0]) if len(present) else 0
    fits = sizes == size if size else np.zeros(len(series), np.bool_)
    matrix = np.full((len(series), size), np.nan)
    flat = lists.filter(pl.Series(fits)).explode()
    matrix[fits] = flat.cast(pl.Float64).to_numpy().reshape(-1, size) if size else 0.0
    return Vectors(matrix, None if fits.all() else ~fits)
