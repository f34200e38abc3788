"""The passes over one table: a look that makes the cells, and the count."""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.errors import WrongUsage, did_you_mean
from trueup.monitoring.profiles.grids import Grid
from trueup.monitoring.profiles.profile import side_by_side
from trueup.monitoring.references import Reference
from trueup.monitoring.samples import RowSample, merged_samples
from trueup.monitoring.scanning.blocking import (
    Blocking,
    BlockSize,
    ByTime,
    Placed,
    by_rows,
    by_time,
    times_of,
)
from trueup.monitoring.scanning.columns import ColumnScan
from trueup.monitoring.scanning.sampling import keys_of, least_hashes, values_of
from trueup.monitoring.scanning.sources import Source, Stretch

_MOST_THREADS = 4
_T = TypeVar("_T")


class Asked(msgspec.Struct, frozen=True):
    """What of a table is scanned, and into which blocks; without columns, all that can be."""

    columns: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()  # of these columns
    blocks: BlockSize = BlockSize()
    sample: bool = False  # keep some rows, for what looks at several columns together
    id: str = ""  # what tells these rows apart


class Passes:
    """One table's columns, read by a few threads: arrays are counted outside Python's lock."""

    def __init__(self, source: Source, columns: list[ColumnScan], asked: Asked) -> None:
        self.source, self.columns, self.asked = source, columns, asked
        self.time = asked.blocks.time
        self.samples: list[RowSample] = []
        further = [each for each in (self.time, asked.id if asked.sample else "") if each]
        for name in further:
            if name not in source.types:
                raise no_column(name, source)
        self.names = list(dict.fromkeys([*(column.name for column in columns), *further]))

    def reference(self) -> Reference:
        """Look at everything, make the grid, count everything."""
        blocking = self._blocking()
        if self.source.is_whole:
            self._at_once(blocking)
        else:
            for stretch in self.source.stretches(self.names):
                _each(_looking_at(stretch), self.columns)
            for column in self.columns:
                column.settle()
            self._count(blocking)
        grid = Grid(tuple(track for column in self.columns for track in column.grid.tracks))
        return self._counted(grid, blocking)

    def on_grid(self, grid: Grid) -> Reference:
        """Count everything on the cells that there are."""
        blocking = self._blocking()
        self._count(blocking)
        return self._counted(grid, blocking)

    def _blocking(self) -> Blocking:
        if not self.time:
            return by_rows(self.asked.blocks, self.source.count())
        times = [times_of(each.column(self.time)) for each in self.source.stretches([self.time])]
        ends = [(int(each.min()), int(each.max())) for each in times if len(each)]
        if not ends:
            return by_rows(self.asked.blocks, 0)
        earliest, latest = min(low for low, _ in ends), max(high for _, high in ends)
        return by_time(self.asked.blocks, earliest, latest)

    def _at_once(self, blocking: Blocking) -> None:
        (stretch,) = self.source.stretches(self.names)
        placed = self._placed(blocking, stretch, 0)

        def whole(column: ColumnScan) -> None:
            measured = column.measured(stretch.column(column.name))
            column.look(measured)
            column.settle()
            column.begin(blocking.blocks)
            column.count(measured, placed)

        _each(whole, self.columns)
        self._sample(blocking, stretch, 0)

    def _count(self, blocking: Blocking) -> None:
        for column in self.columns:
            column.begin(blocking.blocks)
        start = 0
        for stretch in self.source.stretches(self.names):
            placed = self._placed(blocking, stretch, start)
            _each(_counting(stretch, placed), self.columns)
            self._sample(blocking, stretch, start)
            start += stretch.rows

    def _placed(self, blocking: Blocking, stretch: Stretch, start: int) -> Placed:
        if isinstance(blocking, ByTime):
            return blocking.place(times_of(stretch.column(self.time)))
        return blocking.place(start, stretch.rows)

    def _counted(self, grid: Grid, blocking: Blocking) -> Reference:
        profile = side_by_side(grid, [column.profile for column in self.columns])
        has_rows = np.flatnonzero(profile.rows)
        sample = merged_samples(
            [msgspec.structs.replace(one, grid=grid.digest) for one in self.samples]
        )
        begins, is_timed = blocking.begins()[has_rows], isinstance(blocking, ByTime)
        return Reference(grid, profile.chosen(has_rows), begins, blocking.width, is_timed, sample)

    def _sample(self, blocking: Blocking, stretch: Stretch, start: int) -> None:
        """Keep this stretch's rows of least hash, as far as they are among the least so far."""
        if not self.asked.sample:
            return
        rows, hashes = least_hashes(stretch, keys_of(self.columns, self.asked.id))
        found = _each(
            lambda one: values_of(one, stretch.column(one.name).gather(rows)), self.columns
        )
        numbers = self._block_numbers(blocking, stretch, start, rows)
        one = RowSample("", hashes, blocking.begins()[numbers], np.concatenate(found, axis=1))
        together = merged_samples([*self.samples, one])
        self.samples = [together] if together else []

    def _block_numbers(
        self, blocking: Blocking, stretch: Stretch, start: int, rows: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        if isinstance(blocking, ByTime):
            return blocking.numbers(times_of(stretch.column(self.time).gather(rows)))
        found: NDArray[np.int64] = np.searchsorted(blocking.begins(), start + rows, "right") - 1
        return found


def no_column(name: str, source: Source) -> WrongUsage:
    """Say that a table has no such column."""
    return WrongUsage(
        f"the table has no column {name!r}",
        remedy=f"{did_you_mean(name, source.types)}Name one that it has",
    )


def _each(work: Callable[[ColumnScan], _T], columns: Sequence[ColumnScan]) -> list[_T]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(work, columns))


def _looking_at(stretch: Stretch) -> Callable[[ColumnScan], None]:
    return lambda column: column.look(column.measured(stretch.column(column.name)))


def _counting(stretch: Stretch, placed: Placed) -> Callable[[ColumnScan], None]:
    return lambda column: column.count(column.measured(stretch.column(column.name)), placed)
