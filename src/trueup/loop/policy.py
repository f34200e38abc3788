"""What a project says of a model's loop, made ready to decide by."""

from datetime import tzinfo
from typing import Any, get_args
from zoneinfo import ZoneInfo

import msgspec

from trueup.config.loop_entries import LoopEntry, RetrainEntry, TriggerEntry
from trueup.config.units import Freeze, Hits, Rate
from trueup.errors import WrongUsage
from trueup.loop.events import Do, Then, TriggerKind

HOLDOUT = "holdout"  # in the parameters: where the hold-out begins
USUAL_HOLDOUT_S = 28 * 86_400.0
_ONCE = Hits(1, 1)


class Trigger(msgspec.Struct, frozen=True):
    """One reason to act, and what to do; ``text`` names it for people and in a decision."""

    kind: TriggerKind
    text: str
    do: Do
    windows: Hits = _ONCE
    schedule: str = ""
    zone: str = "UTC"
    new_labels: int = 0
    drop: float | None = None
    at_least: float | None = None
    at_most: float | None = None


class Policy(msgspec.Struct, frozen=True):
    """When a model is retrained in an environment, and what follows.

    ``digest`` is of what the file says, and not of what it leaves to us: a newer trueup with more
    keys reads the same file as the same policy.
    """

    model: str  # project/model
    environment: str
    digest: str
    triggers: tuple[Trigger, ...]
    cooldown_s: float
    budget: Rate | None
    freeze: tuple[Freeze, ...]
    zone: str
    then: Then
    stop_after: int
    aftermath_windows: int
    params: dict[str, Any] = {}
    where: str = "here"
    holdout_s: float | None = None
    refit: bool = False


def policy_of(model: str, environment: str, entry: LoopEntry, place: str = "") -> Policy:
    """Return the policy that an entry declares; WrongUsage for a time zone that there is none.

    Broken data is always told of, also where no trigger names it.
    """
    triggers = [_trigger(one) for one in entry.when]
    for zone in (entry.zone, *(one.zone for one in triggers)):
        zone_of(zone, place)
    if triggers and not any(one.kind == "data_broken" for one in triggers):
        triggers.append(Trigger("data_broken", "broken data", "notify"))
    return Policy(
        model=model,
        environment=environment,
        digest=_digest(entry),
        triggers=tuple(triggers),
        cooldown_s=entry.cooldown,
        budget=entry.budget,
        freeze=entry.freeze,
        zone=entry.zone,
        then=entry.then,
        stop_after=entry.aftermath.stop_after,
        aftermath_windows=entry.aftermath.windows,
        params=entry.retrain.params,
        where=entry.retrain.where,
        holdout_s=_holdout_s(entry.retrain),
        refit=entry.retrain.refit,
    )


def _holdout_s(entry: RetrainEntry) -> float | None:
    """Return how long the hold-out is; who asks for its beginning alone gets the usual one."""
    asked = HOLDOUT in entry.params.values()
    return USUAL_HOLDOUT_S if entry.holdout is None and asked else entry.holdout


def zone_of(name: str, place: str = "") -> tzinfo:
    """Return a time zone by its name; WrongUsage where this machine knows none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # no such zone; no name of one; a folder
        from zoneinfo import available_timezones

        from trueup.errors import did_you_mean

        near = did_you_mean(name, available_timezones())
        raise WrongUsage(
            f"there is no time zone {name!r}",
            remedy=f"{near}Name one of the IANA database, such as America/New_York",
            place=place or None,
        ) from error


def _trigger(entry: TriggerEntry) -> Trigger:
    kind = next(name for name in get_args(TriggerKind) if getattr(entry, name) is not None)
    if kind == "schedule":
        text = f'schedule "{entry.schedule}" ({entry.zone})'
        return Trigger(kind, text, entry.do, schedule=str(entry.schedule), zone=entry.zone)
    said: Any = getattr(entry, kind)
    if kind == "labels":
        return Trigger(kind, f"{said.new} new labels", entry.do, new_labels=said.new)
    windows: Hits = getattr(said, "windows", _ONCE)
    several = "" if windows == _ONCE else f" in {windows.hits} of {windows.of} windows"
    drop, least = getattr(said, "drop", None), getattr(said, "at_least", None)
    most = getattr(said, "at_most", None)
    named = (("down by", drop), ("not at least", least), ("not at most", most))
    how = " or ".join(f"{name} {at:g}" for name, at in named if at is not None)
    text = f"{_NAMES.get(kind, kind)} {how}".strip() + several
    return Trigger(kind, text, entry.do, windows, drop=drop, at_least=least, at_most=most)


_NAMES = {"data_broken": "broken data", "deploy_failed": "failed deployment"}


def _digest(entry: LoopEntry) -> str:
    from blake3 import blake3

    return blake3(msgspec.json.encode(_said(entry), order="sorted")).hexdigest()[:16]


def _said(value: Any) -> Any:
    """Return what differs from the defaults, as plain values."""
    if isinstance(value, msgspec.Struct):
        found = {}
        for field in msgspec.structs.fields(value):
            usual = field.default_factory() if callable(field.default_factory) else field.default
            each = getattr(value, field.name)
            if each != usual:
                found[field.name] = _said(each)
        return found
    if isinstance(value, tuple | list):
        return [_said(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _said(each) for name, each in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)
