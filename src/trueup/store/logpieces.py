"""Where a log's events and segments lie in a bucket: find the last, fetch some, fold many."""

from collections.abc import Iterator
from itertools import islice

import msgspec

from trueup.errors import NotProven
from trueup.store import segments
from trueup.store.bucket import Bucket, Entry, Missing
from trueup.store.segments import FAN, TOP, Piece

_PAGE = 1000  # what one request lists
_THREADS = 16
_REPAIRS = 64  # segments written by one append, so that none takes minutes


class LogBroken(NotProven):
    """An event is missing before later ones, which no writer of ours can bring about."""

    def __init__(self, log: str, number: int, url: str) -> None:
        super().__init__(
            f"{log} in {url} has no event {number}, though later ones were written",
            remedy="Restore it from a copy of the bucket; see: trueup doctor --bucket",
        )


class Found(msgspec.Struct, frozen=True):
    """What a search for the end of a log has seen."""

    head: int  # the last event's number
    last: Entry | None  # that event as the bucket lists it
    start: Entry | None  # the event from which the search began


class Pieces:
    """The objects of one log. Events are created in order, segments follow sooner or later."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self.prefix = prefix
        self._bucket = bucket
        self.unfolded = False  # a segment that could be there was not

    def create(self, number: int, body: bytes) -> bool:
        """Create the event of that number; False if somebody's is there already."""
        return self._bucket.create(self._key(Piece(0, number - 1)), body)

    def exists(self, number: int) -> bool:
        """Say whether the event of that number is there, at one request."""
        return self._entry(number) is not None

    def find(self, after: int) -> Found:
        """Search for the last event from event after on, at one list if it is not far."""
        before = max(0, after - 1)
        if self._bucket.remote:
            page = dict(islice(self._numbers(before), _PAGE))
            if len(page) < _PAGE:
                return _found(page, after, page.get(after))
        covered = max(after, *self._covers(after))
        page = dict(self._numbers(max(before, covered - 1)))
        return _found(page, covered, self._entry(after) if after else None)

    def fetch(self, after: int, head: int) -> list[bytes]:
        """Return the events after+1 to head, in order and in as few requests as there can be."""
        return self._bodies(segments.plan(after, head))

    def fold(self, head: int) -> None:
        """Write the segments that are complete and not there yet, the oldest first."""
        covers = self._covers(0)
        written = 0
        for level in range(1, TOP + 1):
            size = FAN**level
            for index in range(covers[level] // size, head // size):
                if written == _REPAIRS:
                    return
                piece = Piece(level, index)
                bodies = self._bodies(piece.smaller())
                self._bucket.create(self._key(piece), segments.encode(piece, bodies))
                written += 1
        self.unfolded = False

    def _entry(self, number: int) -> Entry | None:
        return next(self._bucket.list(self._key(Piece(0, number - 1))), None)

    def _numbers(self, before: int, level: int = 0) -> Iterator[tuple[int, Entry]]:
        """Yield the pieces of a level without the first ones, numbered from 1."""
        folder = self._folder(level)
        last = self._key(Piece(level, before - 1)) if before else ""
        for entry in self._bucket.list(folder, after=last):
            name = entry.key[len(folder) :].removesuffix(".json")
            if name.isascii() and name.isdigit():
                yield int(name) + (1 if level else 0), entry

    def _covers(self, after: int) -> list[int]:
        """Return for each level how many events from the first on its segments hold."""
        covers = [0] * (TOP + 1)
        covered = after
        for level in range(TOP, 0, -1):
            size = FAN**level
            last = max((nth for nth, _ in self._numbers(covered // size, level)), default=0)
            covered = max(covered, last * size)
            covers[level] = covered // size * size
        return covers

    def _bodies(self, pieces: list[Piece]) -> list[bytes]:
        """Return the events of the pieces in order; a missing segment is made up from below."""
        contents = dict(zip(pieces, self._get_all(pieces), strict=True))
        absent = [piece for piece in pieces if contents[piece] is None]
        if not absent:
            return [body for piece in pieces for body in contents[piece] or []]
        lost = next((piece for piece in absent if piece.level == 0), None)
        if lost:
            raise LogBroken(self.prefix, lost.first, self._bucket.url)
        self.unfolded = True
        below = iter(self._bodies([small for piece in absent for small in piece.smaller()]))
        return [
            body
            for piece in pieces
            for body in contents[piece] or [next(below) for _ in range(piece.size)]
        ]

    def _get_all(self, pieces: list[Piece]) -> list[list[bytes] | None]:
        if not self._bucket.remote or len(pieces) < 2:
            return [self._get(piece) for piece in pieces]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(_THREADS, len(pieces))) as pool:
            return list(pool.map(self._get, pieces))

    def _get(self, piece: Piece) -> list[bytes] | None:
        try:
            content = self._bucket.get(self._key(piece))
        except Missing:
            return None
        return segments.decode(piece, content) if piece.level else [content]

    def _folder(self, level: int) -> str:
        return f"snapshots/{self.prefix}/{level}/" if level else f"{self.prefix}/events/"

    def _key(self, piece: Piece) -> str:
        number = piece.index if piece.level else piece.index + 1
        return f"{self._folder(piece.level)}{number:010d}.json"


def _found(page: dict[int, Entry], covered: int, start: Entry | None) -> Found:
    head = max(page, default=0)
    return Found(head, page[head], start) if page else Found(covered, None, start)
