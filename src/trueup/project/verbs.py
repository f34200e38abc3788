"""The verbs as functions: what ``import trueup`` offers beside ``log`` and ``runs``."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from trueup.errors import StageFailed
from trueup.pipeline.outcome import Progress, Quiet, RunResult
from trueup.pipeline.plan import Step
from trueup.project.options import RunOptions
from trueup.project.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from trueup.delivery.delivering import Delivered
    from trueup.delivery.reproduction import Reproduction
    from trueup.pipeline.tracking.comparing import Row
    from trueup.project.sharing import Moved

Folder: TypeAlias = str | os.PathLike[str]


def run(
    *targets: str,
    params: Mapping[str, Any] | None = None,
    folder: Folder = ".",
    progress: Progress | None = None,
    **options: Any,
) -> RunResult:
    """Bring a project's pipeline up to date, as ``trueup run`` does, and return what became of it.

    ``params`` are written to the parameter file first, as ``--set`` does: ``{"train.depth": 8}``.
    Its models are registered, judged and promoted; ``models`` says what became of each. Further
    options are those of the command: force, jobs, keep_going, isolated, affected, single.
    Raises StageFailed where a stage failed; the stages before it are kept.
    """
    from trueup.project import running

    sets = tuple(f"{key}={msgspec.json.encode(v).decode()}" for key, v in (params or {}).items())
    wanted = RunOptions(targets=targets, sets=sets, **options)
    with _opened(folder) as workspace:
        result = running.run(workspace, wanted, progress or Quiet())
    if not result.failures:
        with _opened(folder) as workspace:  # parameters may be others by now
            result = msgspec.structs.replace(result, models=_delivered(workspace, result))
    if result.failures:
        first = result.failures[0]
        raise StageFailed(
            first.error, remedy=f"Its last words:\n{first.tail}" if first.tail else "See its place."
        )
    return result


def _delivered(workspace: Workspace, result: RunResult) -> "tuple[Delivered, ...]":
    if not workspace.project.models:
        return ()
    from trueup.project import gating

    return tuple(
        gating.deliver_model(workspace, name) for name in gating.models_made(workspace, result)
    )


def status(*targets: str, folder: Folder = ".") -> list[Step]:
    """Return what a run would do with each stage, and why, as ``trueup status`` does."""
    from trueup.project import running

    with _opened(folder) as workspace:
        return running.status(workspace, RunOptions(targets=targets))


def push(*stages: str, folder: Folder = ".") -> "Moved":
    """Upload what the lock names and the bucket lacks, as ``trueup push`` does."""
    from trueup.project import sharing

    with _opened(folder) as workspace:
        return sharing.push(workspace, stages)


def pull(*stages: str, force: bool = False, folder: Folder = ".") -> "Moved":
    """Fetch what the lock names and the checkout lacks, as ``trueup pull`` does."""
    from trueup.project import sharing

    with _opened(folder) as workspace:
        return sharing.pull(workspace, stages, force=force)


def reproduce(run: str, *, tolerance: float = 1e-9, folder: Folder = ".") -> "Reproduction":
    """Make a run or version again from its lineage and return what was proved."""
    from trueup.project import reproducing

    with _opened(folder) as workspace:
        return reproducing.reproduce(workspace, run, Quiet(), tolerance=tolerance)


def compare(*runs: str, everything: bool = False, folder: Folder = ".") -> "Sequence[Row]":
    """Return what differs between runs, as ``trueup compare`` does."""
    from trueup.project import looking

    return looking.compare(looking.runs_of(Path(folder), os.environ), runs, everything=everything)


VERBS: dict[str, Callable[..., Any]] = {
    verb.__name__: verb for verb in (run, status, push, pull, reproduce, compare)
}


@contextmanager
def _opened(folder: Folder) -> Iterator[Workspace]:
    workspace = open_workspace(Path(folder).absolute(), os.environ)
    try:
        yield workspace
    finally:
        workspace.close()
