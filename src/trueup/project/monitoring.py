"""The verb monitor: closed windows of a model's captures, each checked once and written down."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from trueup.captures.finding import Span, segments_in
from trueup.captures.layout import CAPTURES, Segment
from trueup.captures.reading import require_polars
from trueup.config.model_entries import MonitorEntry
from trueup.errors import WrongUsage
from trueup.monitoring.performance.past import trust
from trueup.monitoring.performance.showing import performance_blocks
from trueup.monitoring.profiles.profile import cells
from trueup.monitoring.watching.beside import beside_blocks
from trueup.monitoring.watching.charts import distributions, effects, timeline
from trueup.monitoring.watching.events import Acknowledged, Checked, Rebased
from trueup.monitoring.watching.history import Diary, History
from trueup.monitoring.watching.performing import past_of, wished
from trueup.monitoring.watching.report import newest_of, watch_report
from trueup.monitoring.watching.settings import settings_of
from trueup.monitoring.watching.shelf import Shelf
from trueup.monitoring.watching.standing import Standing
from trueup.monitoring.watching.windows import Window, windows_of
from trueup.project.detecting import Detecting
from trueup.project.loading import entry_of
from trueup.project.registering import chosen_environment, named, registry_of, stamp_of
from trueup.project.silence import silences
from trueup.project.skewing import skewing_of
from trueup.project.watch import Watch, diary_of, version_of
from trueup.project.watching import WatchedVersion
from trueup.project.workspace import Workspace
from trueup.registry.history import History as Versions
from trueup.registry.names import VersionName
from trueup.registry.records import Promoted
from trueup.registry.registry import Resolved
from trueup.reporting.blocks import Block, Report

SHOWN = 30  # windows


def _silent(_: str) -> None:
    return None


class Wanted(msgspec.Struct, frozen=True):
    """What is watched, and until when."""

    name: str  # [PROJECT/]MODEL[@ALIAS|/N]
    environment: str = ""
    since: datetime | None = None
    until: datetime | None = None
    now: datetime | None = None
    reference: Span | None = None  # of own captures
    say: Callable[[str], None] = _silent  # what takes long


def monitor(workspace: Workspace, wanted: Wanted) -> Standing:
    """Check each window that is closed and was not checked, and return how the model stands.

    Again it changes nothing; of two at once one writes, and both return what was written.
    """
    require_polars()
    name, found = _resolved(workspace, wanted)
    with Detecting(workspace, name.model, wanted.say) as detecting:
        watch = _watch(workspace, wanted, found, detecting)
        fresh, waiting = _pass(watch, wanted, name, found)
    history = watch.diary.history()
    shown = [one for one in history.checks() if _is_within(one.window, wanted)]
    if wanted.since is None:
        shown = shown[-max(SHOWN, fresh) :]
    return Standing(
        name.model, found.environment, found.version.version, tuple(shown), history,
        watch.settings, fresh, waiting,
    )  # fmt: skip


def _watch(workspace: Workspace, wanted: Wanted, found: Resolved, detecting: Detecting) -> Watch:
    model = detecting.model
    entry, stamp = entry_of(workspace, model), stamp_of(workspace)
    return Watch(
        workspace=workspace,
        model=model,
        settings=settings_of(entry, workspace.project.file),
        lateness_s=(entry.monitor or MonitorEntry()).lateness,
        diary=diary_of(workspace, model, found.environment),
        shelf=Shelf(workspace.bucket, model),
        redact=entry.serve.capture.redact,
        now=wanted.now or stamp.at,
        stamp=stamp,
        reference=wanted.reference,
        wish=wished(entry),
        detecting=detecting,
        skewing=skewing_of(workspace, model),
    )


def _pass(watch: Watch, wanted: Wanted, name: VersionName, found: Resolved) -> tuple[int, int]:
    """Bring every version up to date; return how many windows were checked, and are open."""
    width_s = watch.settings.window_s
    bucket, span = watch.workspace.bucket, Span(until=wanted.until, environment=found.environment)
    segments = segments_in(bucket, CAPTURES, watch.model, span)
    every = windows_of(segments, width_s)
    shared = {one for one, some in every.items() if len({each.version for each in some}) > 1}
    silent: Mapping[int, Sequence[Window]] = {}
    if name.version is None and not name.alias:
        champions = _champions(found.history, found.environment)
        mine = [one for one in segments if one.version in champions]
        silent = silences(watch, found, mine)
    fresh = waiting = 0
    answered: dict[int, list[Segment]] = {}
    for one in segments:
        answered.setdefault(one.version, []).append(one)
    for version in _versions(name, found, segments, silent):
        number = version.version.version
        windows = windows_of(answered.get(number, ()), width_s)
        windows |= {one: [] for one in silent.get(number, ()) if one not in windows}
        within = {one: windows[one] for one in sorted(windows) if _is_within(one, wanted)}
        done, left = WatchedVersion(version_of(watch, version), shared).catch_up(within)
        fresh, waiting = fresh + done, waiting + left
    return fresh, waiting


def report_of(workspace: Workspace, standing: Standing) -> Report:
    """Return a standing as a report, with charts as far as profiles are there."""
    if not standing.checks:
        return watch_report(standing)
    states = [standing.history.state(one) for one in standing.checks]
    above = (timeline(standing.checks, states), effects(standing.checks))
    drawn = _performance(workspace, standing)
    newest = newest_of(standing)
    if newest is not None:
        drawn += beside_blocks(newest)
    if newest is not None and newest.profile and newest.drift is not None:
        shelf = Shelf(workspace.bucket, standing.model)
        profile = shelf.profile(newest.profile)
        reference = next(
            one for number, one in standing.history.references() if number == newest.reference
        )
        kept = shelf.kept(reference.reference, "").reference
        if profile is not None:
            before = {one.name: one for one in kept.cells()}
            now = {one.name: one for one in cells(profile, kept.grid)}
            drawn += distributions([one.name for one in newest.drift.columns], before, now)
    return watch_report(standing, above, drawn)


def _performance(workspace: Workspace, standing: Standing) -> list[Block]:
    """Return how well the shown windows did, where that is watched."""
    wish = wished(entry_of(workspace, standing.model))
    late, found = standing.history.matured(), standing.history.reference(standing.version)
    mine = [one for one in standing.checks if found and one.reference == found[0]]
    if wish is None or found is None or not any(one.performance for one in mine):
        return []
    told, drops = [], {}
    for one in mine:
        came = late.get((one.version, one.window))
        shown = came.performance if came else one.performance
        if shown is None:
            continue
        if one.performance is not None:
            shown = msgspec.structs.replace(shown, estimated=one.performance.estimated)
        told.append(shown)
        for drop in (*one.drops, *(came.drops if came else ())):
            drops[f"{one.window.name} {drop.kind}"] = drop
    past = past_of(standing.history, standing.version, found[0]).get(wish.metric, ())
    return list(performance_blocks(told, wish.metric, trusted=trust(past), drops=drops))


def rebase(workspace: Workspace, name: str, why: str, environment: str = "") -> History:
    """Begin a model's grid and references anew with the next check; the reason is recorded."""
    _require_reason(why)
    model, diary = _diary(workspace, name, environment)
    stamp = stamp_of(workspace)

    def decide(history: History) -> Rebased | None:
        if not history.events:
            raise _never(model)
        if isinstance(history.events[-1], Rebased):
            return None
        return Rebased(at=stamp.at, by=str(stamp.by), why=why)

    return diary.add(decide)


