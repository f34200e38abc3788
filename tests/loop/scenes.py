"""Policies, windows and histories of loops, made short."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from trueup.config.loop_entries import (
    DriftTrigger,
    DropTrigger,
    EventTrigger,
    LabelsTrigger,
    LoopEntry,
    TriggerEntry,
    WindowsTrigger,
)
from trueup.config.units import Freeze, Hits, Rate
from trueup.loop.deciding import Decision, Left, decide
from trueup.loop.events import Aftermath, Claimed, Decided, Effect, End, Ended, Event
from trueup.loop.history import History
from trueup.loop.observations import BrokenPart, Level, Observations, WindowSeen
from trueup.loop.policy import Policy, policy_of

BEGAN = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
MODEL = "shop/sale"
WEEKLY = "17 4 * * 1"

__all__ = ["Freeze", "Hits", "Rate"]


def drift(hits: int = 2, of: int = 3, do: Any = "retrain") -> TriggerEntry:
    return TriggerEntry(do=do, drift=DriftTrigger(windows=Hits(hits, of)))


def scheduled(schedule: str = WEEKLY, zone: str = "UTC", do: Any = "retrain") -> TriggerEntry:
    return TriggerEntry(do=do, schedule=schedule, zone=zone)


def performance(do: Any = "retrain", **said: Any) -> TriggerEntry:
    return TriggerEntry(do=do, performance=DropTrigger(**said))


def estimate(do: Any = "retrain", **said: Any) -> TriggerEntry:
    return TriggerEntry(do=do, estimate=DropTrigger(**said))


def labels(new: int) -> TriggerEntry:
    return TriggerEntry(do="retrain", labels=LabelsTrigger(new=new))


def harm() -> TriggerEntry:
    return TriggerEntry(do="rollback", harm=EventTrigger())


def broken(do: Any = "notify") -> TriggerEntry:
    return TriggerEntry(do=do, data_broken=WindowsTrigger())


def policy(*when: TriggerEntry, **said: Any) -> Policy:
    usual: dict[str, Any] = {"cooldown": 7 * 86400.0, "then": "promote"}
    return policy_of(MODEL, "prod", LoopEntry(when=when, **{**usual, **said}))


def window(day: int, *, version: int = 1, **said: Any) -> WindowSeen:
    begin = BEGAN + day * DAY
    usual: dict[str, Any] = {"drifted": False}
    return WindowSeen(f"{begin:%Y-%m-%d}", begin, begin + DAY, version, **{**usual, **said})


def windows(drifted: str, *, version: int = 1) -> tuple[WindowSeen, ...]:
    """Return a window for each letter: D drifted, b broken, anything else quiet."""
    part = BrokenPart("frozen", "near is 0.4 in all 60 rows", "near", "the stage prepare")
    return tuple(
        window(
            day,
            version=version,
            drifted=letter == "D",
            moved=("near",) if letter == "D" else (),
            is_broken=letter == "b",
            broken=(part,) if letter == "b" else (),
        )
        for day, letter in enumerate(drifted)
    )


def low(day: int, *, estimated: bool = False, value: float = 0.6, dropped: bool = True) -> Any:
    level = Level(dropped, value, f"roc_auc is {value:g}")
    return window(day, estimated=level) if estimated else window(day, realised=level)


def seen(*each: WindowSeen, **said: Any) -> Observations:
    return Observations(**{"champion": 1, "windows": tuple(each), **said})


def after(days: float) -> datetime:
    return BEGAN + days * DAY


def decided(history: History, by: Policy, what: Observations, now: datetime) -> Decision:
    return decide(by, history, what, now)


def only(decision: Decision) -> Decided:
    """Return the one thing that is to be done, incidents aside."""
    found = [one for one in decision.actions if isinstance(one, Decided)]
    assert len(found) == 1, decision
    return found[0]


def nothing(decision: Decision, do: str = "retrain") -> Left:
    """Return why nothing of this kind is done."""
    assert not [one for one in decision.actions if isinstance(one, Decided)], decision.actions
    return next(one for one in decision.left if one.do == do)


def began(at: datetime = BEGAN) -> History:
    from trueup.loop.events import Began

    return History().then(Began(at=at, by="ada", policy="p"))


def ended(decision: Decided, end: End = "promoted", effect: Effect | None = None) -> list[Event]:
    """Return the events of a decision that was carried out at once."""
    said: dict[str, Any] = {"at": decision.at, "by": "ada", "decision": decision.decision}
    claim = Claimed(**said, epoch=1, worker="w", until=decision.at + timedelta(hours=1))
    events: list[Event] = [decision, claim, Ended(**said, epoch=1, end=end, version=2)]
    if effect:
        events.append(Aftermath(**said, effect=effect, windows=("w",)))
    return events


def carried(history: History, found: Decision, effect: Effect | None = None) -> History:
    """Return a history in which everything that was decided has come to its end."""
    for one in found.actions:
        history = history.after(ended(one, effect=effect) if isinstance(one, Decided) else [one])
    return history


def texts(left: Iterable[Left]) -> set[str]:
    return {one.why for one in left}


def replaced(what: Observations, **said: Any) -> Observations:
    return msgspec.structs.replace(what, **said)
