"""Features made again by a version's own code, of the present raw input, joined by id."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from trueup import clock, ids
from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.config.params import read_file, select_all
from trueup.config.records import Dependency, Stage
from trueup.delivery.elsewhere.asking import Had, Say, Wanted
from trueup.delivery.elsewhere.own import Software, as_frame, asked, software_of
from trueup.delivery.elsewhere.past import Past
from trueup.delivery.elsewhere.recipes import code_digest, code_of, is_code, recipe, upstream
from trueup.delivery.evaluating import predictions_of
from trueup.delivery.tables import column, read_table
from trueup.errors import StageFailed, WrongUsage
from trueup.pipeline.lock import read_lock
from trueup.pipeline.perform import Workbench
from trueup.pipeline.process import Supervisor


def predictions(wanted: Wanted, past: Past, folder: Path, say: Say) -> Had:
    """Return what a version predicts where its own code has made the features.

    Rows that its code does not make are NaN.
    """
    if wanted.evaluation.ids is None:
        raise WrongUsage(
            "the features have changed, and without ids its own rows cannot be joined to these",
            remedy="Name the rows: evaluate: {id: COLUMN}.",
        )
    entry = _evaluated(wanted, past)
    software = software_of(wanted, past, say)
    ran = _remake(wanted, past, entry.data, software, say)
    table = read_table(past.root / entry.data, f"{entry.data} of {wanted.shown_as}")
    answered = asked(wanted, past, folder, software, table)
    name = wanted.evaluation.entry.id
    theirs = column(table, entry.id or name, "evaluate.id", entry.data).alias(name)
    made = predictions_of(
        wanted.evaluation, as_frame(answered.outputs).with_columns(theirs), wanted.shown_as
    )
    lacking = int(np.isnan(np.asarray(made, dtype=np.float64)).reshape(len(made), -1).any(1).sum())
    how = f"asked {software.how} ({answered.library}), on features remade by its own "
    how += f"{', '.join(ran) or 'code'} at {wanted.version.commit[:7]}"
    return Had(made, how + (f"; {lacking} rows are not among them" if lacking else ""))


def _evaluated(wanted: Wanted, past: Past) -> EvaluateEntry:
    """Return what the model was evaluated on at the version's commit."""
    model = past.project.models.get(wanted.name)
    entry = model.evaluate if isinstance(model, ModelEntry) else None
    if entry is None or not entry.data:
        raise WrongUsage(
            f"the commit of {wanted.shown_as} does not say what {wanted.name} is evaluated on",
            remedy="Compare with a version that does.",
        )
    if not upstream(past.graph, entry.data):
        raise WrongUsage(
            f"{entry.data}, which {wanted.shown_as} was evaluated on, is made by no stage, so its "
            "features cannot be made again",
            remedy="Let a stage make the features of raw input.",
        )
    return entry


def _remake(wanted: Wanted, past: Past, path: str, software: Software, say: Say) -> tuple[str, ...]:
    """Make a file in the worktree; stages that are the same still are not run again."""
    ran: list[str] = []
    for name in upstream(past.graph, path):
        stage = past.graph.stages[name]
        again = any(above in ran for above in past.graph.upstream[name])
        if not again and _is_the_same(wanted, past, stage):
            for out in stage.outs:
                _bring(wanted, past, out.path)
            continue
        for dep in stage.deps:
            if dep.path and not past.graph.makes(dep.path):
                _bring(wanted, past, dep.path)
        _check_code(wanted, past, stage)
        say(f"running {name} of {wanted.shown_as} again, for the features as it knows them")
        _run(wanted, past, stage, software)
        ran.append(name)
    return tuple(ran)


