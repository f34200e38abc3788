"""Models, versions and histories as reports."""

from collections.abc import Iterable, Sequence

from trueup.registry.history import History
from trueup.registry.moves import status
from trueup.registry.records import (
    AliasMoved,
    Approved,
    Deprecated,
    Event,
    Evidence,
    Judged,
    Overridden,
    Promoted,
    Registered,
    Rejected,
    RolledBack,
)
from trueup.registry.registry import Resolved
from trueup.reporting.blocks import Block, Column, Report, Table, Text
from trueup.reporting.wording import moment

_SHOWN = 12  # of a digest
_GROUNDS = {
    "pass": "by a passing verdict",
    "inconclusive": "by an inconclusive verdict, as on_inconclusive: promote allows",
    "person": "by an inconclusive verdict and approval",
    "override": "by override",
}
_BASES = {"test": "", "recipe": " on its recipe", "trial": " on its trial"}


def models_report(histories: Sequence[History], environments: Sequence[str]) -> Report:
    """Return a table of models: how many versions, and which is champion where."""
    columns = (Column("model"), Column("versions", "number"), *(Column(e) for e in environments))
    rows = tuple(
        (history.model, len(history.versions), *(_live(history, each) for each in environments))
        for history in histories
    )
    return Report("", (Table(columns, rows, empty="no models"),))


def versions_report(history: History, environments: Sequence[str]) -> Report:
    """Return a table of a model's versions, the newest first."""
    columns = ("version", "registered", "status", "is", "model", "run", "notes")
    rows = tuple(
        (
            str(version.version),
            moment(version.at),
            status(history, version.version),
            ", ".join(aliases_of(history, version.version, environments)) or None,
            version.model.digest[:_SHOWN],
            version.run or None,
            "; ".join(notes(history, version.version)) or None,
        )
        for version in reversed(history.versions)
    )
    return Report(history.model, (Table(tuple(map(Column, columns)), rows),))


def version_report(found: Resolved, environments: Sequence[str]) -> Report:
    """Return one version in full: its digests, what it was made of and what was said of it."""
    version, history = found.version, found.history
    facts = {
        "status": status(history, version.version),
        "is": ", ".join(aliases_of(history, version.version, environments)),
        "model": version.model.digest,
        "signature": version.signature,
        "code": version.code,
        "run": version.run,
        "commit": version.commit,
        "registered": f"{moment(version.at)} by {version.by}",
        "copied from": version.copied_from.url if version.copied_from else "",
        **{name: part.digest for name, part in version.parts.items()},
        "notes": "; ".join(notes(history, version.version)),
    }
    rows = tuple((name, value) for name, value in facts.items() if value)
    table = Table((Column("what"), Column("value")), rows)
    verdicts = Table(
        tuple(map(Column, ("verdict", "outcome", "on", "for", "against", "scope"))),
        tuple(
            (
                one.verdict[:_SHOWN],
                one.outcome,
                one.basis,
                one.environment or None,
                one.champion[:_SHOWN] or None,
                one.scope,
            )
            for one in history.judged.get(version.model.digest, ())
        ),
        "Verdicts",
        empty="none",
    )
    return Report(f"{history.model}/{version.version}", (table, verdicts))


def history_report(history: History, environment: str = "", limit: int = 0) -> Report:
    """Return what happened to a model, the newest first; of one environment, or of all.

    Behind it, for each metric, how far the champions since the anchor have moved in all: small
    steps within a margin can add up to a decay that no single gate sees.
    """
    numbered = numbered_events(history, environment)
    shown = numbered[::-1][: limit or None]
    columns = (Column("event", "number"), *map(Column, ("at", "what", "by")))
    rows = tuple(
        (nth, moment(event.at), sentence(event, history), str(event.by)) for nth, event in shown
    )
    blocks: list[Block] = [Table(columns, rows, empty="nothing happened")]
    if len(shown) < len(numbered):
        blocks.append(Text(f"{len(shown)} of {len(numbered)} events; all of them: --limit 0"))
    for each in [environment] if environment else sorted(history.standings):
        blocks += _since_anchor(history, each)
    return Report(history.model, tuple(blocks))


def numbered_events(history: History, environment: str = "") -> list[tuple[int, Event]]:
    """Return the events with their numbers: all, or those that concern an environment."""
    return [
        (number, event)
        for number, event in enumerate(history.events, 1)
        if not environment or getattr(event, "environment", environment) == environment
    ]


