"""What parent and workers say to each other, a line of JSON each, over a pair of sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import msgspec

_LONGEST_BYTES = 32 << 20


class Word(msgspec.Struct, frozen=True, tag_field="is"):
    """Base of all that is said."""


class Begin(Word, frozen=True, tag="begin"):
    """To a worker, first of all: what it is to serve, in which versions."""

    number: int
    wanted: msgspec.Raw  # as the project that starts it has written it
    versions: dict[str, int]  # by line


class Newest(Word, frozen=True, tag="newest"):
    """To a worker: load these versions beside what it has, and say so."""

    versions: dict[str, int]


class Go(Word, frozen=True, tag="go"):
    """To a worker that has loaded a version: take it, or leave it for a reason."""

    line: str
    version: int
    why_not: str = ""


class Trouble(Word, frozen=True, tag="trouble"):
    """To a worker: why the newest version of a line is not the live one."""

    line: str
    why: str


class Ready(Word, frozen=True, tag="ready"):
    """To a worker: all others answer too, so say that you are ready."""


class Count(Word, frozen=True, tag="count"):
    """To a worker: say what you have counted."""


class Reload(Word, frozen=True, tag="reload"):
    """To a worker: read again who may ask."""


class Answered(Word, frozen=True, tag="answered"):
    """To a worker: what came of its question of this number."""

    question: int
    text: str = ""


class Up(Word, frozen=True, tag="up"):
    """From a worker: it listens."""

    says: tuple[str, ...] = ()  # how it answers


class Failed(Word, frozen=True, tag="failed"):
    """From a worker: it cannot serve that at all."""

    problem: str
    remedy: str


class Loaded(Word, frozen=True, tag="loaded"):
    """From a worker: a version is in memory and proven there, or why it is not."""

    line: str
    version: int
    why_not: str = ""


class At(Word, frozen=True, tag="at"):
    """From a worker: which versions answer there now, and what troubles them."""

    versions: dict[str, int]
    troubles: dict[str, str]


class Counted(Word, frozen=True, tag="counted"):
    """From a worker: its counts, as Prometheus reads them."""

    text: str


class Asked(Word, frozen=True, tag="asked"):
    """From a worker, which waits for Answered: look at the aliases, or show everybody's counts."""

    question: int
    what: str  # look, counts
    text: str = ""


ToWorker: TypeAlias = Begin | Newest | Go | Trouble | Ready | Count | Reload | Answered
ToParent: TypeAlias = Up | Failed | Loaded | At | Counted | Asked


class Line:
    """One end of the pair; what the other end says is read until it is gone."""

    def __init__(self, end: socket.socket, said: Any) -> None:
        self._end, self._decoder = end, msgspec.json.Decoder(said)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    def say(self, word: Word) -> None:
        """Say something, on the loop; into the void where the other end is gone."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(msgspec.json.encode(word) + b"\n")

    async def words(self) -> AsyncIterator[Any]:
        """Yield what the other end says, until it is gone; opened first."""
        assert self._reader is not None  # noqa: S101 - a mistake of ours, not of anybody else
        try:
            while line := await self._reader.readline():
                yield self._decoder.decode(line)
        except ConnectionError:
            return
        finally:
            self.close()

    async def open(self) -> None:
        """Get ready to say and to hear, on the running loop."""
        self._reader, self._writer = await asyncio.open_unix_connection(
            sock=self._end, limit=_LONGEST_BYTES
        )

    def close(self) -> None:
        """Say nothing more."""
        if self._writer is not None:
            self._writer.close()


def first(end: socket.socket) -> Begin:
    """Return what a worker is told at its beginning; nothing else is said before it is up."""
    heard = b""
    while not heard.endswith(b"\n"):
        part = end.recv(1 << 16)
        if not part:
            raise ConnectionError("the parent process has ended")
        heard += part
    return msgspec.json.decode(heard, type=Begin)
