"""What the events of watching a model come to, read as they are added and not kept."""

import msgspec

from trueup.monitoring.profiles.served import Scheme, scheme_by
from trueup.monitoring.watching.events import (
    Checked,
    Event,
    Matured,
    Rebased,
    Referenced,
    decode_event,
)
from trueup.monitoring.watching.gauges import Gauge, gauges
from trueup.monitoring.watching.history import Diary, History
from trueup.store import log
from trueup.store.bucket import Bucket


class Seen(msgspec.Struct, frozen=True):
    """As much of a model's events as a server shows and needs."""

    number: int = 0  # of the last event
    check: Checked | None = None
    late: Matured | None = None  # of that check
    matured: Matured | None = None  # the newest window whose labels are complete
    first: Referenced | None = None  # whose grid is kept
    last: Referenced | None = None

    def then(self, number: int, event: Event) -> "Seen":
        """Return what all come to together with the next event."""
        now = msgspec.structs.replace(self, number=number)
        match event:
            case Checked():
                return msgspec.structs.replace(now, check=event, late=None)
            case Referenced():
                return msgspec.structs.replace(now, first=self.first or event, last=event)
            case Rebased():
                return msgspec.structs.replace(now, first=None, last=None)
            case Matured():
                return now._matured(event)
        return now

    @property
    def standing(self) -> Checked | None:
        """The last check as it stands now: labels that came since may show a drop."""
        if self.check is None or self.late is None:
            return self.check
        state = History((self.check, self.late)).state(self.check)
        return msgspec.structs.replace(self.check, state=state)

    def gauges(self, line: str) -> tuple[Gauge, ...]:
        """Return what is shown of a line; nothing before its first check."""
        return gauges(line, self.standing, self.matured) if self.standing else ()

    def _matured(self, event: Matured) -> "Seen":
        seen = self
        if self.matured is None or event.window >= self.matured.window:
            seen = msgspec.structs.replace(seen, matured=event)
        check = self.check
        if check is not None and (check.version, check.window) == (event.version, event.window):
            seen = msgspec.structs.replace(seen, late=event)
        return seen


class WatchedModel:
    """One model's events in one environment, at one request while there are no new ones."""

    def __init__(self, bucket: Bucket, model: str, environment: str) -> None:
        self._bucket, self._model = bucket, model
        self._prefix = Diary(bucket, model, environment).prefix
        self.seen = Seen()
        self.scheme: Scheme | None = None
        self._counted_as: tuple[Referenced, Referenced] | None = None

    def look(self) -> None:
        """Read what was added since."""
        for one in self._fresh(self.seen.number):
            place = f"{self._prefix} event {one.number}"
            self.seen = self.seen.then(one.number, decode_event(one.body, place))
        first, last = self.seen.first, self.seen.last
        if first is None or last is None:
            self.scheme = None
        elif self.scheme is None or self._counted_as != (first, last):
            self.scheme = None  # that of before is no more, whether or not this one is there
            self.scheme = scheme_by(self._bucket, self._model, first, last)
            self._counted_as = (first, last)

    def _fresh(self, known: int) -> list[log.Event]:
        """Return what came after the last known event; LogBroken where that one is gone."""
        events = log.Log(self._bucket, self._prefix).poll(max(0, known - 1))
        if known and not events:  # a folder that is not mounted reads as an empty one
            raise log.LogBroken(self._prefix, known, self._bucket.url)
        return [one for one in events if one.number > known]
