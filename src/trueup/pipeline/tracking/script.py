"""A script that logs points outside any stage, as a run of its own."""

import threading
from pathlib import Path

from trueup import clock
from trueup.errors import TrueupError
from trueup.pipeline.tracking.records import Ended, EndStatus, Flat, Started
from trueup.pipeline.tracking.spool import HEAD, Point, Spool, read_points
from trueup.pipeline.tracking.writer import RunWriter

_SHIP_EVERY_S = 5.0
_METRICS = "points"  # where the list of runs finds the last value of each curve


class ScriptRun:
    """Sends a script's points to the bucket while it runs, from one thread, and its end."""

    def __init__(self, writer: RunWriter, spool: Path) -> None:
        self._writer, self._spool = writer, Spool(spool)
        self._waiting: list[bytes] = []  # what the bucket has not taken yet
        self._last: Flat = {}
        self._over = threading.Event()
        self._began_s = clock.monotonic_s()
        self._thread = threading.Thread(target=self._work, name="trueup-points", daemon=True)

    def begin(self, event: Started) -> None:
        """Record the start; raises when the bucket does not take it."""
        self._writer.started(event)
        self._thread.start()

    def end(self, status: EndStatus, error: str = "") -> None:
        """Send what is left and record the end; raises when the bucket does not take it."""
        self._over.set()
        self._thread.join()
        while self._ship():
            pass
        self._writer.ended(
            Ended(
                status,
                clock.now(),
                clock.monotonic_s() - self._began_s,
                {_METRICS: self._last} if self._last else {},
                error,
            )
        )
        self._spool.path.unlink(missing_ok=True)

    def _work(self) -> None:
        while not self._over.wait(_SHIP_EVERY_S):
            try:
                self._ship()
                self._writer.heartbeat()
            except TrueupError:
                continue  # the next round, or the end, tries again; points wait in memory

    def _ship(self) -> bool:
        """Send what is new; tell whether there was anything."""
        new = self._spool.drain()
        if new:
            self._waiting.append(new)
            self._remember(read_points([("spool", HEAD + new)]))
        shipped = bool(self._waiting)
        while self._waiting:
            self._writer.points(self._waiting[0])
            del self._waiting[0]
        return shipped

    def _remember(self, points: tuple[Point, ...]) -> None:
        for point in points:
            self._last.update(point.values)
