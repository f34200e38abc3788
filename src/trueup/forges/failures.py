"""What a forge's refusal means to the person who reads it; the token is never part of it."""

from datetime import UTC, datetime
from typing import Any

from trueup.errors import AccessRefused, RemoteSilent, SomebodyElseFirst, TrueupError, WrongUsage
from trueup.forges.answers import Answer
from trueup.reporting.wording import moment, visible

MOST_SAID = 300  # characters of a forge's own words


class ForgeRefused(AccessRefused):
    """A forge answered that the token may not, or is no longer one."""


class ForgeSilent(RemoteSilent):
    """A forge did not answer, or not with what it documents."""


class ForgeBusy(RemoteSilent):
    """A forge limits its callers, for longer than is waited."""

    def __init__(self, name: str, until: datetime) -> None:
        super().__init__(
            f"{name} takes no more requests from this token until {moment(until)}",
            remedy="Try again after that; what was already done is found and not repeated",
        )
        self.until = until


class ForgeConflict(SomebodyElseFirst):
    """A forge already holds something that excludes what was asked for."""


class ForgeInvalid(WrongUsage):
    """A forge understood a request and found it invalid."""


def failure(name: str, doing: str, answer: Answer) -> TrueupError:
    """Return the error for an answer that is none of those hoped for."""
    said = words(answer.body)
    tail = f": {said}" if said else ""
    status = answer.status
    if status == 401:
        return ForgeRefused(
            f"{name} does not accept the token{tail}",
            remedy="It has expired or was revoked: make a new one; see: trueup doctor",
        )
    if status in (403, 404):
        seen = "the token may not" if status == 403 else "it is not there, or the token may not"
        return ForgeRefused(
            f"{name}: {seen} {doing}{tail}",
            remedy="Give the token that permission; what it may do is shown by: trueup doctor",
        )
    if status == 409:
        return ForgeConflict(
            f"{name}: could not {doing}, somebody else was first{tail}",
            remedy="Look at what is there, then run it again",
        )
    if 400 <= status < 500:
        return ForgeInvalid(
            f"{name}: could not {doing}, status {status}{tail}",
            remedy="Mend what the forge names",
        )
    return silent(name, f"status {status}")


def silent(name: str, last: str) -> ForgeSilent:
    """Return the error for a forge that did not answer, or answered with its own failure."""
    return ForgeSilent(
        f"{name} does not answer (last: {last})",
        remedy="Check the network and the forge's status page, or try again later;"
        " what was already done is found and not repeated",
    )


def until_of(seconds: float, now: datetime) -> datetime:
    """Return the moment in so many seconds, as far as a calendar goes."""
    last = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
    return datetime.fromtimestamp(min(now.timestamp() + seconds, last), UTC)


def words(body: Any) -> str:
    """Return a forge's own explanation in one bounded line; GitLab's may be nested."""
    found = ", ".join(dict.fromkeys(_flat(body)))
    return visible(found[: MOST_SAID - 1] + "…" if len(found) > MOST_SAID else found)


def _flat(body: Any) -> list[str]:
    if isinstance(body, str):
        return [body] if body else []
    if isinstance(body, list):
        return [said for each in body[:10] for said in _flat(each)]
    if isinstance(body, dict):
        keys = [key for key in ("message", "error", "error_description", "errors") if key in body]
        if not keys:
            keys = [key for key in body if key not in ("documentation_url", "status", "resource")]
        return [said for key in keys for said in _flat(body[key])]
    return []
