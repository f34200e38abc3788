"""The verbs run, status and dag."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from trueup import clock, ids
from trueup.errors import TrueupError, WrongUsage
from trueup.pipeline.graph import Graph
from trueup.pipeline.lock import read_lock
from trueup.pipeline.observe import Observer
from trueup.pipeline.outcome import Progress, Quiet, RunResult, StageResult
from trueup.pipeline.plan import Step, decide, plan
from trueup.project.checking import check_rules
from trueup.project.choosing import chosen_graph, forced_stages
from trueup.project.options import RunOptions
from trueup.project.workspace import Workspace, prepare_own_folder

_PLAIN = RunOptions()


def status(workspace: Workspace, options: RunOptions = _PLAIN) -> list[Step]:
    """Return what a run would do with each stage, and why; changes nothing."""
    graph = chosen_graph(workspace, options)
    observer = _observer(workspace)
    observer.forced = forced_stages(workspace, graph, options)
    observer.check(graph)
    return plan(graph, observer)


def run(
    workspace: Workspace, options: RunOptions = _PLAIN, progress: Progress | None = None
) -> RunResult:
    """Bring the pipeline up to date; what is up to date already is left alone.

    Raises before anything is changed for whatever can be known beforehand; a stage that fails is
    in the result.
    """
    from trueup.pipeline.checkout_lock import RUNS_ABOVE, checkout_lock

    progress = progress or Quiet()
    began_s = clock.monotonic_s()
    graph = _checked(workspace, options)
    _check_sets(workspace, options)
    name = ids.run_id(clock.now())
    own = prepare_own_folder(workspace.root)
    above = workspace.env.get(RUNS_ABOVE, "")
    with checkout_lock(own, name, wait=options.wait, say=progress.note, above=above):
        if options.sets:
            workspace, graph = _with_parameters(workspace, options)
        decided = _decide_until_busy(workspace, graph, options)
        kept = sum(step.action == "keep" for step in decided.values())
        if kept == len(graph.stages):
            result = _nothing_done(decided, progress)
        else:
            from trueup.project.conducting import Begun, conduct

            result = conduct(workspace, graph, options, progress, Begun(name, decided))
        workspace.close()
    return msgspec.structs.replace(result, seconds=clock.monotonic_s() - began_s)


def lacking(workspace: Workspace, options: RunOptions) -> tuple[str, ...]:
    """Return the stages that a run would have to compute; its parameters are set already then."""
    from trueup.pipeline.checkout_lock import RUNS_ABOVE, checkout_lock

    _checked(workspace, options)
    _check_sets(workspace, options)
    own, above = prepare_own_folder(workspace.root), workspace.env.get(RUNS_ABOVE, "")
    said = Quiet().note
    with checkout_lock(own, ids.run_id(clock.now()), wait=options.wait, say=said, above=above):
        workspace, _ = _with_parameters(workspace, options)
        plain = msgspec.structs.replace(options, sets=())
        steps = status(workspace, plain)
        workspace.close()
    return tuple(step.stage for step in steps if step.action == "run")


def _checked(workspace: Workspace, options: RunOptions) -> Graph:
    """Return what is to be run; raises for all that can be known beforehand."""
    check_rules(workspace)
    graph = chosen_graph(workspace, options)
    _observer(workspace).check(graph)
    return graph


def _check_sets(workspace: Workspace, options: RunOptions) -> None:
    """Raise for a --set that is none, or that names a parameter that is not there."""
    from trueup.config.params import read_file, select

    for text in options.sets:
        file, key, _ = _parsed(text, workspace.project.params[0])
        if not key.startswith("+") and (workspace.root / file).is_file():
            select(read_file(workspace.root / file, shown_as=file), key, file=file)


def _with_parameters(workspace: Workspace, options: RunOptions) -> tuple[Workspace, Graph]:
    """Change parameters, and open the project again; put back as they were if that fails."""
    wanted = [_parsed(text, workspace.project.params[0]) for text in options.sets]
    before = {file: _body(workspace.root / file) for file, _, _ in wanted}
    try:
        set_parameters(workspace.root, wanted)
        changed = Workspace(workspace.root, workspace.env, workspace.start)
        return changed, _checked(changed, options)
    except TrueupError:
        for file, body in before.items():
            if body is not None and _body(workspace.root / file) != body:
                (workspace.root / file).write_bytes(body)
        raise


def set_parameters(root: Path, wanted: Iterable[tuple[str, str, str]]) -> None:
    """Change parameters (file, key, text) in their files; comments and layout are kept."""
    from trueup.config.params import set_value

    for file, key, value in wanted:
        set_value(root / file, key, value)


def _parsed(text: str, usual_file: str) -> tuple[str, str, str]:
    name, equals, value = text.partition("=")
    file, colon, key = name.rpartition(":")
    if not equals or not key:
        raise WrongUsage(
            f"--set {text!r} is not KEY=VALUE",
            remedy="Write for example: --set train.depth=8, or --set other.yaml:seed=1",
        )
    return (file if colon else usual_file), key, value


def _body(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


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


def _observer(workspace: Workspace) -> Observer:
    return Observer(
        workspace.project,
        workspace.scanner,
        workspace.results,
        read_lock(workspace.root),
        workspace.env,
    )
