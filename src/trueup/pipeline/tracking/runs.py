"""Look at runs: all of them in a list, or one in full."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from trueup import clock
from trueup.errors import WrongUsage, did_you_mean
from trueup.pipeline.tracking import layout
from trueup.pipeline.tracking.filters import check_columns, meets, ordered, parse_filter
from trueup.pipeline.tracking.index import Index
from trueup.pipeline.tracking.listing import Run, judged
from trueup.pipeline.tracking.records import Ended, Event, StageDone, Started, decode_event
from trueup.pipeline.tracking.spool import Point, Summary, read_points, summaries
from trueup.store.abreast import abreast
from trueup.store.bucket import Bucket, Missing

_TAIL_BYTES = 4000
_SURE = 8  # of the runs that seem lost, how many of the newest are looked at twice


class RunNotFound(WrongUsage):
    """A run was named that is not there, or several could be meant."""


class RunDetail(msgspec.Struct, frozen=True):
    """One run in full."""

    run: Run
    started: Started | None
    stages: tuple[StageDone, ...]
    ended: Ended | None
    curves: tuple[Summary, ...]
    tails: dict[str, str]  # of the stages that failed: the end of what they printed


class Runs:
    """The runs that a bucket holds; with a cache folder, listing reads only what is new."""

    def __init__(
        self,
        bucket: Bucket,
        cache: Path | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._bucket, self._now = bucket, now
        self._index = Index(bucket, cache)

    def list(
        self, filters: Iterable[str] = (), sort: Sequence[str] = (), limit: int | None = None
    ) -> tuple[Run, ...]:
        """Return the runs that meet every filter, the newest first unless sorted otherwise.

        Filters and sorting are as ``trueup runs`` takes them: ``metrics.roc_auc>0.7``,
        ``status=failed``; ``-metrics.roc_auc``. A run that has not ended and gave no sign of
        life for a minute is lost.
        """
        conditions = [parse_filter(text) for text in filters]
        runs = self._all()
        named = [condition.column for condition in conditions]
        check_columns([*named, *(column.removeprefix("-") for column in sort)], runs)
        found = [run for run in runs if all(meets(run, condition) for condition in conditions)]
        return tuple(ordered(found, sort)[: None if limit is None else max(limit, 0)])

    def find(self, name: str) -> str:
        """Return the id of the run that has this name, this unique part of it, or is ``last~N``."""
        if self._events_of(name):
            return name
        ids = [run.id for run in ordered(self._index.read().values(), ["at"])]
        back = _steps_back(name)
        if back is not None and back < len(ids):
            return ids[-1 - back]
        found = [run for run in ids if name and name in run]
        if len(found) == 1:
            return found[0]
        raise _not_found(name, found, ids)

    def show(self, name: str) -> RunDetail:
        """Return one run in full: what it was given, what its stages did, how it ended."""
        run = self.find(name)
        events = self._read_events(run)
        begun = next((event for event in events if isinstance(event, Started)), None)
        ended = next((event for event in events if isinstance(event, Ended)), None)
        stages = tuple(event for event in events if isinstance(event, StageDone))
        failed = [event.stage for event in stages if event.outcome in ("failed", "timed_out")]
        return RunDetail(
            self._line(run, begun, ended),
            begun,
            stages,
            ended,
            summaries(self.points(run)),
            {stage: self.log(run, stage, tail_bytes=_TAIL_BYTES) for stage in failed},
        )

    def lineage(self, detail: RunDetail) -> bytes | None:
        """Return trueup.lock as the run left it; None where it is not kept, or never was."""
        if detail.ended is None or not detail.ended.lock:
            return None
        try:
            return self._bucket.get(f"objects/{detail.ended.lock}")
        except Missing:
            return None

    def points(self, name: str) -> tuple[Point, ...]:
        """Return every point that the run's scripts logged, in the order they arrived."""
        run = self.find(name)
        keys = sorted(entry.key for entry in self._bucket.list(layout.points_prefix(run)))
        return read_points(zip(keys, self._bodies(keys), strict=True))

    def log(self, name: str, stage: str, *, tail_bytes: int | None = None) -> str:
        """Return what a stage printed, or the whole lines among its last so many bytes."""
        run = self.find(name)
        entries = sorted(self._bucket.list(layout.log_prefix(run, stage)), key=lambda e: e.key)
        if tail_bytes is None:
            return b"".join(self._bodies([entry.key for entry in entries])).decode(errors="replace")
        wanted, size_bytes = [], 0
        for entry in reversed(entries):
            wanted.append(entry.key)
            size_bytes += entry.size_bytes
            if size_bytes > tail_bytes:
                break
        body = b"".join(self._bodies(wanted[::-1]))
        if len(body) > tail_bytes:
            body = body[-tail_bytes:]
            body = body[body.find(b"\n") + 1 :]
        return body.decode(errors="replace")

    def _all(self) -> tuple[Run, ...]:
        runs = self._index.read()
        open_ones = [run for run in runs.values() if run.status == "running"]
        if not open_ones:
            return tuple(runs.values())
        beats = {
            entry.key.removeprefix(layout.HEARTBEATS): entry.modified
            for entry in self._bucket.list(layout.HEARTBEATS)
        }
        now = self._now()
        for run in open_ones:
            runs[run.id] = judged(run, beats.get(run.id), now)
        lost = sorted(run.id for run in open_ones if runs[run.id].status == "lost")
        looked_at = [runs[run_id] for run_id in lost[-_SURE:]]
        runs |= {run.id: run for run in abreast(self._second_look, looked_at, _SURE)}
        return tuple(runs.values())

    def _second_look(self, run: Run) -> Run:
        """Return a run that seems lost as ended if it got as far as its last event."""
        entries = self._events_of(run.id)
        last = max((entry for entry in entries), default="")
        if not last:
            return run
        event = decode_event(self._bucket.get(last), last)
        if not isinstance(event, Ended):
            return run
        return msgspec.structs.replace(
            run, status=event.status, seconds=event.seconds, metrics=event.metrics
        )

    def _line(self, run: str, begun: Started | None, ended: Ended | None) -> Run:
        at = begun.at if begun else ended.at if ended else self._now()
        line = Run(run, at, ended.status if ended else "running")
        if begun:
            line = msgspec.structs.replace(
                line,
                project=begun.project,
                kind=begun.kind,
                commit=begun.commit,
                dirty=begun.dirty,
                branch=begun.branch,
                user=begun.environment.user,
                params=begun.params,
            )
        if ended:
            return msgspec.structs.replace(line, seconds=ended.seconds, metrics=ended.metrics)
        beats = self._bucket.list(layout.heartbeat_key(run))
        return judged(line, next((entry.modified for entry in beats), None), self._now())

    def _events_of(self, run: str) -> tuple[str, ...]:
        if not layout.is_run_id(run):
            return ()
        return tuple(sorted(entry.key for entry in self._bucket.list(layout.events_prefix(run))))

    def _read_events(self, run: str) -> tuple[Event, ...]:
        keys = self._events_of(run)
        bodies = self._bodies(keys)
        return tuple(decode_event(body, key) for key, body in zip(keys, bodies, strict=True))

    def _bodies(self, keys: Sequence[str]) -> tuple[bytes, ...]:
        """Return objects, side by side where there are many; one removed meanwhile is empty."""
        if len(keys) < 3:
            return tuple(self._body(key) for key in keys)
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(16, len(keys))) as pool:
            return tuple(pool.map(self._body, keys))

    def _body(self, key: str) -> bytes:
        try:
            return self._bucket.get(key)
        except Missing:
            return b""


def _steps_back(name: str) -> int | None:
    if name == "last":
        return 0
    head, tilde, back = name.partition("~")
    return int(back) if head == "last" and tilde and back.isdecimal() else None


def _not_found(name: str, found: Sequence[str], known: Sequence[str]) -> RunNotFound:
    if found:
        shown = ", ".join(found[-5:]) + (", ..." if len(found) > 5 else "")
        return RunNotFound(
            f"{len(found)} runs could be meant by {name[:80]!r}", remedy=f"Say more of: {shown}"
        )
    near = did_you_mean(name, known[-1000:])
    return RunNotFound(f"there is no run {name[:80]!r}", remedy=f"{near}List them: trueup runs")
