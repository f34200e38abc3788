"""Rows predicted once more by the version that has not answered them: later, or never.

One thread takes them from a queue of bounded length. Nobody waits for it: where it is behind,
rows are dropped and counted, and an answer costs no more than an entry in the queue.
"""

import asyncio
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import msgspec

from trueup.models.outputs import Outputs
from trueup.serving.batching import LONGEST_S
from trueup.serving.forms import joined
from trueup.serving.rereading import fitted
from trueup.serving.routing import Disagreement, disagreement
from trueup.serving.rows import Rows
from trueup.serving.served import Served

ROWS = 2048  # that wait at most
_TOGETHER = 64  # that go together at most
_NICE = 5
_PATIENCE_S = 0.02  # it lets requests go first for so long
_GLANCE_S = 0.002


class Pending(msgspec.Struct, frozen=True, eq=False):
    """Rows of one request that a version is to predict once more."""

    served: Served  # who is to predict them
    live: Served  # who has read them
    rows: Rows
    ids: Sequence[str]
    at_ns: int
    answered: Outputs  # what was returned
    explored: tuple[int, ...] = ()
    propensity: float = 0.0


class Done(msgspec.Struct, frozen=True, eq=False):
    """What came of them; ``compared`` is missing where the version has failed."""

    pending: Pending
    rows: Rows
    outputs: Outputs | None
    spent_s: float
    compared: Disagreement | None


class Results(Protocol):
    """Who is told; ``kept`` in the thread, ``told`` and ``dropped`` on the event loop."""

    def kept(self, done: Done) -> None:
        """Capture an answer."""
        ...

    def told(self, done: Sequence[Done]) -> None:
        """Count answers, and failures."""
        ...

    def dropped(self, rows: int) -> None:
        """Count rows that nobody has predicted once more."""
        ...


class Shadows:
    """The queue and the thread of one line; the thread begins with the first rows."""

    def __init__(self, results: Results, busy: Callable[[], bool]) -> None:
        self._results, self._busy = results, busy
        self._queue: deque[Pending] = deque()
        self._queued, self._at_once_rows = 0, 1
        self._there = threading.Condition()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = False

    def offer(self, pending: Pending) -> bool:
        """Take rows, or drop and count them where too many wait; called on the event loop."""
        if self._ended or 0 < self._queued > ROWS - pending.rows.count:
            self._results.dropped(pending.rows.count)
            return False
        pending.served.open += 1
        with self._there:
            self._queue.append(pending)
            self._queued += pending.rows.count
            self._there.notify()
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._run, name="trueup-shadows", daemon=True)
            self._thread.start()
        return True

    def forget(self, served: Served) -> None:
        """Drop what waits for a version; called on the event loop."""
        with self._there:
            left = [one for one in self._queue if one.served is not served]
            gone = [one for one in self._queue if one.served is served]
            self._queue = deque(left)
            self._queued = sum(one.rows.count for one in left)
        for one in gone:
            one.served.release()
            self._results.dropped(one.rows.count)

    def end(self, *, timeout_s: float = 1.0) -> None:
        """Take no more, and let the thread end what it can in this time."""
        with self._there:
            self._ended = True
            self._there.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        _stand_back()
        while True:
            with self._there:
                while not self._queue and not self._ended:
                    self._there.wait()
                if self._ended and not self._queue:
                    return
            self._let_requests_go_first()
            batch = self._take()
            if batch:
                self._predict(batch)

    def _let_requests_go_first(self) -> None:
        end_s = time.monotonic() + _PATIENCE_S
        while self._busy() and not self._ended and time.monotonic() < end_s:
            time.sleep(_GLANCE_S)

    def _take(self) -> list[Pending]:
        """Return rows for one version that go together, in order."""
        with self._there:
            if not self._queue:
                return []
            first = self._queue[0]
            batch: list[Pending] = []
            rows = 0
            while self._queue and self._queue[0].served is first.served:
                rows += self._queue[0].rows.count
                if batch and rows > self._at_once_rows:
                    break
                batch.append(self._queue.popleft())
            self._queued -= sum(one.rows.count for one in batch)
        return batch

    def _learn(self, spent_s: float) -> None:
        """Take half as much together where it took long, twice as much where it did not."""
        if spent_s > LONGEST_S:
            self._at_once_rows = max(1, self._at_once_rows // 2)
        elif spent_s < LONGEST_S / 4:
            self._at_once_rows = min(_TOGETHER, self._at_once_rows * 2)

    def _predict(self, batch: Sequence[Pending]) -> None:
        done = self._attempt(batch)
        for one in done:
            if one.outputs is not None:
                self._results.kept(one)
        with suppress(RuntimeError):  # the loop has ended meanwhile, and with it all counting
            self._loop.call_soon_threadsafe(self._over, done)  # type: ignore[union-attr]  # set before the thread began

    def _over(self, done: Sequence[Done]) -> None:
        for one in done:
            one.pending.served.release()
        self._results.told(done)

    def _attempt(self, batch: Sequence[Pending]) -> list[Done]:
        """Predict all at once, or one by one where that fails: one's rows fail no other's."""
        try:
            return self._at_once(batch)
        except Exception:  # noqa: BLE001 - a model's code raises what it likes
            if len(batch) == 1:
                return [Done(batch[0], batch[0].rows, None, 0.0, None)]
            return [done for one in batch for done in self._attempt([one])]

    def _at_once(self, batch: Sequence[Pending]) -> list[Done]:
        served = batch[0].served
        read = [fitted(served, one.live, one.rows) for one in batch]
        parts: list[Any] = [one.given if one.coded is None else one.coded for one in read]
        start = time.perf_counter()
        outputs = served.form.predict(joined(served.form, parts))
        spent_s = time.perf_counter() - start
        self._learn(spent_s)
        done, first = [], 0
        for pending, rows in zip(batch, read, strict=True):
            own = {name: one[first : first + rows.count] for name, one in outputs.items()}
            first += rows.count
            apart = disagreement(pending.answered, own)
            done.append(Done(pending, rows, own, spent_s, apart))
        return done


def _stand_back() -> None:
    """Let the system prefer every other thread; elsewhere than on Linux threads have no claim."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
