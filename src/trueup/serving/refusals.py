"""Why a request is not answered; which HTTP status that is, only the edge knows."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trueup.errors import WrongUsage

SHOWN = 100  # problems in one answer


class Wrong(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request, and where."""

    path: str  # records[3].carrier
    says: str


class Refused(WrongUsage):
    """A request that is not answered; ``retry_after_s`` where trying again may help."""

    retry_after_s: int = 0

    def __init__(self, problem: str, *, remedy: str, problems: Sequence[Wrong] = ()) -> None:
        super().__init__(problem, remedy=remedy)
        self.problems = tuple(problems)


class Unreadable(Refused):
    """The body is not what its content type says."""


class NotReadHere(Refused):
    """The body is of a kind, or packed in a way, that is not read here."""


class FieldsWrong(Refused):
    """The rows are not what the model takes; ``problems`` has every field's path."""

    sent: Mapping[str, Sequence[Any]] = {}  # what was sent in the fields that the model knows

    def __init__(self, problems: Sequence[Wrong], more: int = 0) -> None:
        beyond = f" and {more} more" if more else ""
        super().__init__(
            f"{len(problems) + more} fields are not what the model takes:"
            f" {problems[0].path}: {problems[0].says}{beyond}"
            if len(problems) + more > 1
            else f"{problems[0].path}: {problems[0].says}",
            remedy="The model's metadata name and type every field",
            problems=problems,
        )


class TooMuch(Refused):
    """The request is larger than one may be."""


class TooBusy(Refused):
    """There is more work than can be done in time."""

    retry_after_s = 1


class BeyondShare(Refused):
    """One client asks for more than its share, whatever room there is."""

    def __init__(self, problem: str, retry_after_s: int) -> None:
        super().__init__(problem, remedy="Ask again after the time that Retry-After gives")
        self.retry_after_s = retry_after_s


class TooLate(Refused):
    """The request did not arrive, or its answer was not ready, within the time."""

    retry_after_s = 1


class NotServed(Refused):
    """A model, version or path was named that is not served here."""


class NotAllowed(Refused):
    """The request bears no token that may do this."""

    def __init__(self, problem: str, *, remedy: str, known: bool = False) -> None:
        super().__init__(problem, remedy=remedy)
        self.known = known  # the token is one of ours, of another scope
