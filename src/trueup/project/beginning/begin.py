"""The verb init: look, propose, write, try; apart, so that a person may be asked in between."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from trueup import git
from trueup.config.load import PROJECT_FILE, load
from trueup.config.records import Project, Stage
from trueup.errors import TrueupError, WrongUsage
from trueup.pipeline.environment import find_lock
from trueup.pipeline.graph import graph_of
from trueup.pipeline.outcome import Progress, RunResult
from trueup.project.beginning.drafting import ignore_lines, parameter_file, project_file
from trueup.project.beginning.findings import Draft, Findings, StageDraft
from trueup.project.beginning.listing import find_ci, list_project
from trueup.project.beginning.looking import look
from trueup.project.beginning.modelling import propose_model
from trueup.project.beginning.proposing import propose
from trueup.project.beginning.writing import Change, additions, write_all
from trueup.project.doctor import diagnose, looked_for
from trueup.project.machine import look_around
from trueup.project.options import RunOptions
from trueup.project.running import run
from trueup.project.workspace import Workspace

__all__ = ["Begun", "propose", "survey", "try_out", "with_model", "write"]

_ATTRIBUTES = "trueup.lock merge=trueup"


class Begun(msgspec.Struct, frozen=True):
    """How a beginning ended: with a run, or with what is missing for one."""

    result: RunResult | None = None
    missing: str = ""  # one sentence


def survey(root: Path) -> Findings:
    """Look at a project's folder. Raises WrongUsage where it has a trueup.yaml already."""
    if (root / PROJECT_FILE).exists():
        raise WrongUsage(
            f"there is a {PROJECT_FILE} already; nothing was changed",
            remedy="Run it: trueup run. See what it would do: trueup status",
            place=str(root),
        )
    listing = list_project(root)
    found = look(listing, root.resolve().name)
    written = [path for script in found.scripts for path in script.touched.writes]
    listing = msgspec.structs.replace(listing, tracked=git.tracked(root, dict.fromkeys(written)))
    return msgspec.structs.replace(found, listing=listing, lock=find_lock(root), ci=find_ci(root))


def with_model(root: Path, found: Findings, draft: Draft) -> Draft:
    """Return the draft with the model that the gate judges, as far as it can be known now.

    Of a project with a dvc.yaml only one that lacks nothing, as a file is written for it.
    """
    stages = draft.stages
    if draft.pipeline:
        stages = tuple(map(_drafted, load(root, empty_ok=True).stages.values()))
    if not stages:
        return draft
    model = propose_model(root, stages, found.listing)
    if draft.pipeline and model.missing:
        return msgspec.structs.replace(draft, model=None)
    return msgspec.structs.replace(draft, model=model)


def write(root: Path, draft: Draft) -> tuple[str, ...]:
    """Write what was proposed, all of it or nothing; return the files.

    Of a project with a dvc.yaml, only a trueup.yaml, and only if a name or a store is wanted, or
    a model can be judged.
    """
    written = write_all(root, _changes(root, draft))
    try:
        project = load(root, empty_ok=True)
        graph_of(project.stages)
    except TrueupError as error:
        written.undo()
        raise WrongUsage(
            f"what init proposes here would not be a valid project; nothing was changed\n{error}",
            remedy="Write trueup.yaml by hand; the reference has its grammar.",
        ) from error
    except BaseException:
        written.undo()
        raise
    return written.paths


def try_out(root: Path, draft: Draft, env: Mapping[str, str], progress: Progress) -> Begun:
    """Run the pipeline, or say in one sentence what is missing for that."""
    missing = [*draft.missing]
    if not missing:
        missing += _lacking(load(root, empty_ok=True), root, env)
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        return Begun(missing=f"{missing[0]}{more}")
    workspace = Workspace(root, env)
    try:
        result = run(workspace, RunOptions(), progress)
    except TrueupError as error:
        return Begun(missing=f"{error.problem.splitlines()[-1]}; {error.remedy}")
    finally:
        workspace.close()
    failed = next(iter(result.failures), None)
    if failed is None:
        return Begun(result)
    said = failed.tail.strip().splitlines()
    why = f": {said[-1].strip()}" if said and failed.exit_code else ""
    if "ModuleNotFoundError" in why:
        why += "; is the project's environment active, and all that it needs installed?"
    return Begun(result, f"{failed.error.splitlines()[0]}{why}")


def _changes(root: Path, draft: Draft) -> list[Change]:
    if draft.pipeline and not (draft.project or draft.store or draft.model):
        return []
    changes = [Change(PROJECT_FILE, project_file(draft), fresh=True)]
    if draft.params:
        changes.append(Change("params.yaml", parameter_file(draft.params), fresh=True))
    ignored = [
        line for line in ignore_lines(draft) if not git.is_ignored(root, line.removeprefix("/"))
    ]
    return [*changes, *additions(root, {".gitignore": ignored, ".gitattributes": [_ATTRIBUTES]})]


def _drafted(stage: Stage) -> StageDraft:
    """Return a stage that is declared already as one that is proposed."""
    outs: dict[str, list[str]] = {"out": [], "metrics": [], "plots": []}
    for out in stage.outs:
        outs[out.kind].append(out.path)
    return StageDraft(
        stage.name,
        " && ".join(stage.cmd),
        stage.wdir,
        tuple(dep.path for dep in stage.deps if dep.path),
        outs=tuple(outs["out"]),
        metrics=tuple(outs["metrics"]),
        plots=tuple(outs["plots"]),
    )


def _lacking(project: Project, root: Path, env: Mapping[str, str]) -> list[str]:
    """Return what this machine lacks for the stages, as the doctor finds it."""
    found = diagnose(project, look_around(looked_for(project), root, env))
    return [
        f"{each.serves} needs {each.subject}, which {each.detail}; {each.remedy}".replace(
            "which not", "which is not"
        )
        for each in found
        if each.state == "missing" and each.serves.startswith("stage ")
    ]
