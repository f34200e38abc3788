"""Repeats ticks until it is told to stop, and shows that it is alive."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import Event, Lock, Thread, current_thread, main_thread
from types import FrameType, TracebackType

import msgspec

from trueup import clock, ids
from trueup.errors import TrueupError
from trueup.loop.heartbeat import Heartbeat, beat, end_beat
from trueup.loop.ticking import Ticked
from trueup.store.bucket import Bucket

EVERY_S = 60.0
LONGEST = timedelta(days=1)  # of a round: one that takes longer is taken to hang
_SHORTEST_S = 0.1


class Pace(msgspec.Struct, frozen=True):
    """How often a pass is made, under which name its heartbeat is written, and by whom."""

    name: str = "loop"
    every_s: float = EVERY_S
    worker: str = ""
    passes: int = 0  # 0: until it is told to stop


def watch(
    bucket: Bucket,
    ticks: Sequence[tuple[str, Callable[[], Ticked]]],
    pace: Pace,
    tell: Callable[[str, Ticked | TrueupError], None],
    stop: Event,
) -> int:
    """Make a pass of each model again and again, and return how many rounds there were.

    An error of one pass is told, and neither stops the others nor the next round: only what is no
    error of ours ends it. ``stop`` ends it after the model that is being worked on. The heartbeat
    goes on while a model is retrained; it is taken away by a clean end, and stays behind, to grow
    old, where it ended otherwise or where a round hangs.
    """
    rounds = 0
    with _Heart(bucket, pace, tuple(name for name, _ in ticks)) as heart:
        while not stop.is_set():
            began_s = clock.monotonic_s()
            heart.begin(clock.now())
            problem = ""
            for model, tick in ticks:
                if stop.is_set():
                    return rounds
                try:
                    tell(model, tick())
                except TrueupError as error:
                    problem = f"{model}: {error.problem}"
                    tell(model, error)
            rounds += 1
            heart.rest(problem)
            if rounds == pace.passes:
                return rounds
            stop.wait(max(0.0, pace.every_s - (clock.monotonic_s() - began_s)))
    return rounds


class _Heart:
    """Beats at its pace, whatever is being worked on; a silent bucket lets its sign grow old."""

    def __init__(self, bucket: Bucket, pace: Pace, models: tuple[str, ...]) -> None:
        self._bucket, self._pace, self._models = bucket, pace, models
        self._worker = pace.worker or ids.nonce()
        self._since: datetime | None = None
        self._problem = ""
        self._enough, self._one = Event(), Lock()
        self._thread = Thread(target=self._run, name="trueup-heartbeat", daemon=True)

    def __enter__(self) -> "_Heart":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._enough.set()
        self._thread.join()
        if kind is None or issubclass(kind, KeyboardInterrupt):
            with suppress(TrueupError):
                end_beat(self._bucket, self._pace.name, self._worker)

    def begin(self, now: datetime) -> None:
        """Say that a round begins."""
        self._since = now
        self._beat()

    def rest(self, problem: str) -> None:
        """Say that a round is over, and what was wrong in it."""
        self._since, self._problem = None, problem
        self._beat()

    def _run(self) -> None:
        while not self._enough.wait(max(_SHORTEST_S, self._pace.every_s)):
            since = self._since
            if since is None or clock.now() - since < LONGEST:
                self._beat()

    def _beat(self) -> None:
        pace = self._pace
        with self._one, suppress(TrueupError):
            beat(
                self._bucket,
                pace.name,
                Heartbeat(
                    clock.now(),
                    pace.every_s,
                    self._worker,
                    self._models,
                    self._problem,
                    self._since,
                ),
            )


@contextmanager
def stopped_by_signals(stop: Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT ask for a clean stop; a second SIGINT interrupts as usual.

    Outside of the main thread signals stay as they are.
    """
    if current_thread() is not main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {one: signal.signal(one, ask) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
