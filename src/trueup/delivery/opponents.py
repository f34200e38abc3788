"""Whom a candidate is compared with: the champion, and the anchor against slow decay."""

import msgspec

from trueup.delivery.subject import Candidate, Subject
from trueup.registry.history import History
from trueup.registry.records import Registered


class Opponent(msgspec.Struct, frozen=True):
    """A version on the same rows, by the name that the gate has for it."""

    role: str  # champion, anchor
    version: Registered


def opponents_of(subject: Subject, candidate: Candidate, history: History) -> list[Opponent]:
    """Return the champion and, where it is another version, the anchor; none before the first.

    A candidate is no opponent of itself.
    """
    live, anchor = history.champion(subject.environment), history.anchor(subject.environment)
    found = []
    for role, number in (("champion", live), ("anchor", anchor if anchor != live else None)):
        if number is None:
            continue
        version = history.version(number)
        if version.model.digest != candidate.model.digest:
            found.append(Opponent(role, version))
    return found
