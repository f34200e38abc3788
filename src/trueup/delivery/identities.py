"""Rows as digests of their ids: the same row in any file format has the same 8 bytes."""

from typing import TYPE_CHECKING

from blake3 import blake3

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from trueup.gate.arrays import Truths

BYTES = 8  # of one digest; two of a million ids are the same with a chance of 3 in 100 million
_ROWS = 1 << 18  # held as Python's bytes at once
_NUMBER = r"^\+?(-?)0*(\d+(?:\.\d*[1-9])?)\.?0*$"
_EXACT = 1 << 53  # from here on a floating number stands for several whole ones


class NoIds(ValueError):
    """A column whose values are no ids: neither text nor whole numbers."""


def texts(column: "pl.Series") -> "pl.Series":
    """Return ids as text, null where a row has none. Raises NoIds.

    A CSV file knows no types, and whatever reads it may take 007 for 7 or write 7 as 7.0. So ids
    that differ in that alone are one.

    >>> import polars as pl
    >>> texts(pl.Series(["007", "7.0", " 7", "-7", "7.50", "A7", "100"])).to_list()
    ['7', '7', '7', '-7', '7.5', 'A7', '100']
    """
    import polars as pl

    kind = column.dtype
    if kind.is_float():
        whole = [None if x is None or x != x else _float(x) for x in column.to_list()]
        return pl.Series(column.name, whole, dtype=pl.String)
    if kind in (pl.String, pl.Categorical, pl.Enum, pl.Null) or kind.is_numeric():
        text = column.cast(pl.String).str.strip_chars()
        text = text.str.replace(_NUMBER, "${1}${2}")
        return text.set(text == "", None)
    raise NoIds(f"{column.name} holds {kind}, which are no ids")


def digests(text: "pl.Series") -> "NDArray[np.uint64]":
    """Return the first 8 bytes of the BLAKE3 of each text in UTF-8, as numbers; null's are 0."""
    import numpy as np

    found = np.empty(len(text), dtype=np.uint64)
    for start in range(0, len(text), _ROWS):
        few = text.slice(start, _ROWS).to_list()
        found[start : start + _ROWS] = np.frombuffer(b"".join(_digested(few)), dtype=">u8")
    return found


def packed(found: "NDArray[np.uint64]") -> bytes:
    """Return digests as bytes: sorted, each once, in the order of their bytes."""
    import numpy as np

    ordered = np.sort(found)
    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first].astype(">u8").tobytes()


def unpacked(body: bytes) -> "NDArray[np.uint64]":
    """Return what was packed, in ascending order."""
    import numpy as np

    return np.frombuffer(body, dtype=">u8").astype(np.uint64)


def among(found: "NDArray[np.uint64]", known: "NDArray[np.uint64]") -> "Truths":
    """Return which digests are among known ones, which are in ascending order."""
    import numpy as np

    if not len(known):
        return np.zeros(len(found), dtype=np.bool_)
    places = np.minimum(np.searchsorted(known, found), len(known) - 1)
    there: Truths = known[places] == found
    return there


def _float(number: float) -> str:
    if abs(number) >= _EXACT:
        raise NoIds(f"an id of {number} was rounded; write long ids as text or whole numbers")
    return str(int(number)) if number.is_integer() else repr(number)


def _digested(text: list[str | None]) -> list[bytes]:
    none = bytes(BYTES)
    return [none if one is None else blake3(one.encode()).digest(length=BYTES) for one in text]
