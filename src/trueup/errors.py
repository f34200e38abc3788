"""Every error a user can meet; anything else is a bug of ours."""

from collections.abc import Iterable


class TrueupError(Exception):
    """Base of all errors a user can meet: a problem, where it is, and what to do about it."""

    def __init__(self, problem: str, *, remedy: str, place: str | None = None) -> None:
        where = f"{place}: " if place else ""
        super().__init__(f"{where}{problem}\n  {remedy}")
        self.problem, self.remedy, self.place = problem, remedy, place


class WrongUsage(TrueupError):
    """A command or a configuration that cannot mean anything; nothing was changed."""


class StageFailed(TrueupError):
    """A stage's command failed, or did not do what it declares."""


class SomebodyElseFirst(TrueupError):
    """Another process holds or has already written what this one wanted to."""


class DataBroken(TrueupError):
    """Data is not what it is declared to be, so nothing was made of it."""


class RemoteSilent(TrueupError):
    """A remote part (bucket, server) did not answer."""


class AccessRefused(TrueupError):
    """A remote part answered, and said no."""


class NotProven(TrueupError):
    """A digest, signature or reproduction differs from what is recorded."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"Did you mean 'x'? "`` for the nearest known name, or an empty string."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]!r}? " if near else ""
