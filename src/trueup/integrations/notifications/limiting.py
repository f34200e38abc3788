"""How many messages people get: what begins and ends goes before what happens between."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from trueup.integrations.notifications.messages import Past, Telling

_HOUR = timedelta(hours=1)


class Limits(msgspec.Struct, frozen=True):
    """The most messages in an hour; people who get more read none.

    ``kept`` of them are for what begins or is over, so that updates cannot hide it.
    """

    an_hour: int = 30
    of_incident: int = 6
    kept: int = 10


def is_held(message: Telling, past: Iterable[Past], limits: Limits, now: datetime) -> bool:
    """Say whether a message is held back: it is counted in the next one that goes."""
    recent = [one for one in past if not one.held and now - one.at < _HOUR]
    if message.topic in ("opened", "resolved"):
        return len(recent) >= limits.an_hour
    if len(recent) >= limits.an_hour - limits.kept:
        return True
    of_it = sum(one.incident == message.incident for one in recent) if message.incident else 0
    return of_it >= limits.of_incident


def held_before(past: Iterable[Past]) -> int:
    """Return how many were held back since the last that went."""
    count = 0
    for one in sorted(past, key=lambda each: each.at):
        count = count + 1 if one.held else 0
    return count
