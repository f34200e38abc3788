"""What an unquoted YAML word means: 1.2 as DVC reads it (``1e-3`` a number, ``on`` text)."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

Scalar = str | int | float | bool | date | datetime | None

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    ".nan": float("nan"),
    ".NaN": float("nan"),
    ".NAN": float("nan"),
}
_FIRST = frozenset("+-.0123456789")
_INT = r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9_]+)"
_FLOAT = (
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|\.[0-9_]+(?:[eE][-+][0-9]+)?|\.(?:inf|Inf|INF))"
)
_TIME = (
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[Tt]|[ \t]+)"
    r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?"
    r"(?:[ \t]*(Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?"
)
_BASES = {"0b": 2, "0o": 8, "0x": 16}


class ScalarError(ValueError):
    """A word looks like a number or a time, or is tagged as one, but cannot be it."""


@lru_cache(maxsize=3)
def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(source)


def resolve(word: str) -> Scalar:
    """Return the value of an unquoted word; ScalarError for a date such as 2001-13-40.

    As ruamel.yaml 0.17 and later do in 1.2: ``010`` is 10, ``0o10`` is 8, ``1_000`` is 1000,
    ``0x1F`` is 31, ``yes`` is text, ``1:30`` is text, ``2001-01-01`` is a date.
    """
    if word in _WORDS:
        return _WORDS[word]
    if word[0] not in _FIRST:
        return word
    if _pattern(_INT).fullmatch(word):
        return _whole(word)
    if _pattern(_FLOAT).fullmatch(word):
        return _number(word)
    found = _pattern(_TIME).fullmatch(word) if word[0].isdigit() else None
    return _moment(word, found) if found else word


def tagged(tag: str, word: str) -> Scalar:
    """Return a word read as its tag says (``str``, ``int``, ``float``, ``bool``, ``null``)."""
    if tag == "str":
        return word
    if tag == "null":
        return None
    if tag == "bool" and word.lower() in _TAGGED_BOOLS:
        return _TAGGED_BOOLS[word.lower()]
    value = resolve(word)
    if tag == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if tag == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if tag == "timestamp" and isinstance(value, date):
        return value
    raise ScalarError(f"{word!r} is not of the type !!{tag}")


_TAGGED_BOOLS = {
    **dict.fromkeys(("yes", "y", "true", "on"), True),
    **dict.fromkeys(("no", "n", "false", "off"), False),
}


def _whole(word: str) -> Scalar:
    digits = word.replace("_", "").lstrip("+-")
    base = _BASES.get(digits[:2], 10)
    digits = digits if base == 10 else digits[2:]
    if not digits:  # 0x_ and the like have no digits at all
        return word
    try:
        value = int(digits, base)
    except ValueError as error:  # Python reads at most 4,300 decimal digits
        raise ScalarError(f"a whole number of {len(digits)} digits is too long") from error
    return -value if word[0] == "-" else value


def _number(word: str) -> Scalar:
    plain = word.replace("_", "").lower()
    if plain.endswith(".inf"):
        return float("-inf") if plain[0] == "-" else float("inf")
    try:
        return float(plain)
    except ValueError:  # only underscores where digits should be
        return word


def _moment(word: str, found: re.Match[str]) -> date | datetime:
    year, month, day, year2, month2, day2, hour, minute, second, fraction, zone = found.groups()
    try:
        if hour is None:
            return date(int(year), int(month), int(day))
        at = datetime(  # a time without a zone stays one, as in DVC
            int(year2), int(month2), int(day2), int(hour), int(minute), int(second)
        )
        parts = (fraction or "0")[:7].ljust(7, "0")
        at += timedelta(microseconds=int(parts[:6]) + (parts[6] > "4"))
        return at.replace(tzinfo=_zone(zone)) if zone else at
    except (ValueError, OverflowError) as error:
        raise ScalarError(f"{word!r} is no date or time: {error}") from error


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    hours, _, minutes = text[1:].partition(":")
    delta = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-delta if text[0] == "-" else delta)
