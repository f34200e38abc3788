"""Write one run: its events, its points, its logs, its signs of life."""

import threading

from trueup.errors import SomebodyElseFirst
from trueup.pipeline.tracking import layout
from trueup.pipeline.tracking.records import (
    Ended,
    Event,
    IndexEnded,
    IndexEvent,
    IndexStarted,
    StageDone,
    Started,
    encode,
)
from trueup.pipeline.tracking.spool import HEAD
from trueup.store.bucket import Bucket
from trueup.store.log import Log

_SEGMENT_BYTES = 8 << 20


class RunWriter:
    """The only writer of one run.

    Any thread may call. Events are create-only and synced; what has returned survives a crash.
    """

    def __init__(self, bucket: Bucket, run: str) -> None:
        self.run = run
        self._bucket = bucket
        self._log = Log(bucket, layout.INDEX)
        self._lock = threading.Lock()
        self._last: dict[str, int] = {}  # prefix: its last number

    def started(self, event: Started) -> None:
        """Record that the run has begun; from here on it is listed."""
        self.heartbeat()
        self._event(event)
        self._index(
            IndexStarted(
                run=self.run,
                at=event.at,
                project=event.project,
                kind=event.kind,
                commit=event.commit,
                dirty=event.dirty,
                branch=event.branch,
                user=event.environment.user,
                params=event.params,
            )
        )

    def stage_done(self, event: StageDone) -> None:
        """Record what became of a stage."""
        self._event(event)

    def points(self, lines: bytes) -> None:
        """Store points as the spool gave them; nothing for nothing."""
        prefix = layout.points_prefix(self.run)
        start = 0
        while start < len(lines):
            cut = lines.rfind(b"\n", start, start + _SEGMENT_BYTES) + 1
            end = cut or min(len(lines), start + _SEGMENT_BYTES)
            segment = HEAD + lines[start:end]
            self._create(layout.segment_key(prefix, self._next(prefix)), segment)
            start = end

    def log(self, stage: str, output: bytes) -> None:
        """Store a piece of a stage's output, secrets already masked; nothing for nothing."""
        if output:
            prefix = layout.log_prefix(self.run, stage)
            self._create(layout.segment_key(prefix, self._next(prefix)), output)

    def heartbeat(self) -> None:
        """Say that the run lives; to be called every ten seconds or so."""
        self._bucket.put(layout.heartbeat_key(self.run), b'{"format":1}')

    def ended(self, event: Ended) -> None:
        """Record how the run ended; nothing may be written after it."""
        self._event(event)
        self._index(
            IndexEnded(
                run=self.run,
                status=event.status,
                at=event.at,
                seconds=event.seconds,
                metrics=event.metrics,
            )
        )
        self._bucket.delete([layout.heartbeat_key(self.run)])

    def _event(self, event: Event) -> None:
        number = self._next(layout.events_prefix(self.run))
        self._create(layout.event_key(self.run, number), encode(event))

    def _index(self, event: IndexEvent) -> None:
        self._log.add(encode(event))

    def _next(self, prefix: str) -> int:
        with self._lock:
            number = self._last.get(prefix, 0) + 1
            self._last[prefix] = number
        return number

    def _create(self, key: str, body: bytes) -> None:
        if not self._bucket.create(key, body):
            raise SomebodyElseFirst(
                f"run {self.run} is already written by another process",
                remedy="Start the run again: it gets a name of its own",
                place=key,
            )
