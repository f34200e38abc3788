"""The moments of a tick at which a process may die; tests kill one at each of them."""

from collections.abc import Callable
from typing import TypeAlias

Point: TypeAlias = Callable[[str], None]

_ACTS = (
    *("train", "deliver", "refit", "canary", "trial", "withdraw"),
    *("promote", "pull_request", "rollback"),
)
POINTS: tuple[str, ...] = (
    "history read",
    "observed",
    "began written",
    "decision made",
    "decision written",
    "claim made",
    "claim written",
    "guard begins",
    "guard made",
    "guard written",
    *(f"{act} {moment}" for act in _ACTS for moment in ("begins", "started", "made", "written")),
    "end made",
    "end written",
    "proposal closed",
    "aftermath made",
    "aftermath written",
    "message made",
    "message sent",
    "message written",
    "tick done",
)


def passes(point: str) -> None:
    """Let a tick go on: what is called at each point where nobody kills it."""
