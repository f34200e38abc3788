"""What is to be done now: a decision over values, with a reason for all that is not done too."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import msgspec

from trueup.config.units import Rate
from trueup.loop.aftermath.stopping import without_help
from trueup.loop.events import Cause, Decided, Do, IncidentClosed, IncidentOpened
from trueup.loop.freezing import frozen_until
from trueup.loop.history import Course, History
from trueup.loop.observations import Observations
from trueup.loop.policy import Policy, Trigger
from trueup.loop.triggers import Quiet, look

Action: TypeAlias = Decided | IncidentOpened | IncidentClosed
Why: TypeAlias = Literal[
    "quiet", "not trusted", "decided before", "told before", "another first", "under way",
    "stopped", "data broken", "frozen", "cooldown", "budget", "nothing to roll back to",
]  # fmt: skip

_TELLS_ONCE = ("schedule", "labels")  # what happens again and again is no incident
_NO_EFFECT = "retraining does not help"


class Left(msgspec.Struct, frozen=True):
    """Something that a trigger asks for and that is not done now, and why."""

    trigger: str
    do: Do
    why: Why
    says: str
    until: datetime | None = None  # it may be done from then on
    window: str = ""


class Decision(msgspec.Struct, frozen=True):
    """What is to be done, in order, and what is not."""

    actions: tuple[Action, ...] = ()
    left: tuple[Left, ...] = ()


class Obstacle(msgspec.Struct, frozen=True):
    """Why nothing may be done now, though a trigger has hit."""

    why: Why
    says: str
    until: datetime | None = None


class Scene(msgspec.Struct):
    """All that is decided over; the history goes on with what is decided on the way."""

    policy: Policy
    history: History
    seen: Observations
    now: datetime


def decide(policy: Policy, history: History, seen: Observations, now: datetime) -> Decision:
    """Return what is to be done now and what is not, each with a reason; equal for equal input.

    Actions are events that only lack who writes them. Of a history with these events in it nothing
    is decided a second time.
    """
    return Decision(*_parted(_all(Scene(policy, history, seen, now))))


def identity(policy: Policy, do: Do, cause: Cause) -> str:
    """Return what tells one decision from another: never a clock, never a float."""
    from blake3 import blake3

    named = (policy.model, policy.environment, policy.digest, do, cause.trigger, cause.window)
    version = "" if cause.version is None else str(cause.version)
    return blake3(msgspec.json.encode((*named, version))).hexdigest()[:20]


def _parted(found: Iterator[Action | Left]) -> tuple[tuple[Action, ...], tuple[Left, ...]]:
    actions: list[Action] = []
    left: list[Left] = []
    for one in found:
        if isinstance(one, Left):
            left.append(one)
        else:
            actions.append(one)
    return tuple(actions), tuple(left)


def _all(scene: Scene) -> Iterator[Action | Left]:
    looks = [
        (one, look(one, scene.seen, scene.history, scene.now)) for one in scene.policy.triggers
    ]
    broken = next(
        (each for one, each in looks if one.kind == "data_broken" and isinstance(each, Cause)), None
    )
    yield from _stopping(scene)
    taken: set[Do] = set()
    for trigger, found in looks:
        if isinstance(found, Quiet):
            yield from _over(scene, trigger, found)
            why: Why = "not trusted" if found.held else "quiet"
            yield Left(trigger.text, trigger.do, why, found.says)
            continue
        opened = _opening(scene, trigger, found)
        if opened is not None:
            scene.history = scene.history.then(opened)
            yield opened
        if trigger.do == "notify" and trigger.kind not in _TELLS_ONCE:
            if opened is None:
                says = f"people were told; {found.says}"
                yield Left(trigger.text, "notify", "told before", says, window=found.window)
            continue
        wanted = _wanted(scene, trigger, found)
        obstacle = _obstacle(scene, wanted, broken, taken)
        if obstacle is None:
            taken.add(trigger.do)
            yield wanted
        else:
            says = f"{obstacle.says}; {found.says}"
            yield Left(trigger.text, trigger.do, obstacle.why, says, obstacle.until, found.window)


def _wanted(scene: Scene, trigger: Trigger, cause: Cause) -> Decided:
    policy, seen = scene.policy, scene.seen
    return Decided(
        at=scene.now,
        by="",
        decision=identity(policy, trigger.do, cause),
        model=policy.model,
        environment=policy.environment,
        policy=policy.digest,
        do=trigger.do,
        cause=cause,
        cools_from=cause.as_of if cause.kind == "schedule" else scene.now,
        then=policy.then if trigger.do == "retrain" else None,
        holdout_from=_holdout_from(policy, cause) if trigger.do == "retrain" else None,
        refit=policy.refit and trigger.do == "retrain",
        champion=seen.champion,
        registry_event=seen.registry_event,
        labels=seen.labels.mature if seen.labels else 0,
        incident=_incident_of(scene.history, trigger),
    )


def _holdout_from(policy: Policy, cause: Cause) -> datetime | None:
    if policy.holdout_s is None:
        return None
    return cause.as_of - timedelta(seconds=policy.holdout_s)


def _obstacle(
    scene: Scene, wanted: Decided, broken: Cause | None, taken: set[Do]
) -> Obstacle | None:
    before = scene.history.courses.get(wanted.decision)
    if before is not None:
        return Obstacle("decided before", f"decided on {before.decided.at:%Y-%m-%d %H:%M}")
    if wanted.do == "notify":
        return None
    if wanted.do in taken:
        return Obstacle("another first", f"a {wanted.do} was decided just now for another reason")
    under_way = _under_way(scene.history, wanted.do)
    if under_way is not None:
        return under_way
    if wanted.do == "rollback":
        return _nowhere(wanted, scene.seen)
    if broken is not None:
        return Obstacle("data broken", f"nothing is learned from broken data: {broken.says}")
    return next(_waits(scene.policy, scene.history, scene.now), None)


def _under_way(history: History, do: Do) -> Obstacle | None:
    for name in history.open:
        course = history.courses[name]
        if course.decided.do == do:
            trial = course.trial
            what = f"version {trial.version} is on trial" if trial else f"a {do} is under way"
            return Obstacle("under way", f"{what}: {name}")
    return None


def _nowhere(wanted: Decided, seen: Observations) -> Obstacle | None:
    if wanted.cause.kind == "harm" or seen.previous is not None:
        return None
    return Obstacle("nothing to roll back to", "no version was champion before this one")


def _waits(policy: Policy, history: History, now: datetime) -> Iterator[Obstacle]:
    """Yield why no retrain may be decided now."""
    if _without_effect(policy, history):
        yield Obstacle(
            "stopped",
            f"the last {policy.stop_after} retrains did not help: a person has to look, and to say"
            " trueup loop resume",
        )
    thaw = frozen_until(policy.freeze, policy.zone, now)
    if thaw is not None:
        yield Obstacle("frozen", f"nothing is promoted before {thaw:%Y-%m-%d %H:%M %Z}", thaw)
    retrains = history.retrains()
    cool = _cool(policy, history, retrains)
    if cool is not None and now < cool:
        yield Obstacle("cooldown", f"the cooldown lasts until {cool:%Y-%m-%d %H:%M %Z}", cool)
    if policy.budget is not None:
        yield from _over_budget(policy.budget, [one.decided.cools_from for one in retrains], now)


def _over_budget(budget: Rate, spent: Sequence[datetime], now: datetime) -> Iterator[Obstacle]:
    """Yield an obstacle where one retrain more would be too many; 0.5 per 90d is 1 per 180d."""
    times = max(1, int(budget.times))
    period = timedelta(seconds=budget.period_s / min(1.0, budget.times))
    lately = sorted(moment for moment in spent if moment > now - period)
    if len(lately) >= times:
        until = lately[len(lately) - times] + period
        says = f"{len(lately)} retrains in {period.days} days are as many as the budget allows"
        yield Obstacle("budget", says, until)


def _cool(policy: Policy, history: History, retrains: Sequence[Course]) -> datetime | None:
    """Return when the cooldown is over: of the last retrain, or of a proposal that was declined."""
    moments = [one.decided.cools_from for one in retrains]
    last = history.proposals[-1] if history.proposals else None
    if last and last.closed and not last.closed.merged:
        moments.append(last.closed.at)
    return max(moments) + timedelta(seconds=policy.cooldown_s) if moments else None


def _without_effect(policy: Policy, history: History) -> str:
    """Return the last retrain's decision if so many in a row did not help; else nothing.

    Retrains of this policy count, and those since somebody has resumed.
    """
    found = [
        one
        for one in history.retrains()
        if one.decided.policy == policy.digest and one.number > history.resumed_at
    ]
    effects = [one.aftermath.effect for one in reversed(found) if one.aftermath]
    if without_help(effects) < policy.stop_after:
        return ""
    return next(one.decided.decision for one in found if one.aftermath)


def _stopping(scene: Scene) -> Iterator[Action]:
    """Open an incident where retraining has stopped, and close it where it goes on."""
    policy, history = scene.policy, scene.history
    lasting = _without_effect(policy, history)
    known = next((one for one in history.incidents.values() if one.kind == "no effect"), None)
    if known is not None and not lasting:
        yield _closed(scene, known.incident, "retraining goes on")
    if known is None and lasting:
        incident = _incident(policy, _NO_EFFECT, lasting)
        if incident not in history.incidents_opened:
            yield IncidentOpened(
                at=scene.now,
                by="",
                incident=incident,
                kind="no effect",
                trigger=_NO_EFFECT,
                says=f"the last {policy.stop_after} retrains did not help, so the loop has stopped"
                " retraining: a person has to look",
                decision=lasting,
            )


def _opening(scene: Scene, trigger: Trigger, cause: Cause) -> IncidentOpened | None:
    """Return the incident that a hit begins; None where one of its kind is open already."""
    if trigger.kind in _TELLS_ONCE or _incident_of(scene.history, trigger):
        return None
    incident = _incident(scene.policy, trigger.text, f"{cause.version} {cause.window}")
    if incident in scene.history.incidents_opened:
        return None  # it was over already, and comes back with what has not changed
    return IncidentOpened(
        at=scene.now,
        by="",
        incident=incident,
        kind=trigger.kind,
        trigger=trigger.text,
        says=cause.says,
        window=cause.window,
    )


def _over(scene: Scene, trigger: Trigger, quiet: Quiet) -> Iterator[Action]:
    incident = _incident_of(scene.history, trigger)
    if quiet.over and incident:
        yield _closed(scene, incident, quiet.says)


def _closed(scene: Scene, incident: str, says: str) -> IncidentClosed:
    event = IncidentClosed(at=scene.now, by="", incident=incident, says=says)
    scene.history = scene.history.then(event)
    return event


def _incident_of(history: History, trigger: Trigger) -> str:
    """Return the open incident of a trigger; triggers of the same text share it."""
    for one in history.incidents.values():
        if one.trigger == trigger.text:
            return one.incident
    return ""


def _incident(policy: Policy, text: str, began: str) -> str:
    from blake3 import blake3

    named = (policy.model, policy.environment, text, began)
    return blake3(msgspec.json.encode(named)).hexdigest()[:16]