def _check_code(wanted: Wanted, past: Past, stage: Stage) -> None:
    """Refuse code that the version's run, made of a checkout with changes, did not have."""
    locked = past.lineage.get(stage.name)
    for dep in stage.deps if locked else ():
        file = past.root / dep.path
        recorded = locked.inputs.deps.get(dep.name) if locked else None
        if not (dep.path and file.is_file() and is_code(file)):
            continue
        if recorded not in (None, code_digest(file)):
            raise WrongUsage(
                f"{wanted.shown_as} was made with a {dep.path} that its commit does not have",
                remedy="Commit before you run what is registered.",
            )


def _own_code_first(past: Past, software: Software) -> str:
    """Return where Python looks before it finds the project installed as it is now."""
    given = software.env.get("PYTHONPATH", "")
    return os.pathsep.join([str(past.root), str(past.root / "src"), *filter(None, [given])])


def _is_the_same(wanted: Wanted, past: Past, stage: Stage) -> bool:
    """Say whether the present checkout makes a stage's outputs in the same way, and has them."""
    now = wanted.graph.stages.get(stage.name)
    if now is None or recipe(stage, past.root) != recipe(now, wanted.root):
        return False
    return all((wanted.root / out.path).exists() for out in stage.outs)


def _bring(wanted: Wanted, past: Past, path: str) -> None:
    """Put what the present checkout has at a path into the worktree; its code stays there."""
    target = past.root / path
    if Path(path).is_absolute() or not target.resolve().is_relative_to(past.top.resolve()):
        return  # reached where it lies
    source = wanted.root / path
    if not source.exists():
        _fetch(wanted, path, target)
    elif not source.is_dir():
        if not is_code(source):
            _place(wanted, source, target)
    elif not (_code_below(path, wanted.root) or _code_below(path, past.root)):
        _place(wanted, source, target)
    else:
        for file in sorted(one for one in source.rglob("*") if one.is_file()):
            if not is_code(file) and "__pycache__" not in file.parts:
                _place(wanted, file, target / file.relative_to(source))


def _place(wanted: Wanted, source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    wanted.results.place(wanted.results.content.add(source), target)


def _fetch(wanted: Wanted, path: str, target: Path) -> None:
    """Put what the present lock names at a path into the worktree, unless the commit has it."""
    for locked in read_lock(wanted.root).stages.values():
        artifact = locked.outs.get(path) or locked.sources.get(path)
        if artifact is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            wanted.results.place(artifact, target)
            return
    if not target.exists():
        raise WrongUsage(
            f"{path}, which {wanted.shown_as} makes its features of, is not there any more",
            remedy="Put it back, or fetch it: trueup pull",
        )


def _code_below(path: str, root: Path) -> bool:
    return any(True for _ in code_of(Dependency(path=path), root))


def _run(wanted: Wanted, past: Past, stage: Stage, software: Software) -> None:
    """Run a stage in the worktree, under the software's Python; nothing of it is recorded."""
    content, name = wanted.results.content, ids.run_id(clock.now())
    supervisor = Supervisor(name)
    bench = Workbench(past.project, content, content.scanner, supervisor, name)
    env = bench.env(stage, {**software.env, "PYTHONPATH": _own_code_first(past, software)}, ())
    params: dict[str, dict[str, Any]] = {}
    for given in stage.params:
        tree = read_file(past.root / given.file, shown_as=given.file)
        params.setdefault(given.file, {}).update(select_all(tree, given))
    bench.discard(stage)
    for out in stage.outs:
        (past.root / out.path).parent.mkdir(parents=True, exist_ok=True)
    try:
        done = bench.perform(stage, env, params, lambda _: None)
    finally:
        supervisor.close()
    lacking = [out.path for out in stage.outs if not (past.root / out.path).exists()]
    if done.well and not lacking:
        return
    said = done.tail.strip().splitlines()[-1:] or ["it said nothing"]
    what = f"made no {lacking[0]}" if done.well else f"failed ({said[0][:200]})"
    raise StageFailed(
        f"stage {stage.name!r} of {wanted.shown_as}, run again on the present input, {what}",
        remedy=f"See it by hand: git worktree add PLACE {wanted.version.commit[:10]}",
    )
