"""What a tick sees of a project's model: the registry, checked windows, labels, trials."""

from collections.abc import Callable
from datetime import datetime

from trueup.captures import trials
from trueup.errors import RemoteSilent, TrueupError
from trueup.loop.observations import BrokenPart, Harm, Labels, Level, Observations, WindowSeen
from trueup.loop.policy import Policy
from trueup.monitoring.performance.dropping import Drop, Kind, value_of
from trueup.monitoring.performance.past import Trust, trust
from trueup.monitoring.performance.records import Performance
from trueup.monitoring.watching.events import Checked, Matured
from trueup.monitoring.watching.history import History
from trueup.monitoring.watching.performing import past_of
from trueup.project.loading import entry_of
from trueup.project.registering import registry_of
from trueup.project.watch import diary_of
from trueup.project.workspace import Workspace
from trueup.registry.history import History as Versions
from trueup.registry.names import CHALLENGER

_BY_WINDOWS = ("drift", "performance", "estimate", "data_broken", "skew", "labels")


def observer_of(
    workspace: Workspace, policy: Policy, *, checks: bool
) -> Callable[[datetime], Observations]:
    """Return what looks at a model; ``checks`` windows that are closed before it looks.

    What cannot be checked is said in the observations: a schedule runs all the same.
    """

    def observe(now: datetime) -> Observations:
        history, says = _checked(workspace, policy, now) if checks else (None, ())
        return _seen(workspace, policy, history, says)

    return observe


def _checked(
    workspace: Workspace, policy: Policy, now: datetime
) -> tuple[History | None, tuple[str, ...]]:
    """Check windows, and return the diary that was read for that, and what could not be done."""
    if not any(one.kind in _BY_WINDOWS for one in policy.triggers):
        return None, ()
    from trueup.project import monitoring

    if registry_of(workspace).so_far(policy.model).champion(policy.environment) is None:
        return None, ()
    try:
        wanted = monitoring.Wanted(policy.model, policy.environment, now=now)
        return monitoring.monitor(workspace, wanted).history, ()
    except RemoteSilent:
        raise
    except TrueupError as error:
        return None, (f"windows could not be checked: {error.problem}",)


def _seen(
    workspace: Workspace, policy: Policy, read: History | None, says: tuple[str, ...]
) -> Observations:
    versions = registry_of(workspace).so_far(policy.model)
    standing = versions.standing(policy.environment)
    before = standing.promotions[-2:-1]
    history = read or diary_of(workspace, policy.model, policy.environment).history()
    asked = entry_of(workspace, policy.model).monitor
    metric = str(asked.performance.metric or "") if asked else ""
    trusted = trust_of(history, standing.champion, metric)
    late = history.matured()
    return Observations(
        registry_event=versions.number,
        champion=standing.champion,
        previous=before[0].version if before else None,
        challenger=standing.aliases.get(CHALLENGER),
        windows=tuple(
            window_seen(one, late.get((one.version, one.window)), metric)
            for one in history.checks()
        ),
        labels=_labels(history),
        harm=_harm(workspace, policy, versions),
        estimates_may_trigger=trusted.may_trigger,
        why_not="" if trusted.may_trigger else trusted.why,
        says=says,
    )


def window_seen(check: Checked, late: Matured | None, metric: str) -> WindowSeen:
    """Return a checked window as deciding takes it, with what is known of its labels."""
    broken = tuple(BrokenPart(one.check, one.says, one.column, one.mend) for one in check.broken)
    drifted, moved = _drifted(check)
    return WindowSeen(
        name=check.window.name,
        begin=check.window.begin,
        end=check.window.end,
        version=check.version,
        is_broken=check.state == "broken",
        drifted=drifted,
        moved=moved,
        broken=broken,
        realised=_level(late.drops, late.performance, metric, "realised") if late else None,
        estimated=_level(check.drops, check.performance, metric, "estimated"),
    )


def _drifted(check: Checked) -> tuple[bool | None, tuple[str, ...]]:
    """Say whether anything has drifted, by the profiles or by a detector, and what has."""
    found = [one for one in (check.drift, check.detected) if one is not None]
    moved = check.drift.moved if check.drift else ()
    fired = check.detected.triggers if check.detected else ()
    return (any(one.drifted for one in found) if found else None), (*moved, *fired)


def _level(
    drops: tuple[Drop, ...], performance: Performance | None, metric: str, kind: Kind
) -> Level | None:
    """Return a window's level; None where it has none of this kind."""
    found = value_of(performance, metric, kind) if performance else None
    if found is None:
        return None
    mine = [one for one in drops if one.kind == kind]
    says = "; ".join(reason for one in mine for reason in one.reasons)
    return Level(
        any(one.dropped for one in mine), found.value, says or f"{metric} is {found.value:.4g}"
    )


def trust_of(history: History, champion: int | None, metric: str) -> Trust:
    """Return whether estimates of a champion may trigger, by what came of those until now."""
    found = history.reference(champion) if champion is not None else None
    if champion is None or found is None:
        return Trust(True, "")
    return trust(past_of(history, champion, found[0]).get(metric, ()))


def _labels(history: History) -> Labels | None:
    """Return how many labels the windows have whose labels are as complete as is waited for."""
    matured = history.matured().values()
    if not matured:
        return None
    count = sum(one.performance.coverage.labelled for one in matured)
    return Labels(count, max(one.window.end for one in matured))


def _harm(workspace: Workspace, policy: Policy, versions: Versions) -> Harm | None:
    """Return what the newest record of the version on trial shows against it."""
    standing = versions.standing(policy.environment)
    number, live = standing.aliases.get(CHALLENGER), standing.champion
    if number is None or live is None or not any(one.kind == "harm" for one in policy.triggers):
        return None
    digests = versions.version(live).model.digest, versions.version(number).model.digest
    found = trials.latest(workspace.bucket, policy.model, *digests)
    if found is None:
        return None
    worse = [one for one in found.trial.differences if trials.leaning(one) == "worse"]
    if not worse:
        return None
    says = "; ".join(
        f"{one.measure} of version {number} is at least {one.low:.4g} worse over {one.rows} rows"
        for one in worse
    )
    return Harm(number, found.number, found.trial.at, says)
