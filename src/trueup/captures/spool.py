"""Take captures at once, and write them to the local disk from a thread of its own."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Condition, Event, Lock, Thread

from trueup import clock
from trueup.captures import spoolfiles
from trueup.captures.records import Batch, Counts, Limits, Rules
from trueup.captures.spoolfiles import Volume
from trueup.captures.writing import Writer

__all__ = ["Spool"]


def _silent(_: str) -> None:
    return None


class Spool:
    """Rows on their way to the bucket.

    ``offer`` never waits. What it accepted is lost if the process is killed within
    ``limits.write_s`` (and one write) after it, or the power fails within ``limits.sync_s`` (and
    one sync); ``keep`` and ``drain`` return when nothing of that can be lost any more. A disk
    that is full, or a spool that has reached ``limits.spool_bytes`` because the bucket does not
    answer, fills the queue; from then on ``offer`` says no, and tell is told once a minute.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits | None = None,
        *,
        rules: Mapping[str, Rules] | None = None,
        tell: Callable[[str], None] = _silent,
    ) -> None:
        self.folder, self.limits = folder, limits or Limits()
        self._slot, self._slot_lock = spoolfiles.take_slot(folder)
        self._writer = Writer(self._slot, self.limits, rules or {}, tell)
        self._queue: list[Batch] = []
        self._queued = self._accepted = self._dropped = 0  # rows
        self._oldest_ns = 0  # when the queue's first row came
        self._lock = Lock()
        self._synced = Condition()
        self._synced_rows = 0
        self._hurry, self._syncing = Event(), Event()  # work now; and sync what is written
        self._rolling, self._closing = Event(), Event()
        self._thread = Thread(target=self._run, name="trueup-captures", daemon=True)
        self._thread.start()

    def offer(self, batch: Batch) -> bool:
        """Take a batch to be written soon; False, and counted, where there is no room."""
        rows = batch.rows
        with self._lock:
            queued = self._queued
            if (queued and queued + rows > self.limits.queue_rows) or self._closing.is_set():
                self._dropped += rows
                return False
            if not queued:
                self._oldest_ns = time.time_ns()
            self._queue.append(batch)
            self._queued = queued + rows
            self._accepted += rows
        if queued + rows > self.limits.queue_rows >> 1 and not self._hurry.is_set():
            self._hurry.set()
        return True

    def keep(self, batch: Batch, *, timeout_s: float = 10.0) -> bool:
        """Take a batch and return when it is synced; False where that did not come about.

        After False it may still be written: then nothing is known but that it has not been yet.
        """
        if not self.offer(batch):
            return False
        return self.drain(timeout_s=timeout_s)

    def drain(self, *, timeout_s: float = 10.0) -> bool:
        """Return when everything accepted until now is synced; False if that takes too long."""
        with self._lock:
            wanted = self._accepted
        self._syncing.set()
        self._hurry.set()
        with self._synced:
            return self._synced.wait_for(lambda: self._synced_rows >= wanted, timeout_s)

    def roll(self, *, timeout_s: float = 10.0) -> bool:
        """Close the present segment now, so that it can be shipped."""
        drained = self.drain(timeout_s=timeout_s)
        self._rolling.set()
        self._hurry.set()
        with self._synced:
            return drained and self._synced.wait_for(lambda: not self._rolling.is_set(), timeout_s)

    def close(self, *, timeout_s: float = 10.0) -> bool:
        """Write and close everything; offers after it are refused. False if not all was synced."""
        if self._closing.is_set():
            return True
        drained = self.drain(timeout_s=timeout_s)
        self._closing.set()
        self._hurry.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False  # it holds the lock of the slot until the process ends
        os.close(self._slot_lock)
        return drained

    def counts(self) -> Counts:
        """Say what became of what was offered; costs one listing of the spool's slot."""
        with self._lock:
            dropped, queued, oldest_ns = self._dropped, self._queued, self._oldest_ns
        return self._writer.counts(dropped, queued, oldest_ns if queued else 0)

    def volume(self) -> Volume:
        """Say on which disk the spool lies."""
        return spoolfiles.volume_of(self.folder)

    def _run(self) -> None:
        waiting_rows = 0  # handed to the writer, not yet synced
        while True:
            closing = self._closing.is_set()
            self._hurry.wait(0 if closing else self.limits.write_s)
            self._hurry.clear()
            syncing = self._syncing.is_set()
            self._syncing.clear()
            rolling = self._rolling.is_set()
            if not self._writer.stuck:
                waiting_rows += self._hand_over()
            elif syncing:
                self._syncing.set()
                self._hurry.set()  # who hurries waits for rows that are not handed over yet
            synced = self._writer.work(sync=syncing or closing, roll=rolling or closing)
            if self._writer.stuck and not closing:
                time.sleep(min(self.limits.write_s, 0.1))  # a hurry must not make it spin
            if synced:
                with self._synced:
                    self._synced_rows += waiting_rows
                    waiting_rows = 0
                    if rolling:
                        self._rolling.clear()
                    self._synced.notify_all()
            if closing and not self._queue:
                return
            if closing and self._writer.stuck:
                with self._lock:
                    self._dropped += self._queued
                return

    def _hand_over(self) -> int:
        with self._lock:
            batches, rows = self._queue, self._queued
            self._queue, self._queued = [], 0
        if batches:
            self._writer.take(batches, clock.monotonic_s())
        return rows
