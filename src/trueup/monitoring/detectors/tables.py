"""Tables as detectors keep them: bytes, and never more rows than a look can take."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import msgspec

from trueup.errors import NotProven

if TYPE_CHECKING:
    import polars as pl

MOST_ROWS = 2_000  # of a window that a batch detector looks at
MOST_REFERENCE_ROWS = 20_000
_SEED = 20270306


class _Packed(msgspec.Struct, frozen=True):
    rows: tuple[int, ...]  # of each window
    table: bytes  # an Arrow file
    format: int = 1


def windows_of(table: "pl.DataFrame", at: str, window_s: float) -> "list[pl.DataFrame]":
    """Return the windows of a table that has times, in order, counted from 1970, without these.

    Rows keep their order in time within each; a window without rows is left out, like rows
    without a time.
    """
    import polars as pl

    ordered = table.filter(pl.col(at).is_not_null()).sort(at, maintain_order=True)
    width = round(window_s * 1e6)
    place = (pl.col(at).dt.timestamp("us") // width).alias(_PLACE)
    parts = ordered.with_columns(place).partition_by(_PLACE, maintain_order=True)
    return [part.drop(_PLACE, at) for part in parts]


_PLACE = "trueup.place"


def packed(windows: "Sequence[pl.DataFrame]") -> bytes:
    """Return windows of the same columns as bytes."""
    import polars as pl

    out = BytesIO()
    pl.concat(list(windows)).write_ipc(out, compression="zstd")
    return msgspec.msgpack.encode(_Packed(tuple(map(len, windows)), out.getvalue()))


def unpacked(state: bytes) -> "list[pl.DataFrame]":
    """Return the windows that were packed; NotProven for other bytes."""
    import polars as pl

    try:
        found = msgspec.msgpack.decode(state, type=_Packed)
    except msgspec.DecodeError as error:
        raise NotProven(
            f"this is no detector's state: {error}",
            remedy="Begin anew with: trueup monitor rebase MODEL --why REASON",
        ) from error
    table = pl.read_ipc(BytesIO(found.table))
    windows, at = [], 0
    for rows in found.rows:
        windows.append(table.slice(at, rows))
        at += rows
    return windows


def cut(table: "pl.DataFrame", most: int = MOST_ROWS) -> "pl.DataFrame":
    """Return at most so many rows, those of least hash: which they are is not for order to say."""
    if len(table) <= most:
        return table
    hashes = table.hash_rows(_SEED)
    return table[hashes.arg_sort()[:most].sort()]
