"""Repeats ticks until it is told to stop, and shows that it is alive."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Event, current_thread, main_thread
from types import FrameType

import msgspec

from trueup import clock
from trueup.errors import TrueupError
from trueup.loop.heartbeat import Heartbeat, beat
from trueup.loop.ticking import Ticked
from trueup.store.bucket import Bucket

EVERY_S = 60.0


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
    error of ours ends it. The heartbeat is written before and after each round, so that a round
    that hangs shows. ``stop`` ends it after the model that is being worked on.
    """
    rounds = 0
    problem = ""
    while not stop.is_set():
        began_s = clock.monotonic_s()
        _sign(bucket, pace, ticks, clock.now(), problem)
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
        _sign(bucket, pace, ticks, clock.now(), problem)
        if rounds == pace.passes:
            return rounds
        stop.wait(max(0.0, pace.every_s - (clock.monotonic_s() - began_s)))
    return rounds


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


def _sign(
    bucket: Bucket,
    pace: Pace,
    ticks: Sequence[tuple[str, Callable[[], Ticked]]],
    now: datetime,
    problem: str,
) -> None:
    models = tuple(name for name, _ in ticks)
    try:
        beat(bucket, pace.name, Heartbeat(now, pace.every_s, pace.worker, models, problem))
    except TrueupError:
        return  # a silent bucket shows as a heartbeat that grows old
