"""A log of numbered events that are created once and never changed: the one way to agree."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from trueup import clock, ids
from trueup.errors import SomebodyElseFirst
from trueup.store.bucket import Bucket
from trueup.store.logcache import LogCache, stamp
from trueup.store.logpieces import LogBroken, Pieces
from trueup.store.segments import FAN

_SEARCH_AFTER = 8  # tries one number further each, before the end is searched for again

__all__ = ["Event", "Log", "LogBroken", "StaleLog"]


class Event(msgspec.Struct, frozen=True):
    """One event of a log: its number, from 1 on, and its JSON."""

    number: int
    body: bytes


class StaleLog(SomebodyElseFirst):
    """An event was to be written after one that is not the last: read again, decide again."""

    def __init__(self, log: str, after: int) -> None:
        super().__init__(
            f"event {after} of {log} is not its last: somebody else was first",
            remedy="Run the command again: it will see what has happened",
        )


class Log:
    """The events under ``<prefix>/events/``; a body is a JSON object.

    Each body gets a ``nonce`` where it has none, so that an event whose answer was lost can be
    told from somebody else's. A Log remembers what it has read from the first event on; a cache
    folder remembers it for the next process, where the bucket is remote.
    """

    def __init__(self, bucket: Bucket, prefix: str, *, cache: Path | None = None) -> None:
        self.prefix = prefix
        self._bucket = bucket
        self._pieces = Pieces(bucket, prefix)
        self._cache = LogCache(cache, bucket.url, prefix) if cache and bucket.remote else None
        self._known: list[Event] = []  # from the first on, without a gap
        self._lock = threading.Lock()
        self._head = 0

    def read(self, after: int = 0) -> list[Event]:
        """Return the events after that number, in order; what was read before is not fetched."""
        with self._lock:
            if after > len(self._known):
                return self._fetch(after, self._find(after))
            self._catch_up()
            return self._known[after:]

    def poll(self, after: int) -> list[Event]:
        """Return the events after that number as read does, at one request while there are none."""
        return self.read(after) if self._pieces.exists(after + 1) else []

    def last(self) -> Event | None:
        """Return the last event, without reading those before it; None if there is none."""
        head = self._find(self._head)
        return Event(head, self._pieces.fetch(head - 1, head)[0]) if head else None

    def append(self, body: bytes, *, after: int) -> int:
        """Create the event after+1 and return its number; StaleLog unless after is the last."""
        if after > self._head and not self._pieces.exists(after):
            raise StaleLog(self.prefix, after)
        return self._append(_with_nonce(body), after)

    def add(self, body: bytes) -> int:
        """Create the next event whatever the others say, and return its number."""
        body = _with_nonce(body)
        after, tries = self._head or self._find(0), 0
        while True:
            try:
                return self._append(body, after)
            except StaleLog:
                tries += 1
                after = after + 1 if tries % _SEARCH_AFTER else self._find(after)

    def append_when(
        self, decide: Callable[[list[Event]], bytes | None], *, patience_s: float = 300.0
    ) -> int | None:
        """Create the event that decide makes of all events before it; None where it makes none.

        When somebody else is first it decides again over what is there then, for patience_s.
        """
        began_s, tries = clock.monotonic_s(), 0
        while True:
            events = self.read()
            body = decide(events)
            if body is None:
                return None
            try:
                return self._append(_with_nonce(body), len(events))
            except StaleLog:
                tries += 1
                if clock.monotonic_s() - began_s > patience_s:
                    raise
                if self._bucket.remote:
                    time.sleep(_jitter_s(tries))

    def _append(self, body: bytes, after: int) -> int:
        number = after + 1
        if not self._pieces.create(number, body):
            raise StaleLog(self.prefix, after)
        self._head = max(self._head, number)
        if number % FAN == 0 or self._pieces.unfolded:
            self._pieces.fold(number)
        return number

    def _find(self, after: int) -> int:
        found = self._pieces.find(after)
        if found.last:
            self._head = max(self._head, found.head)
        return found.head

    def _fetch(self, after: int, head: int) -> list[Event]:
        bodies = self._pieces.fetch(after, head)
        return [Event(after + nth, body) for nth, body in enumerate(bodies, 1)]

    def _catch_up(self) -> None:
        """Bring what is known up to the last event, over the cache folder where there is one."""
        trusted = ""
        if self._cache and not self._known:
            bodies, trusted = self._cache.load()
            self._known = [Event(nth, body) for nth, body in enumerate(bodies, 1)]
        start = len(self._known)
        found = self._pieces.find(start)
        if trusted and (found.start is None or stamp(found.start) != trusted):
            # Not the log that was kept: somebody has made the bucket anew.
            self._known, start = [], 0
            found = self._pieces.find(0)
        if start and found.start is None:
            raise LogBroken(self.prefix, start, self._bucket.url)
        self._head = max(self._head, found.head)
        self._known += self._fetch(start, found.head)
        if self._cache and found.last and len(self._known) > start:
            bodies = [event.body for event in self._known]
            self._cache.store(bodies, start + 1, stamp(found.last))


class _Nonced(msgspec.Struct, frozen=True):
    nonce: str = ""


def _with_nonce(body: bytes) -> bytes:
    body = body.strip()
    try:
        if msgspec.json.decode(body, type=_Nonced).nonce:
            return body
    except msgspec.DecodeError as error:
        raise ValueError(f"an event is a JSON object, not {body[:60]!r}") from error
    comma = b"," if body[1:-1].strip() else b""
    return b'%s%s"nonce":"%s"}' % (body[:-1], comma, ids.nonce().encode())


def _jitter_s(tries: int) -> float:
    """Return a random time to wait, longer the more often somebody else was first."""
    longest_s = 0.02 * (1 << min(tries, 5))
    return longest_s * os.urandom(1)[0] / 255
