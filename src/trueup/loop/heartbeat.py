"""The sign of life of whatever repeats ticks: a missing one is an alarm, its age a metric."""

from datetime import datetime

import msgspec

from trueup.loop.layout import heartbeat_key
from trueup.store.bucket import Bucket, Missing
from trueup.store.formats import Stored

FORMAT = 1
LATE = 3.0  # so many times its own pace, and it is missing


class Heartbeat(msgspec.Struct, frozen=True):
    """When it was alive last, and how soon the next sign was to come."""

    at: datetime
    every_s: float
    worker: str = ""
    models: tuple[str, ...] = ()
    problem: str = ""  # of the last pass, where it had one
    format: int = FORMAT

    def age_s(self, now: datetime) -> float:
        """Return how long ago it was; 0 for one of the future, as clocks differ."""
        return max(0.0, (now - self.at).total_seconds())

    def is_missing(self, now: datetime) -> bool:
        """Say whether the next sign should long have come."""
        return self.age_s(now) > LATE * self.every_s


def beat(bucket: Bucket, name: str, heartbeat: Heartbeat) -> None:
    """Write a sign of life over the one before."""
    bucket.put(heartbeat_key(name), msgspec.json.encode(heartbeat))


def last_beat(bucket: Bucket, name: str) -> Heartbeat | None:
    """Return the last sign of life; None where there never was one."""
    key = heartbeat_key(name)
    try:
        return _STORED.read(bucket.get(key), key)
    except Missing:
        return None


_STORED = Stored(
    msgspec.json.Decoder(Heartbeat), FORMAT, "the loop's heartbeat is", "not a heartbeat of a loop"
)
