"""Why the registry says no: a reason as a value, and the error that it becomes."""

from typing import Literal, TypeAlias

import msgspec

from trueup.errors import SomebodyElseFirst, WrongUsage

Reason: TypeAlias = Literal[
    "no such version",
    "no verdict",
    "failed",
    "inconclusive",
    "no change",
    "champion moved",
    "rules changed",
    "data changed",
    "code differs",
    "not trusted",
    "refit",
    "approval missing",
    "rejected",
    "protected",
    "deprecated",
    "no champion",
    "nothing before",
    "wrong use",
]

# How the command that asked for it ends: 3, 4, 7 or 2.
Ending: TypeAlias = Literal["failed", "open", "moved", "usage"]
_ENDINGS: dict[Reason, Ending] = {
    "failed": "failed",
    "champion moved": "moved",
    "no verdict": "open",
    "inconclusive": "open",
    "no change": "open",
    "rules changed": "open",
    "data changed": "open",
    "code differs": "open",
    "not trusted": "open",
    "refit": "open",
    "approval missing": "open",
    "rejected": "open",
}


class Refusal(msgspec.Struct, frozen=True):
    """Why something is not done, and what to do about it."""

    reason: Reason
    text: str
    remedy: str

    @property
    def ending(self) -> Ending:
        """Return how a command ends that meets it."""
        return _ENDINGS.get(self.reason, "usage")

    def error(self) -> "Refused | ChampionMoved":
        """Return the error that says it."""
        return ChampionMoved(self) if self.ending == "moved" else Refused(self)


class Refused(WrongUsage):
    """The registry does not do what was asked, and nothing was written."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text, remedy=refusal.remedy)
        self.refusal = refusal


class ChampionMoved(SomebodyElseFirst):
    """The verdict compares with a champion that is no longer, or not yet, the live one."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text, remedy=refusal.remedy)
        self.refusal = refusal
