"""Ids for rows that have none: the same for the same rows, ascending within a table."""

from datetime import UTC, datetime

import msgspec
from blake3 import blake3

_ROW_BITS = 36
_VARIANT = 1 << 63


class Seed(msgspec.Struct, frozen=True):
    """What a table's ids are made of beside the row's number."""

    model: str  # project/model
    partition: str
    digest: str  # of the file
    nth: int = 0  # among files of one input with the same digest


def row_ids(seed: Seed, first: int, count: int) -> list[str]:
    """Return the ids of so many rows from the first on, which is counted from 0.

    A UUID of version 8. Its first 48 bits are the partition's moment in milliseconds where that
    is a date or a time, as in UUIDs of version 7, else bits of a digest of the seed; 38 bits more
    are the digest's, and the last 36 the row's number.

    >>> row_ids(Seed("shop/sale", "2013-06-01", "ab"), 0, 2)[1][:15]
    '013efd08-9c00-8'
    """
    drawn = int.from_bytes(blake3(msgspec.json.encode(seed)).digest(16))
    at = moment_of(seed.partition)
    head = drawn >> 80 if at is None else int(at.timestamp() * 1000)
    high = (drawn >> 68) & 0xFFF
    low = _VARIANT | (drawn & ((1 << 26) - 1)) << _ROW_BITS
    digits = f"{head & (1 << 48) - 1:012x}"
    front = f"{digits[:8]}-{digits[8:]}-8{high:03x}-"
    made = []
    for row in range(first, first + count):
        tail = f"{low | row:016x}"
        made.append(f"{front}{tail[:4]}-{tail[4:]}")
    return made


def moment_of(partition: str) -> datetime | None:
    """Return the moment that a partition's name is, if it is one; without a zone it is in UTC.

    >>> moment_of("2013-06-01").isoformat(), moment_of("north")
    ('2013-06-01T00:00:00+00:00', None)
    """
    try:
        at = datetime.fromisoformat(partition)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
