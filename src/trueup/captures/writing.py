"""What the spool's thread does: apply the rules, make frames, append, sync, and roll files."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from trueup import clock
from trueup.captures import frames, keeping, spoolfiles
from trueup.captures.records import Batch, Captured, Counts, Limits, Rules
from trueup.captures.spoolfiles import FULL, OpenFile

_FRAME_ROWS = 8192
_TELL_EVERY_S = 60.0
_MINUTE_S = 60.0
_NO_RULES = Rules()


class Writer:
    """One slot's writer; only one thread calls it, but ``counts`` any may."""

    def __init__(
        self,
        slot: Path,
        limits: Limits,
        rules: Mapping[str, Rules],
        tell: Callable[[str], None],
    ) -> None:
        self._slot, self._limits, self._rules, self._tell = slot, limits, rules, tell
        self._file: OpenFile | None = None
        self._pending: list[tuple[bytearray, int]] = []  # encoded, not yet in a file
        self._spare: bytearray | None = None  # of a frame that is written: memory for the next
        self._closed_bytes = 0
        self._synced_s = clock.monotonic_s()
        self._opened_s = 0.0
        self._told_s = -_TELL_EVERY_S
        self._refusals: dict[str, tuple[float, int]] = {}  # model: minute's begin, rows
        self._kept = self._left_out = self._refusals_left_out = self._unreadable = 0
        self._trouble = ""

    @property
    def stuck(self) -> bool:
        """Say whether there is something that cannot be written at present."""
        return bool(self._pending)

    def take(self, batches: Iterable[Batch], now_s: float) -> None:
        """Make frames of batches; what cannot be one is counted, and the rest goes on."""
        by_likeness = [
            part for one in batches for part in _parts(self._apply(one, now_s)) if part.rows
        ]
        try:
            made = [
                (frames.encode(one, self._taken_spare()), one.rows)
                for one in frames.frames_of(by_likeness)
            ]
        except Exception:  # noqa: BLE001 -- the edge of a thread: one batch must not end capture
            made = self._one_by_one(by_likeness)
        self._pending += made

    def work(self, *, sync: bool, roll: bool) -> bool:
        """Write what waits; return whether all of it is synced then."""
        now_s = clock.monotonic_s()
        try:
            self._write(now_s)
            if self._file and (sync or roll or now_s - self._synced_s >= self._limits.sync_s):
                self._file.sync()
                self._synced_s = now_s
            if self._file and (roll or self._is_ripe(now_s)):
                self._roll()
        except OSError as error:
            full = "is full" if error.errno in FULL else f"fails ({error.strerror})"
            self._say(f"the disk of {self._slot.parent} {full}")
            return False
        if not self._pending:
            self._trouble = ""
        return not self._pending and (
            self._file is None or self._file.synced_bytes == self._file.size_bytes
        )

    def counts(self, dropped: int, queued: int, oldest_ns: int) -> Counts:
        """Say what became of the rows."""
        closed = []
        with suppress(OSError):
            closed = list(spoolfiles.closed_in(self._slot))
        begun = [one.first_ms for one in closed]
        file = self._file
        if file and file.rows:
            begun.append(file.first_ms)
        if oldest_ns:
            begun.append(oldest_ns // 1_000_000)
        now_ms = time.time_ns() // 1_000_000
        return Counts(
            kept=self._kept,
            dropped=dropped,
            left_out=self._left_out,
            refusals_left_out=self._refusals_left_out,
            unreadable=self._unreadable,
            queued=queued + sum(rows for _, rows in self._pending),
            spilled=sum(one.rows for one in closed),
            spool_bytes=sum(one.size_bytes for one in closed) + (file.size_bytes if file else 0),
            lag_s=max(0.0, (now_ms - min(begun)) / 1000) if begun else 0.0,
            trouble=self._trouble,
        )

    def _apply(self, batch: Batch, now_s: float) -> Batch | None:
        if not isinstance(batch, Captured):
            return batch
        rules = self._rules.get(batch.model, _NO_RULES)
        if batch.refused:
            return self._refusal(batch, rules, now_s)
        chosen = keeping.sampled(batch, rules.sample)
        self._left_out += batch.rows - (chosen.rows if chosen else 0)
        return keeping.redacted(chosen, rules) if chosen else None

    def _refusal(self, batch: Captured, rules: Rules, now_s: float) -> Captured | None:
        begun_s, rows = self._refusals.get(batch.model, (now_s, 0))
        if now_s - begun_s >= _MINUTE_S:
            begun_s, rows = now_s, 0
        if rows >= rules.refusals_per_minute:
            self._refusals_left_out += batch.rows
            return None
        made = keeping.redacted(batch, rules)
        self._refusals_left_out += batch.rows - made.rows
        self._refusals[batch.model] = (begun_s, rows + made.rows)
        return made

    def _taken_spare(self) -> bytearray | None:
        spare, self._spare = self._spare, None
        return spare

    def _one_by_one(self, batches: Iterable[Batch]) -> list[tuple[bytearray, int]]:
        made = []
        for one in batches:
            try:
                made += [(frames.encode(frame), frame.rows) for frame in frames.frames_of([one])]
            except Exception as error:  # noqa: BLE001 -- as above; it is counted and told
                self._unreadable += one.rows
                self._say(f"a batch of {one.model} cannot be captured ({error})")
        return made

    def _write(self, now_s: float) -> None:
        while self._pending:
            content, rows = self._pending[0]
            used = self._closed_bytes + (self._file.size_bytes if self._file else 0)
            if used + len(content) > self._limits.spool_bytes:
                self._closed_bytes = _size(self._slot)  # some may have been shipped since
                used = self._closed_bytes + (self._file.size_bytes if self._file else 0)
                if used + len(content) > self._limits.spool_bytes:
                    self._say(f"the spool in {self._slot.parent} is full, for the bucket is silent")
                    if self._file:
                        self._roll()
                    return
            if self._file is None:
                self._file = OpenFile(self._slot, time.time_ns() // 1_000_000)
                self._opened_s = now_s
            self._file.append(content, rows)
            self._kept += rows
            self._pending.pop(0)
            self._spare = content
            if self._file.size_bytes >= self._limits.segment_bytes:
                self._roll()

    def _is_ripe(self, now_s: float) -> bool:
        return now_s - self._opened_s >= self._limits.segment_s

    def _roll(self) -> None:
        file, self._file = self._file, None
        if file:
            self._closed_bytes += file.size_bytes
            file.close()

    def _say(self, trouble: str) -> None:
        self._trouble = trouble
        now_s = clock.monotonic_s()
        if now_s - self._told_s >= _TELL_EVERY_S:
            self._told_s = now_s
            with suppress(OSError):  # the log may lie on the same disk
                self._tell(f"captures: {trouble}; rows are lost once the queue is full")


def _parts(batch: Batch | None) -> list[Batch]:
    if batch is None:
        return []
    if batch.rows <= _FRAME_ROWS:
        return [batch]
    return [
        batch.part(start, min(start + _FRAME_ROWS, batch.rows))
        for start in range(0, batch.rows, _FRAME_ROWS)
    ]


def _size(slot: Path) -> int:
    try:
        return sum(one.size_bytes for one in spoolfiles.closed_in(slot))
    except OSError:
        return 0
