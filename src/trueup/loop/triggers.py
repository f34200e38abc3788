"""Whether a trigger has hit, on what one tick sees."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from trueup.loop import schedules
from trueup.loop.events import Cause
from trueup.loop.history import History
from trueup.loop.observations import BrokenPart, Level, Observations, WindowSeen
from trueup.loop.policy import Trigger

_NAMED = 6  # columns, or findings, in a sentence


class Quiet(msgspec.Struct, frozen=True):
    """A trigger that has not hit; ``over`` says that what it had shown before is gone."""

    says: str
    over: bool = False
    held: bool = False  # it would have hit, but may not


Look: TypeAlias = Cause | Quiet


def look(trigger: Trigger, seen: Observations, history: History, now: datetime) -> Look:
    """Return why a trigger has hit, or that it has not."""
    if seen.champion is None:
        return Quiet("nothing is live yet: train and promote the first version with trueup run")
    if trigger.kind == "schedule":
        return _schedule(trigger, history, now)
    if trigger.kind == "labels":
        return _labels(trigger, seen, history)
    if trigger.kind in ("harm", "deploy_failed"):
        return _happened(trigger, seen)
    return _windows(trigger, seen)


def watched(seen: Observations) -> list[WindowSeen]:
    """Return the champion's windows: those of other versions speak of other models."""
    return [one for one in seen.windows if one.version == seen.champion]


def _schedule(trigger: Trigger, history: History, now: datetime) -> Look:
    began = history.began.at if history.began else now
    after = _last_slot(trigger, history) or began
    found = schedules.due(trigger.schedule, trigger.zone, after, now)
    if found is None:
        coming = schedules.upcoming(trigger.schedule, trigger.zone, max(now, after))
        return Quiet(f"not due before {coming:%Y-%m-%d %H:%M %Z}" if coming else "never due")
    slot, missed = found
    says = f"the slot of {slot:%Y-%m-%d %H:%M %Z} is due"
    if missed:
        says += f"; {len(missed)} before it went by and are not made up for"
    return Cause("schedule", trigger.text, _utc(slot), slot, says, passed_over=missed)


def _last_slot(trigger: Trigger, history: History) -> datetime | None:
    """Return this schedule's last slot; of one that is new, the last slot of any."""
    causes = [one.decided.cause for one in history.courses.values()]
    slots = [one for one in causes if one.kind == "schedule"]
    own = [one.as_of for one in slots if one.trigger == trigger.text]
    return max(own or [one.as_of for one in slots], default=None)


def _labels(trigger: Trigger, seen: Observations, history: History) -> Look:
    if seen.labels is None:
        return Quiet("no labels are known")
    last = next((one for one in history.retrains()), None)
    before = last.decided.labels if last else 0
    new = max(0, seen.labels.mature - before)
    if new < trigger.new_labels:
        return Quiet(f"{new} new mature labels, {trigger.new_labels} are asked for")
    times = new // trigger.new_labels
    return Cause(
        "labels",
        trigger.text,
        f"{before}+{times * trigger.new_labels}",
        seen.labels.until,
        f"{new} new mature labels have arrived since the last retrain",
        version=seen.champion,
    )


def _happened(trigger: Trigger, seen: Observations) -> Look:
    if trigger.kind == "harm":
        harm = seen.harm
        if harm is None or harm.version != seen.challenger:
            return Quiet("no version on trial does harm", over=True)
        window = f"version {harm.version} record {harm.record}"
        return Cause(trigger.kind, trigger.text, window, harm.at, harm.says, version=harm.version)
    failed = seen.failed_deployment
    if failed is None:
        return Quiet("no deployment has failed", over=True)
    return Cause(trigger.kind, trigger.text, failed.name, failed.at, failed.says)


def _windows(trigger: Trigger, seen: Observations) -> Look:
    known = [one for one in watched(seen) if _hit(trigger, one) is not None]
    latest = known[-trigger.windows.of :]
    if not latest:
        return Quiet(_NOTHING[trigger.kind])
    hits = [one for one in latest if _hit(trigger, one)]
    newest = latest[-1]
    if len(hits) < trigger.windows.hits:
        return Quiet(
            f"{len(hits)} of the last {len(latest)} windows, {trigger.windows.hits} are asked for;"
            f" the newest is {newest.name}",
            over=newest not in hits,
        )
    if trigger.kind == "estimate" and not seen.estimates_may_trigger:
        return Quiet(seen.why_not or "estimates may not trigger anything", held=True)
    return Cause(
        trigger.kind,
        trigger.text,
        newest.name,
        newest.end,
        _says(trigger, hits, len(latest)),
        windows=tuple(one.name for one in hits),
        version=newest.version,
    )


_NOTHING = {
    "drift": "no window of the champion was compared with its reference yet",
    "performance": "no window of the champion has mature labels yet",
    "estimate": "no window of the champion has an estimate yet",
    "data_broken": "no window of the champion was checked yet",
    "skew": "no window of the champion was checked yet",
}


def _hit(trigger: Trigger, window: WindowSeen) -> bool | None:
    """Say whether a window shows what a trigger asks for; None: it cannot be said of this one."""
    skewed = any(one.check == "skew" for one in window.broken)
    if trigger.kind == "skew":
        return skewed
    others = any(one.check != "skew" for one in window.broken)
    broken = others or (window.is_broken and not skewed)
    if trigger.kind == "data_broken":
        return broken
    if broken:
        return None  # what it shows beside is of broken data
    if trigger.kind == "drift":
        return window.drifted
    return _low(trigger, window.realised if trigger.kind == "performance" else window.estimated)


def _low(trigger: Trigger, level: Level | None) -> bool | None:
    if level is None:
        return None
    value, least, most = level.value, trigger.at_least, trigger.at_most
    below = value is not None and least is not None and value < least
    above = value is not None and most is not None and value > most
    by_drop = trigger.drop is not None or (least is None and most is None)
    return below or above or (by_drop and level.dropped)


def _says(trigger: Trigger, hits: Sequence[WindowSeen], of: int) -> str:
    newest = hits[-1]
    if of == 1:
        where = f"in the window {newest.name}"
    else:
        names = ", ".join(one.name for one in hits)
        where = f"in {len(hits)} of the last {of} windows ({names})"
    if trigger.kind in ("data_broken", "skew"):
        parts = [one for one in newest.broken if (one.check == "skew") == (trigger.kind == "skew")]
        what = "; ".join(_named(one) for one in parts)
        return f"data is broken {where}: {what}" if what else f"data is broken {where}"
    if trigger.kind == "drift":
        moved = ", ".join(newest.moved[:_NAMED])
        more = f" and {len(newest.moved) - _NAMED} more" if len(newest.moved) > _NAMED else ""
        return f"inputs have drifted {where}" + (f": {moved}{more}" if moved else "")
    level = newest.realised if trigger.kind == "performance" else newest.estimated
    about = f": {level.says}" if level and level.says else ""
    estimated = "" if trigger.kind == "performance" else ", as estimated without labels,"
    return f"performance{estimated} is too low {where}{about}"


def _named(part: BrokenPart) -> str:
    """Return what is broken with its column, and the pipe to mend."""
    column = f"{part.column}: " if part.column and part.column not in part.says else ""
    return f"{column}{part.says}" + (f" ({part.mend})" if part.mend else "")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
