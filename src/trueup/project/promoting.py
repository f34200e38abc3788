"""The verbs promote, approve, reject, rollback, alias and deprecate."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from trueup.delivery.subject import data_digest
from trueup.errors import WrongUsage
from trueup.project.registering import (
    chosen_environment,
    digest_wanted,
    environments_of,
    model_entry,
    named,
    registry_of,
    stamp_of,
)
from trueup.project.workspace import Workspace
from trueup.registry import moves
from trueup.registry.copying import copy_version
from trueup.registry.history import History
from trueup.registry.names import CHAMPION, VersionName, check_alias
from trueup.registry.promotion import PromotionRequest, Terms, chosen_evidence
from trueup.registry.records import (
    AliasMoved,
    Approved,
    Deprecated,
    Event,
    Promoted,
    Rejected,
    RolledBack,
)
from trueup.registry.refusals import Refusal
from trueup.registry.registry import Registry, Resolved
from trueup.registry.standards import rules_digest
from trueup.store.scopes import scope_from

if TYPE_CHECKING:
    from trueup.store.artifacts import Artifact
    from trueup.store.bucket import Bucket


class Wanted(msgspec.Struct, frozen=True):
    """What a promotion is asked to do beside naming the version."""

    environment: str = ""  # empty: the first of the project's
    why: str = ""
    override: bool = False
    source: str = ""  # URL of the bucket to copy the version from
    source_environment: str = ""  # whose alias is meant there; empty: the one before


class Promotion(msgspec.Struct, frozen=True):
    """What became of a promotion; no event: the version was champion already."""

    found: Resolved
    event: Promoted | None


def terms_of(workspace: Workspace, model: str, environment: str) -> Terms:
    """Return what an environment asks of a promotion of one of the project's models, now."""
    entry = model_entry(workspace, model)
    target = workspace.project.environments.get(environment)
    return Terms(
        environment,
        rules=rules_digest(entry, target),
        data=data_digest(workspace.root, entry, lambda path: digest_wanted(workspace, path)),
        approvals=target.approvals if target else 0,
        protected=target.protected if target else False,
        issuers=workspace.project.identity,
    )


def promote(workspace: Workspace, name: str, wanted: Wanted) -> Promotion:
    """Make a version the champion; raises Refused or ChampionMoved where it may not be."""
    _check_override(wanted)
    environment = chosen_environment(workspace, wanted.environment)
    registry, version = registry_of(workspace), named(workspace, name)
    if wanted.source:
        version = _copied(workspace, registry, version, wanted)
    found = versioned(registry, version, environment)
    request = PromotionRequest(
        found.version.version,
        terms_of(workspace, _own_model(workspace, version), environment),
        by=(stamp := stamp_of(workspace)).by,
        at=stamp.at,
        trusted=scope_from(workspace.env, workspace.bucket).is_trusted,
        override=wanted.why if wanted.override else "",
    )
    return Promotion(found, registry.promote(version.model, request))


def approve(workspace: Workspace, name: str, environment: str = "", why: str = "") -> Event | None:
    """Approve a version for an environment; None where that was said before."""
    return _answer(workspace, name, Approved, environment, why)


def reject(workspace: Workspace, name: str, environment: str = "", why: str = "") -> Event | None:
    """Object to a version in an environment, until one takes that back by approving it."""
    return _answer(workspace, name, Rejected, environment, why)


def rollback(workspace: Workspace, name: str, environment: str = "", why: str = "") -> RolledBack:
    """Let the champion give way to the one before it."""
    where, stamp = chosen_environment(workspace, environment), stamp_of(workspace)
    registry, version = registry_of(workspace), named(workspace, name)
    if version.version is not None or version.alias not in ("", CHAMPION):
        raise WrongUsage(
            f"{version} is one version: a rollback goes from the champion to the one before it",
            remedy=f"trueup rollback {version.model} --env {where}; or to a version of your"
            f" choice: trueup promote {version} --env {where}",
        )
    model = version.model
    seen = registry.history(model).champion(where)
    wanted = RolledBack(at=stamp.at, by=stamp.by, version=seen or 0, environment=where, why=why)
    event = registry.write(model, partial(_rolled_back, wanted)).event
    assert isinstance(event, RolledBack)  # noqa: S101 - a rollback is an event or refused
    return event