def acknowledge(
    workspace: Workspace, name: str, window: str, why: str, environment: str = ""
) -> tuple[Checked, ...]:
    """Write down that somebody has seen what a window shows, and return its checks."""
    _require_reason(why)
    model, diary = _diary(workspace, name, environment)
    stamp = stamp_of(workspace)
    seen: list[Checked] = []

    def decide(history: History) -> Acknowledged | None:
        seen[:] = [one for one in history.checks() if one.window.name == window]
        if not seen:
            known = [one.window.name for one in history.checks()]
            if not known:
                raise _never(model)
            raise WrongUsage(
                f"{model} has no checked window {window!r}",
                remedy=f"The last ones are: {', '.join(known[-5:])}",
            )
        done = history.acknowledged()
        if all((one.version, one.window) in done for one in seen):
            return None
        return Acknowledged(at=stamp.at, by=str(stamp.by), window=window, why=why)

    diary.add(decide)
    return tuple(seen)


def _resolved(workspace: Workspace, wanted: Wanted) -> tuple[VersionName, Resolved]:
    environment = chosen_environment(workspace, wanted.environment)
    name = named(workspace, wanted.name)
    return name, registry_of(workspace).resolve(name, environment)


def _versions(
    name: VersionName, found: Resolved, segments: Sequence[Segment], silent: Iterable[int]
) -> list[Resolved]:
    """Return the versions whose windows are checked, in the order of their captures.

    Of a model these are all that were champion; of a name with a number or alias that one.
    """
    if name.version is not None or name.alias:
        return [found]
    champions = _champions(found.history, found.environment)
    answered = [one.version for one in segments if one.version in champions]
    return [
        msgspec.structs.replace(found, version=found.history.version(number))
        for number in dict.fromkeys([*answered, *silent])
    ]


def _champions(history: Versions, environment: str) -> set[int]:
    return {
        one.version
        for one in history.events
        if isinstance(one, Promoted) and one.environment == environment
    }


def _is_within(window: Any, wanted: Wanted) -> bool:
    begins = wanted.since is None or window.begin >= wanted.since
    return begins and (wanted.until is None or window.end <= wanted.until)


def _diary(workspace: Workspace, name: str, environment: str) -> tuple[str, Diary]:
    where = chosen_environment(workspace, environment)
    model = named(workspace, name).model
    registry_of(workspace).history(model)
    return model, diary_of(workspace, model, where)


def _require_reason(why: str) -> None:
    if not why:
        raise WrongUsage("that wants a reason", remedy="Give it with: --why REASON; it is recorded")


def _never(model: str) -> WrongUsage:
    return WrongUsage(
        f"{model} was never monitored", remedy=f"Check its windows with: trueup monitor {model}"
    )
