"""Capture predictions that something else makes, and their labels: ``trueup.capture(...)``."""

import atexit
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from trueup import clock
from trueup.captures.ids import new_ids
from trueup.captures.records import Batch, Captured, Labelled, Rules, rules_of
from trueup.captures.shipping import Shipper
from trueup.captures.spool import Spool
from trueup.errors import WrongUsage
from trueup.project.elsewhere_counting import environment_of, schemes
from trueup.project.looking import nearest_store
from trueup.project.workspace import Workspace, open_workspace, prepare_own_folder
from trueup.registry.names import parse_name
from trueup.serving.profiling import Profiling

if TYPE_CHECKING:
    import polars as pl

_MOST_S = 10.0  # that the end of the process waits for the bucket; the spool keeps what remains


class Circumstances(TypedDict, total=False):
    """What may further be said of predictions."""

    at: datetime  # when they were made; now
    latency_s: float
    environment: str  # where it was live; the project's, where it has only one
    folder: str | os.PathLike[str]  # of the project; here


def capture(
    model: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    *,
    ids: Sequence[str] | None = None,
    **more: Unpack[Circumstances],
) -> list[str]:
    """Record what a model was asked and what it answered; return the ids that labels name.

    ``inputs`` and ``outputs`` are columns: a value for one prediction, or a list or array for
    several; ``at``, ``latency_s``, ``environment`` and the project's ``folder`` may be added.
    ``model`` is [PROJECT/]MODEL or, where the registry has it, MODEL/N. It returns at once: a
    thread writes to the local disk, and later to the project's bucket (TRUEUP_STORE stands for it
    outside a project). Where neither keeps up rows are dropped, and that is told.
    """
    session = _session(Path(more.get("folder", ".")))
    name = parse_name(model, session.project)
    if name.alias:
        raise WrongUsage(
            f"{model!r} names an alias, which moves", remedy="Name the version: MODEL/N, or MODEL"
        )
    asked, answered = _columns(inputs), _columns(outputs)
    sizes = {len(one) for one in (*asked.values(), *answered.values())}
    if ids is not None:
        sizes.add(len(ids))
    if len(sizes) != 1:
        raise WrongUsage(
            f"columns of {', '.join(map(str, sorted(sizes))) or 'no'} rows",
            remedy="Give every column one value a prediction",
        )
    names = list(ids if ids is not None else new_ids(sizes.pop()))
    session.take(
        Captured(
            *(name.model, name.version or 0, "", more.get("at") or clock.now()),
            *(names, asked, answered),
            latency_s=more.get("latency_s", 0.0),
            role="elsewhere",
            environment=session.where(more.get("environment", "")),
        )
    )
    return names


def label(
    model: str,
    ids: str | Sequence[str],
    labels: Any,
    *,
    at: datetime | None = None,
    folder: str | os.PathLike[str] = ".",
) -> None:
    """Say what turned out to be true for predictions; saying it again corrects it."""
    session = _session(Path(folder))
    name = parse_name(model, session.project)
    if isinstance(ids, str):
        ids, labels = [ids], [labels]
    if len(ids) != len(labels):
        raise WrongUsage(
            f"{len(labels)} labels for {len(ids)} ids", remedy="Give each id one label"
        )
    session.take(Labelled(name.model, list(ids), labels, at or clock.now(), "client"))


def captured(
    model: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    folder: str | os.PathLike[str] = ".",
) -> "pl.LazyFrame":
    """Return what was captured of a model, or of one version, joined with labels, lazily.

    The module ``trueup.captures`` has the verb's name already.
    """
    from trueup.project import capturing

    workspace = open_workspace(Path(folder), os.environ)
    return capturing.frame(workspace, model, capturing.Question(since, until))


def flush(*, timeout_s: float = _MOST_S) -> bool:
    """Return when everything captured by this process is on its disk; False if that takes long."""
    with _LOCK:
        sessions = list(_SESSIONS.values())
    return not [one for one in sessions if not one.spool.drain(timeout_s=timeout_s)]


class _Session:
    """A project's spool and shipper, for the life of the process."""

    def __init__(self, folder: Path) -> None:
        store = nearest_store(folder, os.environ)
        self.project = store.project
        self._workspace: Workspace | None = None
        rules: dict[str, Rules] = {}
        place = ""
        if store.project:
            self._workspace = open_workspace(folder, os.environ)
            for own, entry in self._workspace.project.models.items():
                rules[f"{store.project}/{own}"] = rules_of(entry.serve.capture)
                place = place or entry.serve.capture.spool
        spool = store.root / place if place else prepare_own_folder(store.root) / "captures"
        self.spool = Spool(spool, rules=rules, tell=_tell)
        beside = Profiling(store.bucket, schemes(store.bucket, self.where("")), _tell)
        self._shipper = Shipper(self.spool, store.bucket, tell=_tell, beside=beside)
        self._process = os.getpid()
        atexit.register(self._end)

    def take(self, batch: Batch) -> None:
        """Record a batch."""
        self.spool.offer(batch)

    def where(self, environment: str) -> str:
        """Return where predictions are live; outside a project what was said."""
        if self._workspace is None:
            return environment
        return environment_of(self._workspace, environment)

    @property
    def is_ours(self) -> bool:
        """Say whether this process has made it: a forked child has no threads to write."""
        return self._process == os.getpid()

    def _end(self) -> None:
        if self.is_ours:
            self.spool.close(timeout_s=_MOST_S)
            self._shipper.close(timeout_s=_MOST_S)


_SESSIONS: dict[Path, _Session] = {}
_LOCK = Lock()


def _session(folder: Path) -> _Session:
    folder = folder.absolute()
    found = _SESSIONS.get(folder)
    if found and found.is_ours:
        return found
    with _LOCK:
        found = _SESSIONS.get(folder)
        if found is None or not found.is_ours:
            found = _SESSIONS[folder] = _Session(folder)
        return found


def _columns(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return each column as a list or array; a single value is a column of one."""
    return {
        name: one if hasattr(one, "dtype") and one.shape else _listed(one)
        for name, one in named.items()
    }


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _tell(text: str) -> None:
    print(f"trueup: {text}", file=sys.stderr)
