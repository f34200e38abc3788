"""The verb reproduce: a run made again from its lineage, beside the project, and compared."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from trueup.config.params import read_file
from trueup.delivery.reproduction import (
    Difference,
    Reproduction,
    beyond,
    concluded,
    differing_outputs,
)
from trueup.delivery.worktrees import give_parameters, worktree
from trueup.errors import StageFailed, TrueupError, WrongUsage
from trueup.pipeline.lock import LockFile, parse_lock, read_lock
from trueup.pipeline.outcome import Progress
from trueup.pipeline.tracking.flat import flatten
from trueup.pipeline.tracking.records import Ended, RunEnvironment, Started
from trueup.pipeline.tracking.runs import Runs
from trueup.project.options import RunOptions
from trueup.project.running import run
from trueup.project.workspace import STORE_VARIABLE, Workspace, prepare_own_folder
from trueup.store.artifacts import Artifact


def reproduce(
    workspace: Workspace, name: str, progress: Progress, *, tolerance: float = 1e-9
) -> Reproduction:
    """Make a run again, every stage of it, in a checkout of its commit, and compare.

    A version (MODEL/N or MODEL@ALIAS) stands for the run that has made its model.
    Nothing of the project changes. Inputs that Git does not hold come from the store. Digests are
    compared first; where they differ, metrics and predictions within the tolerance. Raises
    WrongUsage where the lineage has a gap.
    """
    started, ended, lineage = _lineage(workspace, _run_of(workspace, name))
    place = prepare_own_folder(workspace.root) / "reproduce" / started.run
    with worktree(workspace.root, started.commit, place) as root:
        env = {k: v for k, v in workspace.env.items() if k != STORE_VARIABLE}
        again = Workspace(root, {**env, STORE_VARIABLE: ".trueup/store"})
        _furnish(workspace, root, lineage, started, progress.note)
        result = run(again, RunOptions(force=True), progress)
        if result.failures:
            raise StageFailed(
                f"made again, {result.failures[0].error}",
                remedy="Its output is above; compare the environments with: trueup runs show "
                f"{started.run}",
            )
        outputs, digests = differing_outputs(lineage, read_lock(root))
        record = Reproduction(
            run=started.run,
            proof="nothing",
            outputs=outputs,
            digests=digests,
            environment=_environment(started.environment, again),
            tolerance=tolerance,
        )
        return concluded(_by_values(workspace, again, record, ended, lineage))


def _run_of(workspace: Workspace, name: str) -> str:
    """Return the run that a name means: a run's own, or the one behind a version."""
    if "/" not in name and "@" not in name:
        return name
    from trueup.project.registering import resolve

    found = resolve(workspace, name)
    if not found.version.run:
        raise WrongUsage(
            f"no run is known that has made {found.history.model}/{found.version.version}",
            remedy="Name a run instead: trueup runs",
        )
    return found.version.run


def _lineage(workspace: Workspace, name: str) -> tuple[Started, Ended, LockFile]:
    found = Runs(workspace.bucket).show(name)
    started, ended = found.started, found.ended
    if started is None or ended is None or not ended.lock:
        raise WrongUsage(
            f"run {found.run.id} did not come to its end, so its lineage is not known",
            remedy="Name one that is done: trueup runs --filter status=done",
        )
    if not started.commit:
        raise WrongUsage(
            f"run {started.run} was made outside Git, so its code is not known",
            remedy="Commit the project, and run it from there.",
        )
    held = workspace.results.read(Artifact(ended.lock, 0))
    return started, ended, parse_lock(held, started.run)


def _furnish(
    workspace: Workspace,
    root: Path,
    lineage: LockFile,
    started: Started,
    say: Callable[[str], None],
) -> None:
    """Put inputs from the store in place, and the parameters that the run was given."""
    for locked in lineage.stages.values():
        for path, artifact in locked.sources.items():
            if not (root / path).exists():
                workspace.results.place(artifact, root / path)
    give_parameters(root, started.params, lambda key: say(f"{key} as the run had it"))
    if started.dirty:
        say("the run was made from a checkout with changes that were not committed")


def _by_values(
    workspace: Workspace, again: Workspace, record: Reproduction, ended: Ended, was: LockFile
) -> Reproduction:
    """Compare the numbers in those outputs whose bytes differ."""
    values: list[Difference] = []
    unproven: list[str] = []
    predictions = _predictions(again)
    for one in record.digests:
        now = again.root / one.path
        if one.path in ended.metrics:
            tree = _values(now)
            values += beyond(one.stage, one.path, ended.metrics[one.path], tree, record.tolerance)
        elif one.path in predictions:
            artifact = was.stages[one.stage].outs[one.path]
            before = again.root / ".trueup" / "before" / one.path
            before.parent.mkdir(parents=True, exist_ok=True)
            workspace.results.place(artifact, before)
            values += _tables(one, before, now, record.tolerance)
        elif not predictions and not ended.metrics:
            unproven.append(one.path)
    return msgspec.structs.replace(record, values=tuple(values), unproven=tuple(unproven))


def _predictions(workspace: Workspace) -> set[str]:
    models = workspace.project.models.values()
    named = (getattr(getattr(model, "evaluate", None), "predictions", "") for model in models)
    return {path for path in named if path}


def _tables(one: Difference, before: Path, now: Path, tolerance: float) -> tuple[Difference, ...]:
    """Compare two tables row by row; needs polars, as any project with a predictions file has."""
    try:
        import polars
    except ImportError as error:
        raise WrongUsage(
            f"comparing the tables at {one.path} needs polars",
            remedy="Install it: uv pip install polars",
        ) from error
    read = polars.read_csv if now.suffix == ".csv" else polars.read_parquet
    was, made = read(before), read(now)
    if was.shape != made.shape or was.columns != made.columns:
        return (Difference(one.stage, one.path, str(was.shape), str(made.shape)),)
    found: list[Difference] = []
    for name in was.columns:
        left, right = was[name], made[name]
        if left.dtype.is_float():
            far = (left - right).abs() > tolerance + tolerance * left.abs()
            differs = int(far.sum()) + int((left.is_null() != right.is_null()).sum())
        else:
            differs = int((~left.eq_missing(right)).sum())
        if differs:
            found.append(Difference(one.stage, f"{one.path}:{name}", None, f"{differs} rows"))
    return tuple(found)


def _values(path: Path) -> Any:
    try:
        return flatten(read_file(path))
    except (TrueupError, OSError):
        return None


def _environment(was: RunEnvironment, again: Workspace) -> tuple[str, ...]:
    from trueup.project.conducting import observed_software

    now = observed_software(again)
    pairs = (
        ("python", was.python, now.python),
        ("platform", was.platform, now.platform),
        ("lock file", was.lock_digest[:12], now.lock_digest[:12]),
    )
    return tuple(
        f"{what} was {before or 'unknown'}, is {after or 'unknown'}"
        for what, before, after in pairs
        if before != after
    )
