"""Days on which nothing is promoted."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from trueup.config.units import Freeze
from trueup.loop.policy import zone_of

_LONGEST_DAYS = 3 * 366  # that is looked ahead; a freeze without an end is told as that long


def frozen_until(freezes: Iterable[Freeze], zone: str, now: datetime) -> datetime | None:
    """Return when the freeze that now lies in is over; None where there is none.

    Spans that follow each other are one.

    >>> christmas = [Freeze("12-20", "01-02")]
    >>> str(frozen_until(christmas, "UTC", datetime(2026, 12, 31, 5, tzinfo=UTC)))
    '2027-01-03 00:00:00+00:00'
    """
    known = tuple(freezes)
    if not known:
        return None
    there = zone_of(zone)
    first = day = now.astimezone(there).date()
    while any(_holds(one, day) for one in known) and (day - first).days < _LONGEST_DAYS:
        day += timedelta(days=1)
    return None if day == first else datetime.combine(day, time(), there).astimezone(UTC)


def _holds(freeze: Freeze, day: date) -> bool:
    if len(freeze.first) > len("12-20"):
        return freeze.first <= day.isoformat() <= freeze.last
    each = day.isoformat()[5:]
    if freeze.first <= freeze.last:
        return freeze.first <= each <= freeze.last
    return each >= freeze.first or each <= freeze.last  # over the new year
