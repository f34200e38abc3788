"""An answer of a forge's REST API, and how long it wants its callers to wait."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

SECONDARY_S = 60.0  # GitHub asks for a minute at least where it names no time
_NEXT = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel="?next"?')


class Answer(msgspec.Struct, frozen=True):
    """Status, headers by lower-case name, and the parsed JSON; None where there was no body."""

    status: int
    headers: Mapping[str, str] = {}
    body: Any = None


def limited_s(answer: Answer, now: datetime) -> float | None:
    """Return for how long the forge limits its caller; None where it does not.

    GitHub answers 403 or 429, with ``retry-after`` for its secondary limits and
    ``x-ratelimit-reset`` for the hourly one; GitLab answers 429 with ``Retry-After``.
    """
    if answer.status not in (403, 429):
        return None
    after = _number(answer.headers.get("retry-after", ""))
    if after is None and answer.headers.get("retry-after"):
        after = _http_date(answer.headers["retry-after"], now)
    if after is not None:
        return max(0.0, after)
    if answer.headers.get("x-ratelimit-remaining") == "0" or answer.status == 429:
        for name in ("x-ratelimit-reset", "ratelimit-reset"):
            reset = _number(answer.headers.get(name, ""))
            if reset is not None:
                return max(0.0, reset - now.timestamp()) + 1.0  # clocks differ
        return SECONDARY_S
    message = answer.body.get("message") if isinstance(answer.body, dict) else None
    if isinstance(message, str) and "rate limit" in message.lower():
        return SECONDARY_S
    return None


def next_page(answer: Answer, url: str) -> str | None:
    """Return the address of the next page; None at the last, or where it lies elsewhere.

    A list never leads to another server, which would be sent the token.
    """
    found = _NEXT.search(answer.headers.get("link", ""))
    if found is None:
        return None
    here, there = urlsplit(url), urlsplit(found.group(1))
    same = (here.scheme, here.netloc) == (there.scheme, there.netloc)
    return found.group(1) if same else None


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text.strip()) else None


def _http_date(text: str, now: datetime) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return (at - now).total_seconds() if at.tzinfo else None
