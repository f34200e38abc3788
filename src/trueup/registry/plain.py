"""Models, versions and events as plain records for programs."""

from collections.abc import Sequence
from typing import Any

import msgspec

from trueup.registry.history import History
from trueup.registry.moves import status
from trueup.registry.records import Event
from trueup.registry.registry import Resolved
from trueup.registry.reports import notes, numbered_events, sentence


def model_record(history: History, environments: Sequence[str]) -> dict[str, Any]:
    """Return a model: how many versions, and the aliases of each environment."""
    return {
        "model": history.model,
        "versions": len(history.versions),
        "environments": {
            name: history.aliases(name)
            for name in dict.fromkeys((*environments, *sorted(history.standings)))
        },
    }


def version_records(history: History, environment: str) -> list[dict[str, Any]]:
    """Return a model's versions, the newest first."""
    return [
        version_record(Resolved(version, history, environment))
        for version in reversed(history.versions)
    ]


def version_record(found: Resolved) -> dict[str, Any]:
    """Return a version with its digests."""
    version, history = found.version, found.history
    known = history.aliases(found.environment)
    return {
        "model": history.model,
        "version": version.version,
        "environment": found.environment,
        "aliases": [alias for alias, at in known.items() if at == version.version],
        "status": status(history, version.version),
        "digest": version.model.digest,
        "size_bytes": version.model.size_bytes,
        "signature": version.signature,
        "code": version.code,
        "parts": {name: part.digest for name, part in version.parts.items()},
        "run": version.run,
        "commit": version.commit,
        "registered": version.at,
        "notes": notes(history, version.version),
        "event": history.number,
    }


def history_records(history: History, environment: str, limit: int) -> list[dict[str, Any]]:
    """Return so many events (0: all), the newest first, each with its number."""
    shown = numbered_events(history, environment)[::-1][: limit or None]
    return [{"number": number, **event_record(event, history)} for number, event in shown]


def event_record(event: Event, history: History | None = None) -> dict[str, Any]:
    """Return an event, its sentence beside its parts."""
    plain: dict[str, Any] = msgspec.to_builtins(event)
    return {**plain, "text": sentence(event, history)}
