"""The verb gc: what nothing refers to any more, marked first, removed a week later."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from trueup import clock, git
from trueup.errors import WrongUsage
from trueup.pipeline.checkout_lock import checkout_lock
from trueup.pipeline.lock import FILE, LockFile, parse_lock, read_lock
from trueup.project.several import projects_around
from trueup.project.workspace import Workspace, prepare_own_folder
from trueup.store.artifacts import Artifact
from trueup.store.bucket import Bucket
from trueup.store.gc import GRACE, BucketContents, GcReport, Rules, collect

_RUNS_KEPT = timedelta(days=90)


def collect_garbage(workspace: Workspace, *, dry_run: bool = False) -> dict[str, GcReport]:
    """Collect in the store on this machine and, where there is one, in the team's bucket.

    Roots are the locks of every branch and tag that this clone can see, of every project in it,
    and this checkout's own; registry, verdicts and runs within ``keep`` are roots by themselves.
    Returns a report for each store, by URL.
    """
    kept_s = workspace.project.keep.get("runs")
    kept = timedelta(seconds=kept_s) if kept_s else _RUNS_KEPT
    rules = Rules(keep_runs=kept, dry_run=dry_run)
    artifacts = _artifacts(workspace)
    roots = sorted(artifact.digest for artifact in artifacts)
    buckets: list[Bucket] = [workspace.local]
    if workspace.remote is not None:
        buckets.append(workspace.remote)
    own = prepare_own_folder(workspace.root)
    with checkout_lock(own, "gc", wait=True, say=lambda _: None):
        if not dry_run:
            _clear_aside(own / "aside", clock.now() - GRACE)
            workspace.content.repack(one for one in artifacts if workspace.content.has(one))
        return {one.url: collect(one, roots, BucketContents(one), rules) for one in buckets}


def _clear_aside(folder: Path, before: datetime) -> None:
    """Remove what runs moved out of their way, once it has had its grace."""
    from shutil import rmtree

    for run in folder.iterdir() if folder.is_dir() else ():
        if run.stat().st_mtime < before.timestamp():
            rmtree(run, ignore_errors=True)


def _artifacts(workspace: Workspace) -> set[Artifact]:
    return {
        artifact
        for lock in _locks(workspace)
        for locked in lock.stages.values()
        for artifact in (*locked.outs.values(), *locked.sources.values())
    }


def _locks(workspace: Workspace) -> Iterator[LockFile]:
    """Yield every lock there is: one that cannot be read stops the collection, by its error."""
    yield read_lock(workspace.root)
    top = git.top(workspace.root)
    if top is None:
        return
    for root in {workspace.root, *_projects(workspace)}:
        yield read_lock(root)
        for commit in git.refs(root):
            body = git.read_at(root, commit, FILE)
            if body is not None:
                yield parse_lock(body, f"{commit[:12]}:{FILE}")


def _projects(workspace: Workspace) -> list[Path]:
    try:
        return projects_around(workspace.root)
    except WrongUsage:
        return []  # only a dvc.yaml