def alias(
    workspace: Workspace, name: str, alias: str, wanted: Wanted, *, remove: bool = False
) -> Event | None:
    """Give a version an alias, or take it away; None where nothing had to be done."""
    check_alias(alias)
    _check_override(wanted)
    where, stamp = chosen_environment(workspace, wanted.environment), stamp_of(workspace)
    registry, version = registry_of(workspace), named(workspace, name)
    number = None if remove else versioned(registry, version, where).version.version
    event = AliasMoved(
        at=stamp.at,
        by=stamp.by,
        alias=alias,
        environment=where,
        version=number,
        overridden=wanted.override,
        why=wanted.why,
    )
    registry.history(version.model)
    return registry.write(version.model, lambda now: moves.alias_move(now, event)).event


def deprecate(workspace: Workspace, name: str, why: str = "") -> Event | None:
    """Say of a version that it is not to be promoted again; None where that was said before."""
    registry, version, stamp = registry_of(workspace), named(workspace, name), stamp_of(workspace)
    found = versioned(registry, version, chosen_environment(workspace, ""))
    event = Deprecated(at=stamp.at, by=stamp.by, version=found.version.version, why=why)
    return registry.write(version.model, lambda now: moves.deprecation(now, event)).event


def _check_override(wanted: Wanted) -> None:
    if wanted.override and not wanted.why:
        raise WrongUsage(
            "--override without a reason",
            remedy="Say why: --override --why REASON; it is recorded for ever",
        )


def _answer(
    workspace: Workspace,
    name: str,
    kind: type[Approved] | type[Rejected],
    environment: str,
    why: str,
) -> Event | None:
    where, stamp = chosen_environment(workspace, environment), stamp_of(workspace)
    registry, version = registry_of(workspace), named(workspace, name)
    found = versioned(registry, version, where)
    verdict = ""
    if version.model.startswith(f"{workspace.project.name}/"):
        model = _own_model(workspace, version)
        if model in workspace.project.models:
            terms = terms_of(workspace, model, where)
            request = PromotionRequest(found.version.version, terms, stamp.by, stamp.at)
            evidence = chosen_evidence(found.history, request)
            verdict = evidence.verdict if evidence else ""
    event = kind(
        at=stamp.at,
        by=stamp.by,
        version=found.version.version,
        environment=where,
        verdict=verdict,
        why=why,
    )
    return registry.write(version.model, lambda now: moves.answer(now, event)).event


def _rolled_back(wanted: RolledBack, now: History) -> RolledBack | Refusal:
    return moves.rollback(now, wanted)


def versioned(registry: Registry, name: VersionName, environment: str) -> Resolved:
    """Return the version that a command changes: it must be said which, a model is not enough."""
    if name.version is None and not name.alias:
        last = len(registry.history(name.model).versions)
        raise WrongUsage(
            f"{name} names a model, not one of its versions",
            remedy=f"Name one, such as the newest: {name}/{last}",
        )
    return registry.resolve(name, environment)


def _copied(
    workspace: Workspace, registry: Registry, name: VersionName, wanted: Wanted
) -> VersionName:
    """Copy a version from another bucket, content and evidence, and return its name here."""
    from trueup.store.opening import open_bucket

    known = environments_of(workspace)
    there = wanted.source_environment
    if not there:
        place = known.index(chosen_environment(workspace, wanted.environment))
        there = known[max(0, place - 1)]
    bucket = open_bucket(wanted.source, root=workspace.root, env=workspace.env)
    origin = Registry(bucket)
    if name.version is None and not name.alias:
        name = msgspec.structs.replace(name, alias=CHAMPION)
    found = origin.resolve(name, there)
    bring = _bringer(workspace, bucket)
    number = copy_version(found, origin, registry, bring, stamp_of(workspace))
    return VersionName(name.model, number)


def _bringer(workspace: Workspace, source: "Bucket") -> Callable[[Iterable["Artifact"]], None]:
    def bring(artifacts: Iterable["Artifact"]) -> None:
        wanted = list(artifacts)
        for artifact in wanted:
            if not workspace.content.has(artifact):
                workspace.content.fetch(artifact, source)
            workspace.content.shelf.sync(workspace.content.keys(artifact))
        workspace.results.share(None, wanted)

    return bring


def _own_model(workspace: Workspace, name: VersionName) -> str:
    project, _, model = name.model.partition("/")
    if project != workspace.project.name:
        raise WrongUsage(
            f"{name.model} belongs to another project: its rules are not known here",
            remedy=f"Promote it from the project {project}",
        )
    return model
