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
from trueup.pipeline.slots import Slots, machine
from trueup.pipeline.tracking.flat import flatten
from trueup.pipeline.tracking.records import Ended, EndStatus, Flat, RunEnvironment, Started
from trueup.pipeline.tracking.writer import RunWriter
from trueup.pipeline.work import StageWork
from trueup.project.choosing import forced_stages
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
    began_s = clock.monotonic_s()
    supervisor = Supervisor(begun.run)
    work = _work(workspace, graph, options, progress, supervisor)
    pipeline = PipelineRun(
        Equipment(
            graph=graph,
            lock=read_lock(workspace.root),
            work=work,
            supervisor=supervisor,
            slots=_slots(workspace, graph, options),
            decided=begun.decided,
            keep_going=options.keep_going,
        )
    )
    stages: tuple[StageResult, ...] = ()
    try:
        stages = pipeline.carry_out()
    finally:
        supervisor.close()
        result = RunResult(
            run=begun.run if work.diary.begun else None,
            stages=stages,
            seconds=clock.monotonic_s() - began_s,
            metrics=read_metrics(workspace.project),
            interrupted=pipeline.interrupted,
        )
        if work.diary.begun:
            work.diary.end(_ended(workspace, result, keep_lineage(workspace, pipeline.lock())))
        _tidy(workspace, begun.run)
    return result


def _work(
    workspace: Workspace,
    graph: Graph,
    options: RunOptions,
    progress: Progress,
    supervisor: Supervisor,
) -> StageWork:
    name, project = supervisor.run, workspace.project
    observer = _observer(workspace, graph, options, name)
    diary = Diary(
        RunWriter(workspace.bucket, name),
        lambda: _started(workspace, options, name, observer, graph),
        workspace.results,
    )
    return StageWork(
        project=project,
        observer=observer,
        results=workspace.results,
        workbench=Workbench(project, workspace.content, workspace.scanner, supervisor, name),
        diary=diary,
        progress=progress,
        env=workspace.env,
        isolated=options.isolated,
    )


def _slots(workspace: Workspace, graph: Graph, options: RunOptions) -> Slots:
    stages = graph.stages.values()
    gpus_wanted = any(stage.resources.gpu for stage in stages)
    slots = machine(options.jobs, workspace.env, gpus_wanted=gpus_wanted)
    slots.check(stages)
    return slots


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


def _observer(workspace: Workspace, graph: Graph, options: RunOptions, run: str = "") -> Observer:
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
        {**workspace.env, "TRUEUP_RUN": run} if run else workspace.env,
        keeper,
    )
    observer.forced = forced_stages(workspace, graph, options)
    return observer


def _started(
    workspace: Workspace, options: RunOptions, name: str, observer: Observer, graph: Graph
) -> Started:
    head = git.head(workspace.root)
    project, software = workspace.project, observer.software()
    mask = _mask(workspace)
    files = {wanted.file for stage in graph.stages.values() for wanted in stage.params}
    return Started(
        run=name,
        at=clock.now(),
        project=project.name,
        commit=head.commit,
        dirty=head.dirty,
        branch=head.branch,
        command=tuple(_masked(_typed(), mask)),
        params=_masked(_read_all(workspace.root, sorted(files)), mask),
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


def _ended(workspace: Workspace, result: RunResult, lineage: str) -> Ended:
    status: EndStatus = "done"
    if result.interrupted:
        status = "interrupted"
    elif result.failures or not result.stages:
        status = "failed"
    return Ended(
        status=status,
        at=clock.now(),
        seconds=result.seconds,
        metrics=_masked(dict(result.metrics), _mask(workspace)),
        error="\n".join(failure.error for failure in result.failures),
        lock=lineage,
    )


def _mask(workspace: Workspace) -> Mask:
    """Return what keeps the secrets of all stages out of a record."""
    names = {name for stage in workspace.project.stages.values() for name in stage.secrets}
    return Mask(workspace.env[name] for name in names if workspace.env.get(name))


def _masked(value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return mask.whole(os.fsencode(value)).decode("utf-8", "replace")
    if isinstance(value, dict):
        return {_masked(key, mask): _masked(item, mask) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item, mask) for item in value]
    return value


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