def sentence(event: Event, history: History | None = None) -> str:
    """Return an event in words, without when and who; a promotion's basis is in its history."""
    match event:
        case Registered():
            of = f", a refit of {event.refit_of}" if event.refit_of is not None else ""
            copied = f", copied from {event.copied_from.url}" if event.copied_from else ""
            return f"version {event.version} registered{of}{copied}"
        case Judged(evidence=found):
            where = f" for {found.environment}" if found.environment else ""
            on = f"{where}{_BASES[found.basis]}"
            return f"model {found.model[:_SHOWN]} judged{on}: {found.outcome}{_because(found)}"
        case Promoted():
            approved = f", approved by {', '.join(event.approved_by)}" if event.approved_by else ""
            return (
                f"version {event.version} promoted in {event.environment}"
                f" {_GROUNDS[event.grounds]}{_basis(event, history)}{_why(event.why)}{approved}"
            )
        case RolledBack():
            return (
                f"version {event.version} rolled back in {event.environment} to"
                f" {event.to or 'none'}{_why(event.why)}"
            )
        case AliasMoved():
            to = "taken away" if event.version is None else f"is version {event.version}"
            by = " by override" if event.overridden else ""
            return f"{event.alias} of {event.environment} {to}{by}{_why(event.why)}"
        case _:
            return _said(event)


def _basis(event: Promoted, history: History | None) -> str:
    evidence = history.evidence(event) if history and event.grounds != "override" else None
    return _BASES[evidence.basis] if evidence else ""


def _because(found: Evidence) -> str:
    """Return what kept a model from passing, its first reason; a pass needs none."""
    if found.outcome == "pass" or not found.reasons:
        return ""
    more = len(found.reasons) - 1
    return f": {found.reasons[0]}{f' and {more} more' if more else ''}"


def _said(event: Approved | Rejected | Deprecated | Overridden) -> str:
    match event:
        case Overridden():
            return (
                f"version {event.version} used to {event.use} in {event.environment} by override"
                f"{_why(event.why)}"
            )
        case Deprecated():
            return f"version {event.version} deprecated{_why(event.why)}"
        case _:
            word = "approved" if isinstance(event, Approved) else "rejected"
            return f"version {event.version} {word} for {event.environment}{_why(event.why)}"


def notes(history: History, number: int) -> list[str]:
    """Return what must be seen wherever a version is: whatever stood in for a pass, deprecation."""
    found = [
        f"promoted in {event.environment} {_GROUNDS[event.grounds]}"
        for standing in history.standings.values()
        for event in standing.promotions
        if event.version == number and event.grounds in ("inconclusive", "person")
    ]
    found += [sentence(event) for event in history.overrides.get(number, ())]
    if number in history.deprecated:
        found.append(f"deprecated{_why(history.deprecated[number].why)}")
    refit_of = history.version(number).refit_of
    if refit_of is not None:
        found.append(f"refit of {refit_of}")
    return list(dict.fromkeys(found))


def aliases_of(history: History, number: int, environments: Iterable[str]) -> list[str]:
    """Return what a version is, and where: ``champion of prod``."""
    return [
        f"{alias} of {environment}"
        for environment in dict.fromkeys((*environments, *sorted(history.standings)))
        for alias, at in history.aliases(environment).items()
        if at == number
    ]


def _since_anchor(history: History, environment: str) -> list[Block]:
    promotions = history.standing(environment).promotions
    anchor = history.anchor(environment)
    since = [event.version for event in promotions]
    start = len(since) - 1 - since[::-1].index(anchor) if anchor is not None else len(since)
    totals: dict[str, float] = {}
    for event in promotions[start + 1 :]:
        evidence = history.evidence(event)
        for metric, change in evidence.estimates.items() if evidence else ():
            totals[metric] = totals.get(metric, 0.0) + change
    if not totals:
        return []
    columns = (Column("metric"), Column("change", "number", sign=True, digits=4))
    title = f"{environment}: estimated change since version {anchor}, the anchor (more is better)"
    return [Table(columns, tuple(totals.items()), title)]


def _live(history: History, environment: str) -> str | None:
    aliases = history.aliases(environment)
    return ", ".join(f"{alias} {number}" for alias, number in aliases.items()) or None


def _why(why: str) -> str:
    return f": {why}" if why else ""
