"""Segments of a log: 16 events in one object, 16 of those in the next, so that reading is bounded.

Events have level 0. A segment of level L and index I holds the events from 16**L * I + 1 on,
16**L of them. It is made of nothing but those events, so whoever writes it writes the same bytes.
"""

from collections.abc import Iterable

import msgspec

from trueup.errors import WrongUsage

FAN = 16
TOP = 4
FORMAT = 1


class Piece(msgspec.Struct, frozen=True):
    """One object to read: an event (level 0) or a segment."""

    level: int
    index: int

    @property
    def first(self) -> int:
        """Return the number of its first event."""
        return self.index * self.size + 1

    @property
    def size(self) -> int:
        """Return how many events it holds."""
        return int(FAN**self.level)

    def smaller(self) -> "list[Piece]":
        """Return the 16 pieces of the level below that hold the same events."""
        return [Piece(self.level - 1, self.index * FAN + nth) for nth in range(FAN)]


class _Segment(msgspec.Struct, frozen=True):
    first: int
    events: list[msgspec.Raw]
    format: int = FORMAT


class _Format(msgspec.Struct, frozen=True):
    format: int = 0


def plan(after: int, head: int) -> list[Piece]:
    """Return the fewest pieces that hold exactly the events after+1 to head, in order."""
    pieces = []
    while after < head:
        fitting = (
            level
            for level in range(TOP, -1, -1)
            if after % FAN**level == 0 and after + FAN**level <= head
        )
        level = next(fitting)
        pieces.append(Piece(level, after // FAN**level))
        after += FAN**level
    return pieces


def encode(piece: Piece, bodies: Iterable[bytes]) -> bytes:
    """Return the segment's one possible content; bodies are JSON and stand in it byte by byte."""
    return msgspec.json.encode(_Segment(piece.first, [msgspec.Raw(body) for body in bodies]))


def decode(piece: Piece, content: bytes) -> list[bytes] | None:
    """Return a segment's events, or None where it is damaged (the level below has them too)."""
    try:
        segment = msgspec.json.decode(content, type=_Segment)
    except msgspec.DecodeError:
        segment = None
    if segment is None or segment.format != FORMAT:
        _refuse_newer(content)
        return None
    if segment.first != piece.first or len(segment.events) != piece.size:
        return None
    return [bytes(event) for event in segment.events]


def _refuse_newer(content: bytes) -> None:
    try:
        found = msgspec.json.decode(content, type=_Format).format
    except msgspec.DecodeError:
        return
    if found > FORMAT:
        raise WrongUsage(
            f"the bucket's logs are of format {found}, this trueup reads up to {FORMAT}",
            remedy="Install the newer trueup that wrote them: uv pip install -U trueup",
        )
