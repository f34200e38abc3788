"""Kills a tick at each point with SIGKILL, in a process of its own, and lets the next one go on.

``python -m tests.loop.killing FOLDER SCENARIO`` prints, as JSON lines, for each point whether the
tick came by it, and what was done in all once later ticks had nothing left to do.
"""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from tests.loop.scenes import MODEL, after, drift, harm, low, performance, policy, windows
from tests.loop.world import World, loop_of
from trueup import clock
from trueup.config.loop_entries import RetrainEntry
from trueup.loop.equipment import Loop
from trueup.loop.events import Aftermath, TrialWord
from trueup.loop.history import Course, History
from trueup.loop.journal import Journal
from trueup.loop.observations import WindowSeen
from trueup.loop.points import POINTS
from trueup.loop.policy import Policy
from trueup.loop.ticking import tick
from trueup.registry.records import AliasMoved, Promoted, Registered, RolledBack
from trueup.store.folder import FolderBucket

NOW = after(1.5)
ON_TRIAL: dict[str, TrialWord] = {"trial won": "pass", "trial lost": "fail"}


def scenario(name: str) -> Policy:
    if name == "harm":
        return policy(harm(), then="canary")
    if name == "rollback":
        return policy(performance(do="rollback", drop=0.02))
    if name == "refit":
        recipe = RetrainEntry(params={"prepare.until": "holdout"}, refit=True)
        return policy(drift(1, 1), then="person", retrain=recipe)
    then = "canary" if name in ON_TRIAL else "pull_request" if name == "merged" else name
    return policy(drift(1, 1), then=then)


def shown(name: str) -> Callable[[datetime], tuple[WindowSeen, ...]]:
    if name == "rollback":
        return lambda now: (low(0),)
    return lambda now: () if name == "harm" else windows("D")


def prepared(folder: Path, name: str) -> World:
    """Return a world in which the scenario can happen."""
    world = World(FolderBucket(folder))
    world.begin()
    if name in ON_TRIAL or name == "merged":
        world.live = lambda decided: ON_TRIAL[name]
        tick(loop_of(world, scenario(name), shown(name)), NOW)
        world.bucket.create("objects/merged", b"{}")
    if name in ("harm", "rollback"):
        number, _ = world._judge(77, "pass")
        if name == "harm":
            world._alias(number)
        else:
            from tests.loop.world import LOOPER, TERMS
            from trueup.registry.promotion import PromotionRequest

            world.registry.promote(MODEL, PromotionRequest(number, TERMS, LOOPER, NOW))
    return world


class Back:
    """Finds that each retrain has helped, at once."""

    def look(self, course: Course, history: History, now: datetime) -> Aftermath | None:
        decision = course.decided.decision
        return Aftermath(at=now, by="ada", decision=decision, effect="helped", windows=())


def looking_back(world: World, name: str, **how: Any) -> Loop:
    loop = loop_of(world, scenario(name), shown(name), harm=name == "harm", **how)
    return replace(loop, ports=msgspec.structs.replace(loop.ports, lookback=Back()))


def killed_at(world: World, name: str, point: str, met: Path) -> bool:
    """Tick in a process of its own that dies at a point; say whether it came by.

    Without a point it dies nowhere, and writes down all that it comes by.
    """

    def die(at: str) -> None:
        if at == point:
            os.kill(os.getpid(), signal.SIGKILL)
        if not point:
            with met.open("a") as lines:
                lines.write(f"{at}\n")

    child = os.fork()
    if child == 0:
        tick(looking_back(world, name, point=die), NOW)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def goes_on(world: World, name: str) -> None:
    """Tick until nothing is left to do, later than any claim lasts."""
    for nth in range(1, 4):
        later = lambda nth=nth: clock.now() + timedelta(hours=nth)  # noqa: E731 - a clock
        tick(looking_back(world, name, clock=later), NOW + timedelta(minutes=nth))


def counted(world: World) -> dict[str, object]:
    history = Journal(world.bucket, MODEL).history()
    events = world.history().events
    kinds = Counter(
        type(one).__name__
        for one in events
        if isinstance(one, Registered | Promoted | RolledBack | AliasMoved)
    )
    return {
        "ends": [one.ended.end if one.ended else "open" for one in history.courses.values()],
        "trained": len(world.times("trained")),
        "registry": dict(sorted(kinds.items())),
        "proposals": [one.closed is not None for one in history.proposals],
        "helped": [one.aftermath is not None for one in history.courses.values()],
        "sent": dict(Counter(world.times("sent"))),
        "champion": world.history().champion("prod"),
    }


def main() -> None:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    met = folder / "met"
    points = [""]
    for nth, point in enumerate(points):  # it grows by those that the first tick comes by
        world = prepared(folder / f"{name}-{nth}", name)
        before = counted(world)
        killed = killed_at(world, name, point, met)
        points += [one for one in POINTS if not point and one in met.read_text().splitlines()]
        goes_on(world, name)
        told = {"point": point, "killed": killed, "before": before, "after": counted(world)}
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
