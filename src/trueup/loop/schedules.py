"""The slots of a cron schedule in its time zone, as the loop asks for them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from trueup.errors import WrongUsage
from trueup.loop.policy import zone_of

if TYPE_CHECKING:
    from cronsim import CronSim

_TOLD = 10  # missed slots that are named


def due(
    schedule: str, zone: str, after: datetime, now: datetime
) -> tuple[datetime, tuple[datetime, ...]] | None:
    """Return the newest slot in (after, now], and those before it that nobody ran for.

    Slots are in UTC. A slot of a fixed hour comes once on each day: in the hour that a zone skips
    it comes right after it, in the hour that it has twice the first time (as Debian's cron does).
    Of very many missed ones the last ten are named. None: no slot is due.

    >>> late = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> due("17 4 * * 1", "UTC", late - timedelta(days=1), late)
    (datetime.datetime(2026, 3, 2, 4, 17, tzinfo=datetime.timezone.utc), ())
    """
    found = list(islice(_back(schedule, zone, now, after), _TOLD + 1))
    return (found[0], tuple(reversed(found[1:]))) if found else None


def upcoming(schedule: str, zone: str, now: datetime) -> datetime | None:
    """Return the next slot after now, in UTC; None where there is none for decades."""
    found = next(iter(_sim(schedule, zone, now)), None)
    return found.astimezone(UTC) if found else None


def _back(schedule: str, zone: str, now: datetime, after: datetime) -> Iterator[datetime]:
    """Yield the slots up to now and later than ``after``, the newest first."""
    start = now.replace(microsecond=0) + timedelta(seconds=1)  # a slot of this second counts
    for slot in _sim(schedule, zone, start, reverse=True):
        found = slot.astimezone(UTC)
        if found <= after:
            return
        yield found


def _sim(schedule: str, zone: str, now: datetime, *, reverse: bool = False) -> "CronSim":
    try:
        from cronsim import CronSim, CronSimError
    except ImportError as error:
        raise WrongUsage(
            f"schedules are read with cronsim, which is not installed here ({error})",
            remedy="Install it: pip install 'trueup[loop]'",
        ) from error
    try:
        return CronSim(schedule, now.astimezone(zone_of(zone)), reverse=reverse)
    except CronSimError as error:
        raise WrongUsage(
            f"{schedule!r} is no schedule: {error}",
            remedy='Write five fields, such as "17 4 * * 1": minute hour day month weekday',
        ) from error
