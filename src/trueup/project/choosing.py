"""Which stages a command is about: targets, and what a change can reach."""

import os

from trueup.config.records import Stage
from trueup.errors import WrongUsage
from trueup.pipeline.graph import Graph, select
from trueup.pipeline.lock import FILE, LockFile, parse_lock, read_lock
from trueup.project.options import RunOptions
from trueup.project.workspace import Workspace


def chosen_graph(workspace: Workspace, options: RunOptions) -> Graph:
    """Return the part of the graph that targets and --affected choose; raises for an empty one."""
    graph = workspace.graph
    if not graph.stages:
        raise WrongUsage(
            "there is no stage to run",
            remedy="Declare one under stages:, or let trueup propose some: trueup init",
            place=workspace.project.file,
        )
    targets = named_targets(workspace, options.targets)
    if options.affected:
        names = affected_stages(workspace, options.affected)
        if targets:
            names &= graph.ancestors(targets)
        return graph.only(graph.ancestors(names)) if names else graph.only(set())
    if targets:
        return graph.only(targets if options.single else graph.ancestors(targets))
    return graph


def named_targets(workspace: Workspace, targets: tuple[str, ...]) -> set[str]:
    """Return the stages that targets name: stages, groups, outputs as seen from here or above."""
    graph = workspace.graph
    chosen: set[str] = set()
    for target in targets:
        seen_from_here = os.path.relpath(workspace.start / target, workspace.root)
        if target not in graph.stages and graph.producer(seen_from_here):
            chosen |= select(graph, [seen_from_here])
        else:
            chosen |= select(graph, [target])
    return chosen


def forced_stages(workspace: Workspace, graph: Graph, options: RunOptions) -> frozenset[str]:
    """Return the stages that --force runs: all, but frozen ones only where they are named."""
    if not options.force:
        return frozenset()
    named = named_targets(workspace, options.targets)
    return frozenset(
        name for name, stage in graph.stages.items() if not stage.frozen or name in named
    )


def affected_stages(workspace: Workspace, base: str) -> set[str]:
    """Return the stages that a change since a revision can reach, and what follows them.

    Files, parameters, notebooks, the project's own files, the environment's lock file, and inputs
    outside Git, whose digests are in trueup.lock.
    """
    from trueup import git
    from trueup.pipeline.environment import find_lock

    changed = git.changed_files(workspace.root, base)
    graph, project = workspace.graph, workspace.project
    software = project.environment.lock or find_lock(workspace.root)
    everything = bool({project.file, software, *project.sources} & changed)
    was = git.show(workspace.root, base, FILE) if FILE in changed else None
    before = parse_lock(was, f"{base}:{FILE}") if was else LockFile()
    now = read_lock(workspace.root) if was else LockFile()
    touched = {
        name
        for name, stage in graph.stages.items()
        if everything
        or any(_touches(path, stage) for path in changed)
        or _sources(before, name) != _sources(now, name)
    }
    return graph.descendants(touched)


def _touches(path: str, stage: Stage) -> bool:
    names = [dep.path for dep in stage.deps if dep.path] + [p.file for p in stage.params]
    names += [out.path for out in stage.outs if not out.cache]
    return any(
        path == name or path.startswith(f"{name}/") or (name == "." and not path.startswith("../"))
        for name in names
    )


def _sources(lock: LockFile, stage: str) -> dict[str, str]:
    locked = lock.stages.get(stage)
    return {path: one.digest for path, one in locked.sources.items()} if locked else {}
