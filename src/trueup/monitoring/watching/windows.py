"""Windows: equal spans of capture time, counted from 1970; when they close, what lies in them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from trueup.captures.layout import Segment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US, _MINUTE_US = 86_400_000_000, 60_000_000


class Window(msgspec.Struct, frozen=True, order=True):
    """A span of capture time that is checked as one: from when (included) to when (excluded)."""

    begin: datetime
    end: datetime

    @property
    def name(self) -> str:
        """What it is called: its begin, as short as its length allows.

        >>> window_at(datetime(2013, 6, 8, 5, 30, tzinfo=UTC), 86_400.0).name
        '2013-06-08'
        >>> window_at(datetime(2013, 6, 8, 5, 30, tzinfo=UTC), 3_600.0).name
        '2013-06-08T05:00'
        """
        width_us = (self.end - self.begin) // timedelta(microseconds=1)
        if width_us % _DAY_US == 0:
            return f"{self.begin:%Y-%m-%d}"
        if width_us % _MINUTE_US == 0:
            return f"{self.begin:%Y-%m-%dT%H:%M}"
        return self.begin.replace(tzinfo=None).isoformat()

    @property
    def key(self) -> str:
        """Return what it is called in the bucket: its begin and how long it is."""
        width_us = (self.end - self.begin) // timedelta(microseconds=1)
        return f"{self.begin:%Y%m%dT%H%M%S.%f}-{width_us}"

    def closes(self, lateness_s: float) -> datetime:
        """Return when it is closed: what is captured of it and comes later is a revision."""
        return self.end + timedelta(seconds=lateness_s)


def window_at(moment: datetime, width_s: float) -> Window:
    """Return the window that a moment lies in."""
    width = timedelta(seconds=width_s)
    begin = _EPOCH + (moment - _EPOCH) // width * width
    return Window(begin, begin + width)


def windows_of(segments: Iterable[Segment], width_s: float) -> dict[Window, list[Segment]]:
    """Return the windows that segments may have rows of, in order, and which those are.

    A segment's key says its first and its last moment alone, to a thousandth of a second.
    """
    width_us = round(width_s * 1e6)
    found: dict[int, list[Segment]] = {}
    for segment in segments:
        first, last = segment.first_ms * 1000 // width_us, segment.last_ms * 1000 // width_us
        for nth in range(first, last + 1):
            found.setdefault(nth, []).append(segment)
    begins = {nth: _EPOCH + timedelta(microseconds=nth * width_us) for nth in sorted(found)}
    width = timedelta(microseconds=width_us)
    return {Window(begin, begin + width): found[nth] for nth, begin in begins.items()}


def mark_of(segments: Sequence[Segment]) -> str:
    """Return what tells one set of segments from another."""
    from blake3 import blake3

    keys = sorted(segment.key for segment in segments)
    return blake3("\n".join(keys).encode()).hexdigest()[:32]
