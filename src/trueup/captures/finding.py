"""Which segments hold what somebody asks for; told by their keys."""

from datetime import UTC, datetime, timedelta

import msgspec

from trueup.captures import layout
from trueup.captures.layout import Segment
from trueup.store.bucket import Bucket

_DAY = timedelta(days=1)
_DAYS_LISTED = 62  # one list a day; beyond, one of everything


class Span(msgspec.Struct, frozen=True):
    """Which rows of a model: since (included) until (excluded), and of one version.

    With an environment also those of which nobody says where they were answered. ``as_of`` is for
    what was known then: neither later rows nor labels that were said later exist.
    """

    since: datetime | None = None
    until: datetime | None = None
    version: int | None = None
    environment: str = ""
    as_of: datetime | None = None

    @property
    def end(self) -> datetime | None:
        """Return the moment before which all rows are."""
        return min((one for one in (self.until, self.as_of) if one), default=None)


EVERYTHING = Span()


def segments_in(bucket: Bucket, kind: str, model: str, span: Span = EVERYTHING) -> list[Segment]:
    """Return the segments that may hold such rows, in order of time; kind is captures or labels."""
    since_ms = _milliseconds(span.since, 0)
    until_ms = _milliseconds(span.end, 1 << 62)
    found = []
    for prefix in _prefixes(kind, model, span):
        for entry in bucket.list(prefix):
            one = layout.segment_of(entry.key, entry.size_bytes)
            if one and one.first_ms < until_ms and one.last_ms >= since_ms:
                found.append(one)
    if span.version is not None and kind == layout.CAPTURES:
        found = [one for one in found if one.version == span.version]
    if span.environment and kind == layout.CAPTURES:
        here = ("", layout.folder_of(span.environment))
        found = [one for one in found if one.environment in here]
    return sorted(found)


def _prefixes(kind: str, model: str, span: Span) -> list[str]:
    """Return where to look; a segment lies with the one day that all its rows are of."""
    if span.since and span.end and span.end - span.since <= _DAYS_LISTED * _DAY:
        prefixes, day = [], span.since.astimezone(UTC)
        while day < span.end + _DAY:
            prefixes.append(layout.day_prefix(kind, model, _milliseconds(day, 0)))
            day += _DAY
        return prefixes
    return [layout.rows_prefix(kind, model)]


def _milliseconds(at: datetime | None, default: int) -> int:
    return default if at is None else int(at.timestamp() * 1000)
