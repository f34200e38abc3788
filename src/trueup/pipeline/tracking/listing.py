"""A run in one line, and the fold of the index into such lines."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import msgspec

from trueup.pipeline.tracking.records import (
    EndStatus,
    Flat,
    IndexEvent,
    IndexStarted,
    RunKind,
)

LOST_AFTER = timedelta(seconds=60)

Status: TypeAlias = Literal["running", "lost"] | EndStatus


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run, as a list shows it."""

    id: str
    at: datetime
    status: Status
    seconds: float | None = None
    project: str = ""
    kind: RunKind = "pipeline"
    commit: str = ""
    dirty: bool = False
    branch: str = ""
    user: str = ""
    params: dict[str, Flat] = {}
    metrics: dict[str, Flat] = {}


def folded(runs: Mapping[str, Run], events: Iterable[IndexEvent]) -> dict[str, Run]:
    """Return the runs after these events; one that has not ended counts as running."""
    after = dict(runs)
    for event in events:
        if isinstance(event, IndexStarted):
            after[event.run] = _begun(event)
        else:  # one whose start could not be written is listed nevertheless
            after[event.run] = msgspec.structs.replace(
                after.get(event.run) or Run(event.run, event.at, "running"),
                status=event.status,
                seconds=event.seconds,
                metrics=event.metrics,
            )
    return after


def judged(run: Run, heartbeat: datetime | None, now: datetime) -> Run:
    """Return a run as lost if it has not ended and nothing was heard of it for a minute."""
    if run.status != "running" or now - (heartbeat or run.at) <= LOST_AFTER:
        return run
    return msgspec.structs.replace(run, status="lost")


def _begun(event: IndexStarted) -> Run:
    return Run(
        event.run,
        event.at,
        "running",
        project=event.project,
        kind=event.kind,
        commit=event.commit,
        dirty=event.dirty,
        branch=event.branch,
        user=event.user,
        params=event.params,
    )


def plain(run: Run) -> dict[str, Any]:
    """Return a run as one flat record: ``id``, ``status``, ``metrics.roc_auc``, ``params.x`` ..."""
    from trueup.pipeline.tracking.flat import named

    flat: dict[str, Any] = {
        name: getattr(run, name) for name in run.__struct_fields__ if name not in _FILES
    }
    for field in _FILES:
        flat |= {f"{field}.{name}": value for name, value in named(getattr(run, field)).items()}
    return flat


_FILES = ("params", "metrics")
