"""The sign of life of whatever repeats ticks: a missing one is an alarm, its age a metric."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from urllib.parse import unquote

import msgspec

from trueup import clock
from trueup.errors import NotProven, TrueupError, WrongUsage
from trueup.loop.layout import heartbeat_key
from trueup.reporting.wording import moment
from trueup.store.bucket import Bucket, Missing
from trueup.store.formats import Stored
from trueup.store.heartbeats import HEARTBEATS

FORMAT = 1
LATE = 3.0  # so many times its own pace, and it is missing
TICKED = "tick "  # begins the name of a sign that single passes leave
_SUFFIX = ".json"


class Heartbeat(msgspec.Struct, frozen=True):
    """When it was alive last, and how soon the next sign was to come."""

    at: datetime
    every_s: float
    worker: str = ""
    models: tuple[str, ...] = ()
    problem: str = ""  # of the last pass, where it had one
    round_since: datetime | None = None  # when the round began that goes on
    format: int = FORMAT

    def age_s(self, now: datetime) -> float:
        """Return how long ago it was; 0 for one of the future, as clocks differ."""
        return max(0.0, (now - self.at).total_seconds())

    def is_missing(self, now: datetime) -> bool:
        """Say whether the next sign should long have come."""
        return self.age_s(now) > LATE * self.every_s

    @property
    def says(self) -> str:
        """Return when it was, and how often one was to come."""
        return f"its last sign of life was at {moment(self.at)}, one every {self.every_s:g} s"


def beat(bucket: Bucket, name: str, heartbeat: Heartbeat) -> None:
    """Write a sign of life over the one before."""
    bucket.put(heartbeat_key(name), msgspec.json.encode(heartbeat))


def last_beat(bucket: Bucket, name: str) -> Heartbeat | None:
    """Return the last sign of life; None where there is none."""
    return _read(bucket, heartbeat_key(name))


def end_beat(bucket: Bucket, name: str, worker: str) -> None:
    """Take a sign of life away, unless another worker has gone on under this name."""
    try:
        found = last_beat(bucket, name)
    except (NotProven, WrongUsage):
        return  # a newer trueup's
    if found is not None and found.worker == worker:
        bucket.delete([heartbeat_key(name)])


@contextmanager
def leaving(bucket: Bucket, model: str, every_s: float) -> Iterator[None]:
    """Leave a sign of life as a pass begins and as it ends; the next one is to come so soon.

    A bucket that cannot take it lets the last one grow old.
    """

    def leave(problem: str = "") -> None:
        sign = Heartbeat(clock.now(), every_s, models=(model,), problem=problem)
        with suppress(TrueupError):
            beat(bucket, f"{TICKED}{model}", sign)

    leave()
    try:
        yield
    except TrueupError as error:
        leave(error.problem)
        raise
    leave()


def missing_beats(bucket: Bucket, model: str, now: datetime) -> dict[str, Heartbeat]:
    """Return the signs of life that are missing, by name, of whatever ticked a model."""
    return {name: last for name, last in beats(bucket, model).items() if last.is_missing(now)}


def beats(bucket: Bucket, model: str) -> dict[str, Heartbeat]:
    """Return the last signs of life, by name, of whatever ticked a model.

    Those that cannot be read, or that runs and others write, are none of a loop's.
    """
    found = {}
    for one in bucket.list(HEARTBEATS):
        name = one.key.removeprefix(HEARTBEATS).removesuffix(_SUFFIX)
        if not one.key.endswith(_SUFFIX) or "/" in name:
            continue
        try:
            last = _read(bucket, one.key)
        except (NotProven, WrongUsage):
            continue
        if last is not None and model in last.models:
            found[unquote(name)] = last
    return found


def _read(bucket: Bucket, key: str) -> Heartbeat | None:
    try:
        return _STORED.read(bucket.get(key), key)
    except Missing:
        return None


_STORED = Stored(
    msgspec.json.Decoder(Heartbeat), FORMAT, "the loop's heartbeat is", "not a heartbeat of a loop"
)
