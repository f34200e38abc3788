"""Writes what a run hands over, in order, from one thread beside the work."""

import queue
import threading
from collections.abc import Callable

from trueup import clock

_SHIP_EVERY_S = 5.0
_BEAT_EVERY_S = 10.0


class Recorder:
    """Carries out what it is handed, one after another; between, keeps the run's heart beating.

    What was handed over a moment before a crash may be lost; ``close`` returns when all of it is
    written, and raises the first error met (a bucket that stopped answering, say).
    """

    def __init__(
        self,
        beat: Callable[[], None] | None = None,
        ship: Callable[[], None] | None = None,
    ) -> None:
        self._turns = [
            _Turn(work, every_s, clock.monotonic_s() + every_s)
            for work, every_s in ((ship, _SHIP_EVERY_S), (beat, _BEAT_EVERY_S))
            if work is not None
        ]
        self._last = ship
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    def submit(self, write: Callable[[], None]) -> None:
        """Have something written soon."""
        self._queue.put(write)

    def close(self) -> None:
        """Write what is left; then raise what went wrong, if anything did."""
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while True:
            try:
                write = self._queue.get(timeout=self._pause_s())
            except queue.Empty:
                self._take_turns()
                continue
            if write is None:
                if self._last is not None:
                    self._try(self._last)
                return
            self._try(write)
            self._take_turns()

    def _pause_s(self) -> float | None:
        if not self._turns:
            return None
        return max(0.0, min(turn.at_s for turn in self._turns) - clock.monotonic_s())

    def _take_turns(self) -> None:
        now = clock.monotonic_s()
        for turn in self._turns:
            if now >= turn.at_s:
                self._try(turn.work)
                turn.at_s = now + turn.every_s

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:  # noqa: BLE001 - a thread's edge: close() raises it in the run
            self._error = self._error or error


class _Turn:
    """Something done again and again."""

    def __init__(self, work: Callable[[], None], every_s: float, at_s: float) -> None:
        self.work, self.every_s, self.at_s = work, every_s, at_s
