"""The verbs run, status and dag."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from trueup import clock, ids
from trueup.config.records import Stage
from trueup.errors import WrongUsage
from trueup.pipeline.graph import Graph, select
from trueup.pipeline.lock import read_lock
from trueup.pipeline.observe import Observer
from trueup.pipeline.outcome import Progress, Quiet, RunResult, StageResult
from trueup.pipeline.plan import Step, decide, plan
from trueup.project.options import RunOptions
from trueup.project.workspace import Workspace, prepare_own_folder

_PLAIN = RunOptions()


def status(workspace: Workspace, options: RunOptions = _PLAIN) -> list[Step]:
    """Return what a run would do with each stage, and why; changes nothing."""
    graph = chosen_graph(workspace, options)
    observer = _observer(workspace)
    observer.forced = frozenset(_forced(graph, options))
    observer.check_sources(graph)
    return plan(graph, observer)


def run(
    workspace: Workspace, options: RunOptions = _PLAIN, progress: Progress | None = None
) -> RunResult:
    """Bring the pipeline up to date; what is up to date already is left alone.

    Raises before anything is changed for whatever can be known beforehand; a stage that fails is
    in the result.
    """
    from trueup.pipeline.checkout_lock import checkout_lock

    progress = progress or Quiet()
    began_s = clock.monotonic_s()
    if options.sets:
        set_parameters(workspace.root, workspace.project.params[0], options.sets)
        workspace = Workspace(workspace.root, workspace.env)
    graph = chosen_graph(workspace, options)
    _observer(workspace).check_sources(graph)
    name = ids.run_id(clock.now())
    own = prepare_own_folder(workspace.root)
    with checkout_lock(own, name, wait=options.wait, say=progress.note):
        decided = _decide_until_busy(workspace, graph, options)
        kept = sum(step.action == "keep" for step in decided.values())
        if kept == len(graph.stages):
            result = _nothing_done(decided, progress)
        else:
            from trueup.project.conducting import Begun, conduct

            result = conduct(workspace, graph, options, progress, Begun(name, decided))
        workspace.close()
    return msgspec.structs.replace(result, seconds=clock.monotonic_s() - began_s)


def chosen_graph(workspace: Workspace, options: RunOptions) -> Graph:
    """Return the part of the graph that targets and --affected choose; raises for an empty one."""
    graph = workspace.graph
    if not graph.stages:
        raise WrongUsage(
            "there is no stage to run",
            remedy="Declare one under stages:, or let trueup propose some: trueup init",
            place=workspace.project.file,
        )
    if options.affected:
        names = affected_stages(workspace, options.affected)
        if options.targets:
            names &= graph.ancestors(select(graph, options.targets))
        return graph.only(graph.ancestors(names)) if names else graph.only(set())
    if options.targets:
        chosen = select(graph, options.targets)
        return graph.only(chosen if options.single else graph.ancestors(chosen))
    return graph


def affected_stages(workspace: Workspace, base: str) -> set[str]:
    """Return the stages that a change since a revision can reach, over files and parameters."""
    from trueup import git

    changed = git.changed_files(workspace.root, base)
    graph, project = workspace.graph, workspace.project
    if project.file in changed or set(project.sources) & changed:
        changed |= {project.file}
    lock = project.environment.lock
    everything = project.file in changed or (bool(lock) and lock in changed)
    touched = {
        name
        for name, stage in graph.stages.items()
        if everything or any(_touches(path, stage) for path in changed)
    }
    return graph.descendants(touched)


def set_parameters(root: Path, usual_file: str, sets: Iterable[str]) -> None:
    """Change parameters in their files, comments and layout kept; ``[FILE:]KEY=VALUE``."""
    from trueup.config.params import set_value

    for wanted in sets:
        name, equals, value = wanted.partition("=")
        file, colon, key = name.rpartition(":")
        if not equals or not key:
            raise WrongUsage(
                f"--set {wanted!r} is not KEY=VALUE",
                remedy="Write for example: --set train.depth=8, or --set other.yaml:seed=1",
            )
        set_value(root / (file if colon else usual_file), key, value)


def _decide_until_busy(workspace: Workspace, graph: Graph, options: RunOptions) -> dict[str, Step]:
    """Return the decisions in order, up to the first stage that something is to be done with.

    What only a real run needs (processes, threads, records) is not even imported for it. A stage
    that has never run here is left to the run: it keeps its inputs while it hashes them.
    """
    observer = _observer(workspace)
    decided: dict[str, Step] = {}
    if options.force:
        return decided
    for name, stage in graph.stages.items():
        if name not in observer.locked:
            break
        decided[name] = decide(observer.seen(stage, {}, ()))
        if decided[name].action != "keep":
            break
    return decided


def _nothing_done(decided: dict[str, Step], progress: Progress) -> RunResult:
    stages = tuple(
        StageResult(name, "unchanged", step.reasons, step.key, outs=step.outs)
        for name, step in decided.items()
    )
    for each in stages:
        progress.ends(each)
    return RunResult(None, stages, 0.0)


def _touches(path: str, stage: Stage) -> bool:
    names = [dep.path for dep in stage.deps if dep.path] + [p.file for p in stage.params]
    names += [out.path for out in stage.outs if not out.cache]
    return any(path == name or path.startswith(f"{name}/") or name == "." for name in names)


def _forced(graph: Graph, options: RunOptions) -> Iterable[str]:
    return graph.stages if options.force else ()


def _observer(workspace: Workspace) -> Observer:
    return Observer(
        workspace.project,
        workspace.scanner,
        workspace.results,
        read_lock(workspace.root),
        workspace.env,
    )
