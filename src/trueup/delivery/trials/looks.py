"""How often a challenger was looked at: each look at a trial spends, so that peeking errs no more.

All looks at one challenger together, and all looks that use rows of one moment, err together no
more than is declared: a look is number k where k-1 earlier ones are of the same challenger or of
rows from the same time.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from blake3 import blake3

from trueup.delivery.subject import Subject
from trueup.registry.records import Identity
from trueup.store.formats import Stored
from trueup.store.log import Event, Log

FORMAT = 1


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One judgement of labelled rows of a trial, its predictions compared with the champion's."""

    model: str  # digest of the challenger
    champion: str  # digest
    data: str  # digest of the rows
    first: datetime  # of the rows
    last: datetime
    at: datetime
    by: Identity
    branch: str = ""
    format: int = FORMAT


def number_of(subject: Subject, wanted: Look) -> int:
    """Return which look this is, from 1; it is written down unless the same was there before.

    Whoever else looks at the same moment gets another number. Raises AccessRefused where nothing
    may be written: what is not counted is not judged.
    """
    cache = subject.own / "state" / "reuse" if subject.own.is_dir() else None
    log = Log(subject.registry.bucket, f"reuse/{trials_digest(subject.name)}", cache=cache)
    number = 0

    def decide(events: list[Event]) -> bytes | None:
        nonlocal number
        before = [decoded(event, log.prefix) for event in events]
        there = next((at for at, one in enumerate(before) if _same(one, wanted)), None)
        number = counted(wanted, before[:there])
        return msgspec.json.encode(wanted) if there is None else None

    log.append_when(decide)
    return number


def counted(wanted: Look, before: Iterable[Look]) -> int:
    """Return the number of a look that comes after these."""
    spent = {(one.model, one.data) for one in before if _shares(one, wanted)}
    return 1 + len(spent)


def trials_digest(model: str) -> str:
    """Return what names the looks at a model's trials among the uses of rows."""
    return blake3(msgspec.json.encode({"trials": model})).hexdigest()


def decoded(event: Event, prefix: str) -> Look:
    """Return a look as it was stored; WrongUsage for a newer format."""
    return _STORED.read(event.body, f"{prefix} event {event.number}")


_LOOKS: msgspec.json.Decoder[Look] = msgspec.json.Decoder(Look)
_STORED = Stored(_LOOKS, FORMAT, "the looks at this trial are", "not a look at a trial")


def _same(one: Look, other: Look) -> bool:
    return (one.model, one.data) == (other.model, other.data)


def _shares(one: Look, other: Look) -> bool:
    """Say whether two looks are of one challenger, or of rows from the same time."""
    return one.model == other.model or (one.first <= other.last and other.first <= one.last)
