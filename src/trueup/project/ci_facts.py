"""What a repository's workflows need to know of it, read from its projects."""

from collections.abc import Mapping
from pathlib import Path

import trueup
from trueup import git
from trueup.ci.workflows.facts import Cloud, Facts, ProjectFacts, Software
from trueup.errors import WrongUsage
from trueup.project.looping import looped_models
from trueup.project.several import projects_around
from trueup.project.workspace import Workspace, open_workspace

_CLOUDS: dict[str, Cloud] = {"s3": "aws", "gs": "google", "az": "other"}
_SOFTWARE: tuple[Software, ...] = ("uv.lock", "requirements.txt")


def facts_of(start: Path, env: Mapping[str, str], runner: str = "") -> tuple[Path, Facts]:
    """Return the repository's folder and what its workflows are made of.

    Raises WrongUsage outside a repository, and for projects whose buckets lie in several clouds.
    """
    top = git.top(start)
    if top is None:
        raise WrongUsage(
            "workflows belong to a Git repository, and this is none", remedy="Begin one: git init"
        )
    opened = [open_workspace(root, env) for root in projects_around(start)]
    clouds = sorted({_cloud(one.project.store) for one in opened} - {"none"})
    if len(clouds) > 1:
        raise WrongUsage(
            f"the projects' buckets lie in several clouds ({' and '.join(clouds)})",
            remedy="Keep them in one, or a repository for each",
        )
    facts = Facts(
        tuple(_project(one, top) for one in opened),
        trueup.__version__,
        git.default_branch(top),
        clouds[0] if clouds else "none",
    )
    if runner:
        import msgspec

        facts = msgspec.structs.replace(facts, runner=runner)
    return top, facts


def _project(workspace: Workspace, top: Path) -> ProjectFacts:
    root, project = workspace.root, workspace.project
    looped = looped_models(workspace)
    loops = [project.models[name].loop for name in looped]
    secrets = {name for stage in project.stages.values() for name in stage.secrets}
    return ProjectFacts(
        name=project.name,
        folder=root.resolve().relative_to(top.resolve()).as_posix(),
        software=next((kind for kind in _SOFTWARE if (root / kind).is_file()), ""),
        loops=tuple(looped),
        proposes=any(one.then == "pull_request" for one in loops),
        secrets=tuple(sorted(secrets)),
        models=tuple(project.models),
        environments=tuple(project.environments),
    )


def _cloud(store: str) -> Cloud:
    scheme, separator, _ = store.partition("://")
    return _CLOUDS.get(scheme, "none") if separator else "none"
