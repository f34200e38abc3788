"""Puts a run's equipment together, and reads what it ends with."""

import os
import sys
from collections.abc import Mapping
from getpass import getuser
from pathlib import Path
from socket import gethostname
from typing import Any

import msgspec

import trueup
from trueup import clock, git
from trueup.config.params import read_file
from trueup.config.records import Project
from trueup.errors import TrueupError
from trueup.pipeline.diary import Diary
from trueup.pipeline.environment import Software
from trueup.pipeline.graph import Graph
from trueup.pipeline.keeping import SourceKeeper
from trueup.pipeline.lock import LockFile, format_lock, read_lock
from trueup.pipeline.masking import Mask
from trueup.pipeline.observe import Observer
from trueup.pipeline.outcome import Progress, RunResult, StageResult
from trueup.pipeline.perform import Workbench
from trueup.pipeline.plan import Step
from trueup.pipeline.process import Supervisor
from trueup.pipeline.run import Equipment, PipelineRun
from trueup.pipeline.slots import machine
from trueup.pipeline.tracking.flat import flatten
from trueup.pipeline.tracking.records import Ended, EndStatus, Flat, RunEnvironment, Started
from trueup.pipeline.tracking.writer import RunWriter
from trueup.pipeline.work import StageWork
from trueup.project.options import RunOptions
from trueup.project.workspace import Workspace
from trueup.store.artifacts import Artifact


class Begun(msgspec.Struct, frozen=True):
    """A run's name, and what was decided while looking whether there is anything to do."""

    run: str
    decided: Mapping[str, Step] = {}


def conduct(
    workspace: Workspace,
    graph: Graph,
    options: RunOptions,
    progress: Progress,
    begun: Begun,
) -> RunResult:
    """Carry a run out, from the lock file read to the last record written."""
    name = begun.run
    began_s = clock.monotonic_s()
    supervisor = Supervisor(name)
    diary = Diary(
        RunWriter(workspace.bucket, name),
        lambda: _started(workspace, options, name, observer, graph),
        workspace.results,
    )
    observer = _observer(workspace, graph, options)
    pipeline = PipelineRun(
        Equipment(
            graph=graph,
            lock=read_lock(workspace.root),
            work=StageWork(
                project=workspace.project,
                observer=observer,
                results=workspace.results,
                workbench=Workbench(
                    workspace.project, workspace.content, workspace.scanner, supervisor, name
                ),
                diary=diary,
                progress=progress,
                env=workspace.env,
                isolated=options.isolated,
            ),
            supervisor=supervisor,
            slots=machine(
                options.jobs,
                workspace.env,
                gpus_wanted=any(stage.resources.gpu for stage in graph.stages.values()),
            ),
            decided=begun.decided,
            keep_going=options.keep_going,
        )
    )
    stages: tuple[StageResult, ...] = ()
    try:
        stages = pipeline.carry_out()
    finally:
        supervisor.close()
        _tidy(workspace, name)
        metrics = read_metrics(workspace.project)
        seconds = clock.monotonic_s() - began_s
        if diary.begun:
            lineage = keep_lineage(workspace, pipeline.lock())
            ended = _ended(stages, metrics, seconds, interrupted=pipeline.interrupted)
            diary.end(msgspec.structs.replace(ended, lock=lineage))
    return RunResult(
        run=name if diary.begun else None,
        stages=stages,
        seconds=seconds,
        metrics=metrics,
        interrupted=pipeline.interrupted,
    )


def _tidy(workspace: Workspace, name: str) -> None:
    """Remove what only the run itself needed; what was set aside stays."""
    from shutil import rmtree

    for folder in ("live", "isolated"):
        rmtree(workspace.own / folder / name, ignore_errors=True)


def keep_lineage(workspace: Workspace, lock: LockFile) -> str:
    """Keep the lock as an object, here and in the bucket, and return its digest."""
    body = format_lock(lock)
    digest = workspace.content.add_bytes(body)
    if workspace.remote is not None:
        workspace.content.push([Artifact(digest, len(body))], workspace.remote)
    return digest


def read_metrics(project: Project) -> dict[str, Flat]:
    """Return the values of the project's metrics files, as far as they can be read."""
    outs = [out for stage in project.stages.values() for out in stage.outs]
    files = [out.path for out in outs if out.kind == "metrics"]
    return _read_all(project.root, [*files, *project.metrics])


def observed_software(workspace: Workspace) -> Software:
    """Return the environment that a run in this workspace would have."""
    return _observer(workspace, workspace.graph, RunOptions()).software()


def _observer(workspace: Workspace, graph: Graph, options: RunOptions) -> Observer:
    keeper = SourceKeeper(
        workspace.content,
        workspace.root,
        workspace.graph,
        lambda paths: git.tracked(workspace.root, paths),
    )
    observer = Observer(
        workspace.project,
        workspace.scanner,
        workspace.results,
        read_lock(workspace.root),
        workspace.env,
        keeper,
    )
    observer.forced = frozenset(graph.stages if options.force else ())
    return observer


def _started(
    workspace: Workspace, options: RunOptions, name: str, observer: Observer, graph: Graph
) -> Started:
    head = git.head(workspace.root)
    project, software = workspace.project, observer.software()
    secrets = {name for stage in project.stages.values() for name in stage.secrets}
    mask = Mask(workspace.env[name] for name in secrets if workspace.env.get(name))
    files = {wanted.file for stage in graph.stages.values() for wanted in stage.params}
    return Started(
        run=name,
        at=clock.now(),
        project=project.name,
        commit=head.commit,
        dirty=head.dirty,
        branch=head.branch,
        command=tuple(mask.whole(os.fsencode(w)).decode("utf-8", "replace") for w in _typed()),
        params=_read_all(workspace.root, sorted(files)),
        environment=RunEnvironment(
            python=software.python,
            platform=software.platform,
            lock=software.lock,
            lock_digest=software.lock_digest,
            host=gethostname(),
            user=_user(workspace.env),
            trueup=trueup.__version__,
        ),
        targets=options.targets,
        parent=workspace.env.get("TRUEUP_RUN", ""),
    )


def _ended(
    stages: tuple[StageResult, ...],
    metrics: Mapping[str, Flat],
    seconds: float,
    *,
    interrupted: bool,
) -> Ended:
    failed = [result for result in stages if result.outcome in ("failed", "timed_out")]
    status: EndStatus = "done"
    if interrupted:
        status = "interrupted"
    elif failed or not stages:
        status = "failed"
    return Ended(
        status=status,
        at=clock.now(),
        seconds=seconds,
        metrics=dict(metrics),
        error="\n".join(result.error for result in failed),
    )


def _read_all(root: Path, files: list[str]) -> dict[str, Flat]:
    values: dict[str, Flat] = {}
    for file in files:
        try:
            tree: Any = read_file(root / file)
        except (TrueupError, OSError):
            continue  # a metrics file that is no map of values is an output like any other
        values[file] = flatten(tree)
    return values


def _typed() -> tuple[str, ...]:
    return (Path(sys.argv[0]).name, *sys.argv[1:])


def _user(env: Mapping[str, str]) -> str:
    try:
        return env.get("GITHUB_ACTOR") or env.get("GITLAB_USER_LOGIN") or getuser()
    except (KeyError, OSError):  # no name for this user id, as in some containers
        return str(os.getuid())
