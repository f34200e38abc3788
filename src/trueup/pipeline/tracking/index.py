"""The index of all runs: a numbered log, folded, with a local copy of the fold."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from blake3 import blake3

from trueup.pipeline.tracking import layout
from trueup.pipeline.tracking.listing import Run, folded
from trueup.pipeline.tracking.records import FORMAT, IndexEvent, RecordDamaged, decode_index
from trueup.store.bucket import Bucket
from trueup.store.log import Event, Log

_WORTH_KEEPING = 16  # new events; fewer are read again next time


class _Kept(msgspec.Struct, frozen=True):
    """The fold of the first so many events."""

    url: str
    number: int
    last: bytes  # digest of the last event: a bucket begun anew is noticed by it
    runs: list[Run]
    format: int = FORMAT


class Index:
    """Reads the index; with a cache folder only what is new comes from the bucket."""

    def __init__(self, bucket: Bucket, cache: Path | None) -> None:
        self._bucket = bucket
        name = blake3(bucket.url.encode()).hexdigest()[:32]
        self._file = cache / "runs-index" / name if cache else None
        self._latest: _Kept | None = None

    def read(self) -> dict[str, Run]:
        """Return all runs by id as of now; those that have not ended count as running."""
        log, kept = Log(self._bucket, layout.INDEX), self._latest or self._kept()
        if kept is not None:
            found = log.read(after=kept.number - 1)
            if found and blake3(found[0].body).digest() == kept.last:
                self._latest = kept
                return self._fold(kept.runs, found[1:])
        return self._fold([], log.read())

    def _fold(self, before: list[Run], events: list[Event]) -> dict[str, Run]:
        runs = folded({run.id: run for run in before}, _readable(events))
        if events:
            last, number = blake3(events[-1].body).digest(), events[-1].number
            self._latest = _Kept(self._bucket.url, number, last, list(runs.values()))
            if len(events) >= _WORTH_KEEPING:
                self._keep(self._latest)
        return runs

    def _kept(self) -> _Kept | None:
        if self._file is None:
            return None
        try:
            kept = msgspec.msgpack.decode(self._file.read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None  # a cache: whatever is wrong with it, the bucket has the truth
        fits = kept.format == FORMAT and kept.url == self._bucket.url and kept.number > 0
        return kept if fits else None

    def _keep(self, kept: _Kept) -> None:
        if self._file is None:
            return
        scratch = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_bytes(msgspec.msgpack.encode(kept))
            scratch.replace(self._file)
        except OSError:
            scratch.unlink(missing_ok=True)  # a read-only or full disk: next time is slower


def _readable(events: list[Event]) -> Iterator[IndexEvent]:
    """Yield what can be read: a damaged entry hides its run from the list, not all the others.

    The run's own events have the truth; ``trueup doctor --bucket`` names what is damaged.
    """
    for event in events:
        with suppress(RecordDamaged):
            yield decode_index(event.body, f"{layout.INDEX} {event.number}")
