"""Which rows make a block: so many that follow each other, or those of one span of time."""

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.errors import WrongUsage
from trueup.monitoring.profiles.tallying import Blocks

if TYPE_CHECKING:
    import polars as pl

    from trueup.monitoring.references import Reference

BLOCKS = 256  # where nobody says how many
MOST_BLOCKS = 4096
LEAST_ROWS = 20  # of a block, where nobody says
_WIDTHS_S = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400, 28 * 86400)


class Placed(msgspec.Struct, frozen=True):
    """Where the rows of a stretch belong; ``order`` puts those of a block together."""

    blocks: Blocks
    order: NDArray[np.int64] | None = None


class ByRows(msgspec.Struct, frozen=True):
    """Blocks of equally many rows, in the order of the table."""

    rows: int  # of the table
    blocks: int

    @property
    def width(self) -> int:
        """How many rows a block has."""
        return -(-self.rows // self.blocks)

    def begins(self) -> NDArray[np.int64]:
        """Return the row that begins each block, and the table's end."""
        return -(-(np.arange(self.blocks + 1, dtype=np.int64) * self.rows) // self.blocks)

    def place(self, start: int, rows: int) -> Placed:
        """Say where the rows belong that begin at this one of the table."""
        begins = self.begins()
        first = int(np.searchsorted(begins, start, side="right")) - 1
        last = int(np.searchsorted(begins, start + rows, side="left"))
        starts = np.maximum(begins[first:last] - start, 0)
        return Placed(Blocks(starts, rows, np.arange(first, last)))


class ByTime(msgspec.Struct, frozen=True):
    """Blocks of equal spans of time, counted from the earliest row."""

    column: str
    begin_us: int
    width: int  # microseconds
    blocks: int

    def begins(self) -> NDArray[np.int64]:
        """Return the time that begins each block, and the last one's end."""
        return self.begin_us + np.arange(self.blocks + 1, dtype=np.int64) * self.width

    def numbers(self, microseconds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the block of each time."""
        found: NDArray[np.int64] = (microseconds - self.begin_us) // self.width
        return found

    def place(self, microseconds: NDArray[np.int64]) -> Placed:
        """Say where rows of these times belong."""
        block = self.numbers(microseconds)
        order = None
        if (block[1:] < block[:-1]).any():
            order = np.argsort(block, kind="stable")
            block = block[order]
        is_first = np.append(len(block) > 0, block[1:] != block[:-1])[: len(block)]
        starts = np.flatnonzero(is_first)
        return Placed(Blocks(starts, len(block), block[starts]), order)


Blocking = ByRows | ByTime


class BlockSize(msgspec.Struct, frozen=True):
    """What is asked of blocks: a span of time, a number of rows, or neither."""

    time: str = ""  # the column; empty: the order of the rows
    span_s: float = 0.0
    rows: int = 0
    is_wish: bool = False  # longer blocks will do, where there would be too many


def by_rows(asked: BlockSize, rows: int) -> ByRows:
    """Return blocks of the rows asked for; of 256 at most, where nothing is."""
    blocks = -(-rows // asked.rows) if asked.rows else min(BLOCKS, rows // LEAST_ROWS)
    return ByRows(rows, max(1, _possible(blocks, asked)))


def by_time(asked: BlockSize, earliest_us: int, latest_us: int) -> ByTime:
    """Return blocks of the span asked for; without one, the shortest usual that gives few."""
    length_s = (latest_us - earliest_us) / 1e6
    fitting = (one for one in _WIDTHS_S if length_s / one < 2 * BLOCKS)
    span_s = asked.span_s or next(fitting, length_s / BLOCKS)
    width = max(1, round(span_s * 1e6))
    while asked.is_wish and (latest_us - earliest_us) // width >= MOST_BLOCKS - 1:
        width *= 2
    begin = earliest_us // width * width
    return ByTime(asked.time, begin, width, _possible((latest_us - begin) // width + 1, asked))


def _possible(blocks: int, asked: BlockSize) -> int:
    if asked.is_wish:
        return min(blocks, MOST_BLOCKS)
    if blocks > MOST_BLOCKS:
        raise WrongUsage(
            f"that would be {blocks:,} blocks; a reference has at most {MOST_BLOCKS:,}",
            remedy="Ask for longer blocks",
        )
    return blocks


def like(reference: "Reference", asked: BlockSize) -> BlockSize:
    """Ask for blocks as long as a reference has; for longer ones, where that would be too many."""
    if reference.is_timed:
        return BlockSize(asked.time, reference.block_s, is_wish=True)
    return BlockSize(asked.time, rows=reference.width, is_wish=True)


def times_of(series: "pl.Series") -> NDArray[np.int64]:
    """Return a column of times as microseconds; WrongUsage where it is none, or has gaps."""
    import polars as pl

    if series.null_count():
        raise WrongUsage(
            f"the time column {series.name!r} is empty in {series.null_count()} rows",
            remedy="Leave these rows out, or name another column",
        )
    if series.dtype.is_numeric():  # seconds since 1970
        return np.asarray(series.cast(pl.Float64).to_numpy() * 1e6).astype(np.int64)
    if isinstance(series.dtype, pl.String):
        series = series.str.to_datetime(time_unit="us", strict=True)
    if not isinstance(series.dtype, pl.Date | pl.Datetime):
        raise WrongUsage(
            f"the column {series.name!r} is {series.dtype}, which is no time",
            remedy="Name a column of dates or times: --time COLUMN",
        )
    whole = series.cast(pl.Datetime("us", getattr(series.dtype, "time_zone", None)))
    found: NDArray[np.int64] = whole.to_physical().to_numpy()
    return found
