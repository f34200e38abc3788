"""The verbs register, models, history and resolve."""

from typing import Any

import msgspec

from trueup import clock, git
from trueup.errors import WrongUsage, did_you_mean
from trueup.pipeline.lock import read_lock
from trueup.project.whoami import unverified
from trueup.project.workspace import Workspace
from trueup.registry.copying import Stamp
from trueup.registry.history import History
from trueup.registry.names import VersionName, parse_name
from trueup.registry.records import Registered
from trueup.registry.registry import Registry, Resolved
from trueup.registry.standards import code_digest
from trueup.store.artifacts import Artifact

DEV = "dev"


class Extras(msgspec.Struct, frozen=True):
    """What belongs to a version beside its model; content that parts name is kept already."""

    signature: str = ""  # digest
    parts: dict[str, Artifact] = {}
    refit_of: int | None = None


_NOTHING = Extras()


def registry_of(workspace: Workspace) -> Registry:
    """Return the registry of the project's bucket; what was read is remembered in .trueup."""
    own = workspace.own / "state" / "registry" if workspace.own.is_dir() else None
    return Registry(workspace.bucket, own)


def environments_of(workspace: Workspace) -> list[str]:
    """Return the project's environments in order of promotion; without any there is dev."""
    return list(workspace.project.environments) or [DEV]


def chosen_environment(workspace: Workspace, name: str) -> str:
    """Return the environment of this name, or the first; raises WrongUsage for an unknown one."""
    known = environments_of(workspace)
    if name and name not in known:
        raise WrongUsage(
            f"there is no environment {name!r}",
            remedy=f"{did_you_mean(name, known)}There is: {', '.join(known)}. Others are declared"
            " under environments:",
            place=workspace.project.file,
        )
    return name or known[0]


def stamp_of(workspace: Workspace) -> Stamp:
    """Return who is acting, and now."""
    by = workspace.vouched or unverified(workspace.env, git.address(workspace.root))
    return Stamp(by, clock.now())


def named(workspace: Workspace, text: str) -> VersionName:
    """Return the version that a text names, of this project where it names no other."""
    return parse_name(text, workspace.project.name)


def names_a_version(workspace: Workspace, text: str) -> bool:
    """Say whether a text names a version, not a model alone."""
    name = named(workspace, text)
    return name.version is not None or bool(name.alias)


def register(workspace: Workspace, model: str, extras: Extras = _NOTHING) -> Resolved:
    """Make the model's file, as the lock names it, a version; again returns the same version.

    Its content is kept, synced and shared before its event is written.
    """
    entry = model_entry(workspace, model)
    if not entry.path:
        raise WrongUsage(
            f"{model} is known by its predictions alone: there is no file to register",
            remedy="Write path: FILE under the model.",
            place=workspace.project.file,
        )
    path, stamp = str(entry.path), stamp_of(workspace)
    lineage, run = lineage_of(workspace, path)
    locked_artifact(workspace, path)
    artifact = workspace.results.keep(
        lambda: workspace.content.add(workspace.root / path, sync=True)
    )
    for part in extras.parts.values():
        workspace.content.shelf.sync(workspace.content.keys(part))
    workspace.results.share(None, [artifact, *extras.parts.values()])
    wanted = Registered(
        at=stamp.at,
        by=stamp.by,
        version=0,
        model=artifact,
        code=code_digest(lineage),
        lineage=lineage,
        run=run,
        commit=git.head(workspace.root).commit,
        signature=extras.signature,
        parts=extras.parts,
        refit_of=extras.refit_of,
        authors=_authors(git.author(workspace.root)),
    )
    registry = registry_of(workspace)
    name = VersionName(f"{workspace.project.name}/{model}")
    number = registry.register(name.model, wanted)
    return registry.resolve(
        msgspec.structs.replace(name, version=number), chosen_environment(workspace, "")
    )


def models(workspace: Workspace) -> list[History]:
    """Return the histories of all models in the bucket."""
    return registry_of(workspace).histories()


def history(workspace: Workspace, name: str) -> History:
    """Return what happened to a model."""
    return registry_of(workspace).history(named(workspace, name).model)


def resolve(workspace: Workspace, name: str, environment: str = "") -> Resolved:
    """Return the version that a name stands for; of a model alone, the champion."""
    where = chosen_environment(workspace, environment)
    return registry_of(workspace).resolve(named(workspace, name), where)


def model_entry(workspace: Workspace, model: str) -> Any:
    """Return what the project says of a model; raises WrongUsage for one that it does not have."""
    known = workspace.project.models
    if model not in known:
        there = f"It has: {', '.join(known)}. " if known else "It has none. "
        raise WrongUsage(
            f"the project has no model {model!r}",
            remedy=f"{did_you_mean(model, known)}{there}Declare it under models:",
            place=workspace.project.file,
        )
    return known[model]


def _authors(address: str) -> tuple[str, ...]:
    """Return the names under which a commit's author may approve: no approval of his own counts."""
    account, _, host = address.partition("@")
    if host == "users.noreply.github.com":
        return address, account.rpartition("+")[2]
    if host.startswith("users.noreply."):  # GitLab's: 123-ada
        return address, account.partition("-")[2]
    return (address,) if address else ()


def lineage_of(workspace: Workspace, path: str) -> tuple[dict[str, str], str]:
    """Return the keys of the stages that led to a file, and the run that made it."""
    graph, locked = workspace.graph, read_lock(workspace.root).stages
    maker = graph.producer(path)
    if maker is None:
        return {}, ""
    stages = sorted(graph.ancestors({maker}))
    missing = [name for name in stages if name not in locked]
    if missing:
        raise WrongUsage(
            f"{path} comes from the stage {missing[0]!r}, which has not run",
            remedy=f"Run it first: trueup run {maker}",
        )
    record = workspace.results.earlier(locked[maker].key)
    return {name: locked[name].key for name in stages}, record.run if record else ""


def locked_artifact(workspace: Workspace, path: str) -> Artifact:
    """Return the artifact of a file or folder; WrongUsage where nothing is there.

    Also where it is not what its stage has made: its lineage would not be its own.
    """
    for stage in read_lock(workspace.root).stages.values():
        for out, locked in stage.outs.items():
            if path != out and not path.startswith(f"{out}/"):
                continue
            found = workspace.scanner.scan(workspace.root / out)
            if found is None or found.digest != locked.digest:
                raise WrongUsage(
                    f"{out} is not what trueup.lock says: it was changed since its stage ran",
                    remedy="Make it again with: trueup run, or put it back with: trueup pull"
                    " --force",
                )
    found = workspace.scanner.scan(workspace.root / path)
    if found is None:
        raise WrongUsage(
            f"{path} is not here",
            remedy="Make it with: trueup run, or fetch it with: trueup pull",
        )
    return found


def digest_wanted(workspace: Workspace, path: str) -> str:
    """Return the digest that a path should have: the lock's, else that of the file."""
    for stage in read_lock(workspace.root).stages.values():
        if path in stage.outs:
            return stage.outs[path].digest
    return locked_artifact(workspace, path).digest
