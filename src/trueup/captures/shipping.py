"""Bring closed spool files to the bucket as segments: each row once, whatever ends between."""

from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

import msgspec

from trueup.captures import spoolfiles
from trueup.captures.erasures import Erasures
from trueup.captures.finding import segments_in
from trueup.captures.frames import frames_of
from trueup.captures.records import Batch
from trueup.captures.segments import Piece, pieces_of
from trueup.errors import TrueupError
from trueup.store.bucket import Bucket

_LONGEST_PAUSE_S = 60.0


class Shipped(msgspec.Struct, frozen=True):
    """What one pass has brought to the bucket."""

    segments: int = 0
    rows: int = 0
    damaged_bytes: int = 0  # of files that the disk gave back wrong; they are put aside


class Beside(Protocol):
    """Keeps something of each segment beside it: whose key and size are what they are there.

    It never raises: whatever goes wrong with it, segments are brought.
    """

    def keep(self, piece: Piece) -> None:
        """Keep it, again and again the same."""
        ...

    def forget(self, piece: Piece) -> None:
        """Remove it: the segment was written anew without some of its rows."""
        ...


def ship(folder: Path, bucket: Bucket, beside: Beside | None = None) -> Shipped:
    """Bring everything to the bucket that is closed in a spool, and remove it here.

    A segment's key comes from its file's own name, so what a killed process has brought there
    already is found, not brought again. Also what dead processes have left open is brought.
    """
    spoolfiles.recover_dead(folder)
    done = Shipped()
    for closed in spoolfiles.closed_files(folder):
        try:
            frames, damaged = spoolfiles.read(closed)
        except FileNotFoundError:
            continue  # another process ships the same spool
        segments = rows = 0
        for piece in pieces_of(frames, closed.source):
            rows += store(piece, bucket, beside)
            segments += 1
        spoolfiles.remove(closed, damaged=bool(damaged))
        done = Shipped(done.segments + segments, done.rows + rows, done.damaged_bytes + damaged)
    return done


def store(piece: Piece, bucket: Bucket, beside: Beside | None = None) -> int:
    """Create a segment without the rows that have been erased, and return how many it has.

    Who erases announces it before looking at the bucket, and we look for announcements after
    creating: so whichever comes first, an erased row does not stay, nor what lies beside it.
    """
    erasures = Erasures(bucket, piece.model)
    kept = erasures.spared(piece)
    if kept is not None:
        kept = _written(kept, bucket.create)
        if beside is not None:
            beside.keep(kept)
    if erasures.look_again():
        if beside is not None and kept is not None:
            beside.forget(kept)
        kept = erasures.spared(piece)
        if kept is None:
            bucket.delete([piece.segment.key])
        else:
            kept = _written(kept, bucket.put)
            if beside is not None:
                beside.keep(kept)
    return kept.rows if kept else 0


def write(
    bucket: Bucket, batches: Iterable[Batch], source: str, beside: Beside | None = None
) -> list[str]:
    """Write batches to the bucket without a spool, and return the keys of what was new.

    For what can be made again from where it came: the same batches under the same source (a
    digest of a file, of a partition) are written once, however often this is called, and
    whatever their moments are then. A source is letters, digits and points.
    """
    there: dict[tuple[str, str], set[str]] = {}
    keys = []
    for nth, batch in enumerate(batches):
        for piece in pieces_of(frames_of([batch]), f"{source}.{nth}"):
            named = (piece.kind, piece.model)
            if named not in there:
                found = segments_in(bucket, *named)
                there[named] = {one.source for one in found if one.source.startswith(source)}
            if piece.segment.source not in there[named] and store(piece, bucket, beside):
                keys.append(piece.segment.key)
    return keys


def _written(piece: Piece, write: Callable[[str, bytes], object]) -> Piece:
    """Write a segment and return it with its size."""
    body = piece.body
    write(piece.segment.key, body)
    segment = msgspec.structs.replace(piece.segment, size_bytes=len(body))
    return msgspec.structs.replace(piece, segment=segment)


class Spooled(Protocol):
    """What lies in a folder of spool files, whoever writes them."""

    @property
    def folder(self) -> Path:
        """Where the slots are."""
        ...


class Shipper:
    """Ship a spool's segments from a thread, every few seconds, until it is closed.

    While the bucket does not answer it asks ever more rarely, up to once a minute; the spool
    keeps what waits. tell is told when that begins and when it ends.
    """

    def __init__(
        self,
        spool: Spooled,
        bucket: Bucket,
        *,
        every_s: float = 5.0,
        tell: Callable[[str], None],
        beside: Beside | None = None,
    ) -> None:
        self._spool, self._bucket, self._every_s, self._tell = spool, bucket, every_s, tell
        self._beside = beside
        self._closing = Event()
        self.failing = ""  # why the last pass brought nothing
        self._thread = Thread(target=self._run, name="trueup-shipping", daemon=True)
        self._thread.start()

    def close(self, *, timeout_s: float = 30.0) -> bool:
        """Try once more, after the spool was closed, and stop; False if something stays here."""
        self._closing.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self.failing

    def _run(self) -> None:
        pause_s = self._every_s
        while True:
            closing = self._closing.wait(pause_s)
            self._pass()
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S) if self.failing else self._every_s
            if closing:
                return

    def _pass(self) -> None:
        before = self.failing
        try:
            done = ship(self._spool.folder, self._bucket, self._beside)
            self.failing = ""
        except (TrueupError, OSError) as error:
            self.failing = str(error)
        except Exception as error:  # noqa: BLE001 -- the edge of a thread, which must go on
            self.failing = f"{type(error).__name__}: {error}"
        if self.failing and not before:
            self._tell(f"captures stay in the spool: {self.failing}")
        elif before and not self.failing:
            self._tell("captures reach the bucket again")
        if not self.failing and done.damaged_bytes:
            self._tell(f"captures: {done.damaged_bytes} bytes in the spool were damaged")
