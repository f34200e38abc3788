"""Actions of GitHub, each at the commit that its published tag names."""

from functools import cache
from importlib.resources import files

import msgspec


class Action(msgspec.Struct, frozen=True):
    """One published version of an action."""

    action: str  # owner/name
    tag: str
    commit: str
    of: str  # the day of the commit

    @property
    def uses(self) -> str:
        """Return what a step writes behind ``uses:``, with the version as a comment."""
        return f"{self.action}@{self.commit} # {self.tag}"


class _Table(msgspec.Struct, frozen=True):
    source: str
    read: str
    actions: tuple[Action, ...]


def pinned(name: str) -> str:
    """Return an action as a step uses it; KeyError for one that is not in the table.

    >>> pinned("actions/checkout").split("@")[0]
    'actions/checkout'
    """
    return _table()[name].uses


@cache
def _table() -> dict[str, Action]:
    body = files(__package__).joinpath("actions.json").read_bytes()
    return {one.action: one for one in msgspec.json.decode(body, type=_Table).actions}
