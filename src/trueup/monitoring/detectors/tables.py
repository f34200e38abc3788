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
