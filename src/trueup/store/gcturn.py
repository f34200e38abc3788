"""Whose turn it is to collect, and how writers stay out of a collector's way."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from trueup import clock
from trueup.errors import SomebodyElseFirst
from trueup.store.bucket import Bucket
from trueup.store.log import Log, StaleLog

_LONGEST = timedelta(hours=1)  # then a collector stops by itself
_ABANDONED = timedelta(hours=2)  # then it is thought dead; the rest is for clocks that differ


class _Event(msgspec.Struct, frozen=True, omit_defaults=True):
    event: str  # began, ended
    at: datetime
    removed: int = 0
    removed_bytes: int = 0
    format: int = 1


class Turn:
    """The right to remove, from its begin to its end in the bucket's log of collections."""

    def __init__(self, bucket: Bucket, now: datetime) -> None:
        self._log = Log(bucket, "gc")
        self._began = now
        last = self._log.last()
        if last and _is_open(last.body, now):
            raise _busy(bucket)
        try:
            self._number = self._log.append(
                msgspec.json.encode(_Event("began", now)), after=last.number if last else 0
            )
        except StaleLog as error:
            raise _busy(bucket) from error

    def lasts(self, now: datetime) -> bool:
        """Say whether there is still time; a collector that overslept must not go on."""
        return now - self._began < _LONGEST

    def end(self, now: datetime, *, removed: int, removed_bytes: int) -> None:
        """Let writers and the next collector go on."""
        ended = _Event("ended", now, removed, removed_bytes)
        self._log.append(msgspec.json.encode(ended), after=self._number)


class Watch:
    """A writer's eye on collections, opened before it looks for content that may be there.

    Content that is there is used again only after it was dated anew (if older than half a grace).
    Then, before it is recorded: ``while not watch.undisturbed(): look again``.
    """

    def __init__(self, bucket: Bucket, now: Callable[[], datetime] = clock.now) -> None:
        self._log = Log(bucket, "gc")
        self._now = now
        self._seen = self._calm_since()

    def undisturbed(self) -> bool:
        """Say whether nobody has collected since this was asked last, or since the beginning.

        If so, nothing that was looked at since then has gone. If not, look at all of it again
        (after a while, if a collection is still under way) and then ask again.
        """
        calm = self._calm_since()
        undisturbed = calm is not None and calm == self._seen
        self._seen = calm
        return undisturbed

    def _calm_since(self) -> int | None:
        """Return the number of the event that ended the last collection; None during one."""
        last = self._log.last()
        if last is None:
            return 0
        return None if _is_open(last.body, self._now()) else last.number


def _is_open(body: bytes, now: datetime) -> bool:
    event = msgspec.json.decode(body, type=_Event)
    return event.event == "began" and now - event.at < _ABANDONED


def _busy(bucket: Bucket) -> SomebodyElseFirst:
    return SomebodyElseFirst(
        f"somebody else is collecting in {bucket.url}",
        remedy="Wait until that is done; a collection that died is forgotten after two hours",
    )
