"""Small texts with a meaning: durations, sizes, rates, percentages, freezes, schedules."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w))+"
_SIZE = r"[0-9]+(?:\.[0-9]+)?(?:[kKMGT]i?)?B?"
_RATE = rf"[0-9]+(?:\.[0-9]+)? per {_DURATION}"
_OF = r"[0-9]+ of [0-9]+"
_PERCENT = r"[0-9]+(?:\.[0-9]+)?%"
_DAY = r"(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2}"
_FIELD = r"[0-9A-Za-z*/,?#-]+"


class Rate(msgspec.Struct, frozen=True):
    """So many times in a period: ``4 per 90d``."""

    times: float
    period_s: float


class Hits(msgspec.Struct, frozen=True):
    """So many of the last few: ``2 of 3``."""

    hits: int
    of: int


class Freeze(msgspec.Struct, frozen=True):
    """Days on which nothing moves, both included: ``12-20..01-02`` every year, or full dates."""

    first: str
    last: str


class Form(msgspec.Struct, frozen=True):
    """A kind of text: how it looks, an example, and what it means."""

    name: str  # a duration such as 90s, 1h, 2d
    pattern: str
    meaning: Callable[[str], Any]  # raises ValueError, saying why

    def read(self, text: str) -> Any:
        """Return what a text means; ValueError, with a reason or empty, if nothing."""
        if not re.fullmatch(self.pattern, text):
            raise ValueError
        return self.meaning(text)


def duration_s(text: str) -> float:
    """Return the seconds of ``90s``, ``1h30m``, ``2d`` or ``1w``; ValueError for anything else.

    >>> duration_s("1h30m")
    5400.0
    """
    if not re.fullmatch(_DURATION, text):
        raise ValueError(f"{text!r} is no duration such as 90s, 1h or 2d")
    parts = re.findall(r"([0-9.]+)(ms|s|m|h|d|w)", text)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def size_bytes(text: str) -> int:
    """Return the bytes of ``512M`` (powers of 1000) or ``8Gi`` (of 1024).

    >>> size_bytes("8Gi"), size_bytes("1.5k")
    (8589934592, 1500)
    """
    found = re.fullmatch(r"([0-9.]+)([kKMGT]?)(i?)B?", text)
    if not found:
        raise ValueError(f"{text!r} is no size such as 512M or 8G")
    number, unit, binary = found.groups()
    power = " kMGT".index(unit.replace("K", "k")) if unit else 0
    return int(float(number) * float((1024 if binary else 1000) ** power))


def _rate(text: str) -> Rate:
    times, _, period = text.partition(" per ")
    rate = Rate(float(times), duration_s(period))
    if not rate.times or not rate.period_s:
        raise ValueError("neither number may be 0")
    return rate


def _hits(text: str) -> Hits:
    hits, _, of = text.partition(" of ")
    if not 1 <= int(hits) <= int(of):
        raise ValueError("the first number must be between 1 and the second")
    return Hits(int(hits), int(of))


def _percent(text: str) -> float:
    share = float(text[:-1]) / 100
    if share > 1:
        raise ValueError("it is more than 100%")
    return share


def _freeze(text: str) -> Freeze:
    first, _, last = text.partition("..")
    if len(first) != len(last):
        raise ValueError("give the year on both sides, or on none")
    days = [date.fromisoformat(day if len(day) > 5 else f"2024-{day}") for day in (first, last)]
    if len(first) > 5 and days[0] > days[1]:
        raise ValueError("the last day comes before the first")
    return Freeze(first, last)


_LIMITS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))


def _schedule(text: str) -> str:
    fields = text.split()
    for field, (name, least, most) in zip(fields, _LIMITS, strict=True):
        for number in re.findall(r"(?<![/#0-9])[0-9]+", field):
            if not least <= int(number) <= most:
                raise ValueError(f"{number} is no {name} ({least} to {most})")
    return " ".join(fields)


DURATION = Form("a duration such as 90s, 1h, 2d or 1w", _DURATION, duration_s)
SIZE = Form("a size such as 512M, 8G or 8Gi", _SIZE, size_bytes)
RATE = Form("a rate such as 4 per 90d", _RATE, _rate)
HITS = Form("so many of the last, such as 2 of 3", _OF, _hits)
PERCENT = Form("a percentage such as 1%", _PERCENT, _percent)
FREEZE = Form(
    "a span of days such as 12-20..01-02 or 2026-12-20..2027-01-02", rf"{_DAY}\.\.{_DAY}", _freeze
)
SCHEDULE = Form('a cron schedule such as "17 4 * * 1"', rf"{_FIELD}(?: +{_FIELD}){{4}}", _schedule)
