"""From the frames of a spool file to segments: one for each model, version and day."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec
import numpy as np
from blake3 import blake3

from trueup.captures import columns, layout
from trueup.captures.arrow import write_table
from trueup.captures.columns import Column
from trueup.captures.frames import Frame
from trueup.captures.layout import Segment

_DAY_US = 86_400_000_000
FORMAT = 1
_Name: TypeAlias = tuple[str, str, int, str, str]  # kind, model, version, digest, environment


class Piece(msgspec.Struct, frozen=True):
    """A segment that is not in the bucket yet."""

    kind: str
    model: str
    segment: Segment
    columns: dict[str, Column]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.columns["id"].rows

    @property
    def body(self) -> bytes:
        """Return it as an Arrow IPC file; a new one each time."""
        notes = {
            "format": str(FORMAT),
            "model": self.model,
            "version": str(self.segment.version),
            "digest": self.segment.digest,
        }
        return write_table(self.columns, notes)


def pieces_of(frames: Iterable[Frame], source: str) -> Iterator[Piece]:
    """Yield the segments that frames make; the same frames and source give the same keys."""
    groups: dict[_Name, list[Frame]] = {}
    for one in frames:
        of = (one.kind, one.model, one.version, one.digest, one.environment)
        groups.setdefault(of, []).append(one)
    for nth, (name, group) in enumerate(groups.items()):
        table = stack([one.columns for one in group])
        for day_nth, day in enumerate(_days(table)):
            yield piece(name, day, f"{source}.{nth}.{day_nth}" if day_nth else f"{source}.{nth}")


def piece(name: _Name, table: dict[str, Column], source: str) -> Piece:
    """Return one segment; all its rows are of one day."""
    kind, model, version, digest, environment = name
    moments = table["at"].values()
    first, last = int(moments.min()) // 1000, int(moments.max()) // 1000
    short = layout.short_digest(digest)
    of = layout.folder_of(environment)
    segment = Segment(first, last, version, short, schema_digest(table), source, environment=of)
    key = layout.segment_key(kind, model, segment)
    return Piece(kind, model, msgspec.structs.replace(segment, key=key), table)


def rewritten(piece: Piece, table: dict[str, Column]) -> Piece:
    """Return a segment under the same key with fewer rows."""
    return msgspec.structs.replace(piece, columns=table)


def stack(tables: Sequence[Mapping[str, Column]]) -> dict[str, Column]:
    """Put tables one below the other; where one lacks a column, its rows have no value there."""
    names: dict[str, None] = {}
    for one in tables:
        names |= dict.fromkeys(one)
    return {
        name: columns.join([one.get(name) or columns.absent(one["id"].rows) for one in tables])
        for name in names
    }


def schema_digest(table: Mapping[str, Column]) -> str:
    """Return what two tables share if and only if they have the same columns of the same kinds."""
    said = "\n".join(f"{one.kind} {name}" for name, one in table.items())
    return blake3(said.encode("utf-8", "replace")).hexdigest()[:12]


def _days(table: dict[str, Column]) -> Iterator[dict[str, Column]]:
    days = table["at"].values() // _DAY_US
    different = np.unique(days).tolist()
    if len(different) == 1:
        yield table
        return
    for day in different:
        chosen = days == day
        yield {name: columns.take(one, chosen) for name, one in table.items()}
