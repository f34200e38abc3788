"""Stored records that carry their ``format``: a known one is read, a newer one is refused."""

from typing import Generic, Protocol, TypeVar

import msgspec

from trueup.errors import NotProven, TrueupError, WrongUsage

T = TypeVar("T", covariant=True)

INSTALL = "Install the newer trueup that wrote it: uv pip install -U trueup"
RESTORE = "Restore it from a copy of the bucket; see: trueup doctor --bucket"


class Decoder(Protocol[T]):
    """Msgspec's, of JSON or of MessagePack."""

    def decode(self, body: bytes, /) -> T:
        """Return a record; msgspec.MsgspecError where the bytes are none."""
        ...


class Stored(Generic[T]):
    """How one kind of record is read; ``says`` ends before "of format 2".

    >>> class Note(msgspec.Struct):
    ...     text: str
    ...     format: int = 1
    >>> notes = Stored(msgspec.json.Decoder(Note), 1, "the note is", "not a note")
    >>> notes.read(b'{"text": "hello"}').text
    'hello'
    """

    def __init__(
        self, decoder: Decoder[T], newest: int, says: str, damaged: str, remedy: str = RESTORE
    ) -> None:
        self._decoder, self._newest = decoder, newest
        head = type(decoder)(_Head)  # type: ignore[call-arg] # msgspec's take a type
        self._head: Decoder[_Head] = head  # type: ignore[assignment] # so it is of that type
        self._says, self._damaged, self._remedy = says, damaged, remedy

    def read(
        self, body: bytes, place: str | None = None, newer: type[TrueupError] = WrongUsage
    ) -> T:
        """Return a record; ``newer`` for a newer format, NotProven for what is no such record."""
        try:
            found = self._decoder.decode(body)
            known = getattr(found, "format", None)  # looked at once, where the record has it
        except msgspec.MsgspecError as error:
            self._check(self._format(body, place), place, newer)
            raise self._no_record(error, place) from error
        self._check(self._format(body, place) if known is None else known, place, newer)
        return found

    def _format(self, body: bytes, place: str | None) -> int:
        try:
            head: _Head = self._head.decode(body)
        except msgspec.MsgspecError as error:
            raise self._no_record(error, place) from error
        return head.format

    def _check(self, known: int, place: str | None, newer: type[TrueupError]) -> None:
        if known > self._newest:
            raise newer(
                f"{self._says} of format {known}, this trueup reads up to {self._newest}",
                remedy=INSTALL,
                place=place,
            )

    def _no_record(self, error: Exception, place: str | None) -> NotProven:
        return NotProven(f"{self._damaged}: {error}", remedy=self._remedy, place=place)


class _Head(msgspec.Struct):
    format: int = 1
