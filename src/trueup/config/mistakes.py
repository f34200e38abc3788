"""What is wrong with a configuration: every mistake at once, each with its place and remedy."""

from collections.abc import Sequence

import msgspec

from trueup.config.records import Place
from trueup.errors import WrongUsage

SHOWN = 20


class Mistake(msgspec.Struct, frozen=True):
    """One thing that is wrong, where, and what to do about it."""

    problem: str
    remedy: str
    place: Place | None = None

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.problem}. {self.remedy}"


class ConfigInvalid(WrongUsage):
    """A configuration or parameter file that cannot be read as what it should be.

    ``mistakes`` has all of them; the message shows the first twenty.
    """

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        first = self.mistakes[0]
        if len(self.mistakes) == 1:
            place = str(first.place) if first.place else None
            super().__init__(first.problem, remedy=first.remedy, place=place)
            return
        lines = [f"  {mistake}" for mistake in self.mistakes[:SHOWN]]
        if len(self.mistakes) > SHOWN:
            lines.append(f"  ... and {len(self.mistakes) - SHOWN} more")
        files = sorted({mistake.place.file for mistake in self.mistakes if mistake.place})
        what = " and ".join(files) or "the configuration"
        super().__init__(
            "\n".join([f"{len(self.mistakes)} mistakes in {what}", *lines]),
            remedy="Nothing was changed; mend these and try again.",
        )


def shown(value: object, limit: int = 60) -> str:
    """Return a value as YAML-like text of bounded length, for messages."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    if len(text) <= limit:
        return text
    return text[: limit - 4] + "..." + (text[0] if isinstance(value, str) else "")
