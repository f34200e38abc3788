"""Whether whatever watches a model is still alive: told by whoever makes the next pass of it."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from trueup.loop.events import IncidentClosed, IncidentOpened
from trueup.loop.heartbeat import Heartbeat
from trueup.loop.history import History

KIND = "heartbeat"


def silences(
    model: str, history: History, missing: Mapping[str, Heartbeat], now: datetime
) -> Iterator[IncidentOpened | IncidentClosed]:
    """Yield an incident for each heartbeat that is missing, and the end of each that is not.

    One that was taken away, by a clean end, is not missed any more.
    """
    known = {one.trigger: one for one in history.incidents.values() if one.kind == KIND}
    for name, last in missing.items():
        trigger = _trigger(name)
        incident = _incident(model, name, last)
        if trigger not in known and incident not in history.incidents_opened:
            says = (
                f"{last.says}: trueup watch --name {name} was ended without a word, hangs, or does"
                f" not reach the bucket; nothing else may be watching {model}: start it again"
            )
            yield IncidentOpened(
                at=now, by="", incident=incident, kind=KIND, trigger=trigger, says=says
            )
    still = {_trigger(name) for name in missing}
    for trigger, one in known.items():
        if trigger not in still:
            yield IncidentClosed(
                at=now, by="", incident=one.incident, says="it beats again, or was ended cleanly"
            )


def _trigger(name: str) -> str:
    return f"no sign of life of trueup watch --name {name}"


def _incident(model: str, name: str, last: Heartbeat) -> str:
    from blake3 import blake3

    named = (model, KIND, name, last.worker, last.at.isoformat())
    return blake3(msgspec.json.encode(named)).hexdigest()[:16]
