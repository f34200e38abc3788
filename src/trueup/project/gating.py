"""The verb gate, and what a run ends with: each model registered, judged and promoted."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trueup import git
from trueup.config.model_entries import ModelEntry
from trueup.delivery.delivering import Delivered, deliver, is_gated, registered
from trueup.delivery.installed import lacking
from trueup.delivery.subject import Candidate, Subject
from trueup.errors import WrongUsage
from trueup.project.checking import check_rules
from trueup.project.registering import (
    Extras,
    chosen_environment,
    lineage_of,
    locked_artifact,
    model_entry,
    named,
    names_a_version,
    register,
    registry_of,
    stamp_of,
)
from trueup.project.workspace import Workspace
from trueup.registry.names import CHALLENGER
from trueup.registry.registry import Resolved
from trueup.registry.standards import code_digest
from trueup.store.artifacts import Artifact
from trueup.store.scopes import scope_from

if TYPE_CHECKING:
    from trueup.captures.finding import Span
    from trueup.delivery.judging import Judgement
    from trueup.pipeline.outcome import RunResult
    from trueup.reporting.blocks import Report


def gate(workspace: Workspace, name: str, environment: str = "") -> "Judgement":
    """Judge a model's file, or a version of it, and record the verdict; nothing is promoted."""
    check_rules(workspace, margins=False)
    wanted = named(workspace, name)
    subject = subject_of(workspace, _own(workspace, wanted.model), environment)
    if not is_gated(subject.entry, subject.target):
        raise not_asked(workspace, [_own(workspace, wanted.model)])
    if (error := lacking()) is not None:
        raise error
    from trueup.delivery.judging import judged

    if not names_a_version(workspace, name):
        here = candidate_here(workspace, subject)
        version = registered(subject.history(), here)
        return judged(subject, msgspec.structs.replace(here, version=version))
    found = subject.registry.resolve(wanted, subject.environment).version
    return judged(subject, Candidate(found.model, found.code, found))


def gate_trial(
    workspace: Workspace, name: str, asked: "Span | None" = None, environment: str = ""
) -> "Judgement":
    """Judge a version by its trial, and record the verdict; of a model alone the challenger."""
    check_rules(workspace, margins=False)
    wanted = named(workspace, name)
    subject = subject_of(workspace, _own(workspace, wanted.model), environment)
    if not is_gated(subject.entry, subject.target):
        raise not_asked(workspace, [_own(workspace, wanted.model)])
    if (error := lacking()) is not None:
        raise error
    from trueup.captures.finding import Span
    from trueup.delivery.trials.judging import judged_on_trial

    if wanted.version is None and not wanted.alias:
        wanted = msgspec.structs.replace(wanted, alias=CHALLENGER)
    found = subject.registry.resolve(wanted, subject.environment).version
    return judged_on_trial(subject, found, asked or Span())


def on_trial(workspace: Workspace, environment: str = "") -> list[str]:
    """Return the gated models that have a challenger; WrongUsage where none has."""
    where, registry = chosen_environment(workspace, environment), registry_of(workspace)
    models = gated_models(workspace, environment)
    if not models:
        raise not_asked(workspace, list(workspace.project.models))
    own = workspace.project.name
    found = [one for one in models if CHALLENGER in registry.so_far(f"{own}/{one}").aliases(where)]
    if not found:
        raise WrongUsage(
            f"no model has a challenger in {where}",
            remedy=f"Put a version on trial: trueup alias {models[0]}/N challenger --env {where}",
        )
    return found


def not_asked(workspace: Workspace, names: Sequence[str]) -> WrongUsage:
    """Return the error of judging models of which no rule asks anything, or whose gate is off."""
    models = workspace.project.models
    off = [name for name in names if models[name].gate.mode == "off"]
    if off:
        return WrongUsage(
            f"the gate of {' and '.join(off)} is off",
            remedy=f"Write mode: warn or enforce under models: {off[0]}: gate:",
            place=workspace.project.file,
        )
    which = " and ".join(names) if names else "any model"
    return WrongUsage(
        f"no rule asks anything of {which}",
        remedy=f"Write rules under models: {names[0] if names else 'NAME'}: gate: rules:, such as"
        " {metric: accuracy, at_least: 0.8}",
        place=workspace.project.file,
    )


def report_of(workspace: Workspace, judgement: "Judgement") -> "Report":
    """Return a verdict as a report that calls models by their versions."""
    from trueup.gate.showing import verdict_report
    from trueup.project.reports import names_of, noted, notes_of

    version = judgement.version
    named = f"{judgement.model}/{version}" if version else f"{judgement.model}, unregistered"
    history = registry_of(workspace).so_far(judgement.model)
    subject = f"{named}, for {judgement.environment}"
    report = verdict_report(judgement.verdict, subject, names_of(history))
    return noted(report, notes_of(history, version))


def gated_models(workspace: Workspace, environment: str = "") -> list[str]:
    """Return the project's models that rules ask something of."""
    project = workspace.project
    target = project.environments.get(chosen_environment(workspace, environment))
    return [name for name, entry in project.models.items() if is_gated(entry, target)]


def models_made(workspace: Workspace, result: "RunResult") -> list[str]:
    """Return the models that a run has brought up to date, with all that they are judged on."""
    if result.failures or result.interrupted:
        return []
    done = {stage.stage for stage in result.stages}
    models = workspace.project.models
    return [name for name, entry in models.items() if _is_made(workspace, entry, done)]


def deliver_model(workspace: Workspace, model: str) -> Delivered:
    """Register the model of this checkout, judge it, and promote it where the project says so."""
    subject = subject_of(workspace, model)
    told: list[str] = []
    done = deliver(
        subject,
        candidate_here(workspace, subject),
        lambda: _registered(workspace, subject, told.append).version,
    )
    return msgspec.structs.replace(done, told=tuple(told))


def subject_of(workspace: Workspace, model: str, environment: str = "") -> Subject:
    """Return what is known of one of the project's models, for an environment."""
    where, entry = chosen_environment(workspace, environment), model_entry(workspace, model)
    return Subject(
        root=workspace.root,
        own=workspace.own,
        name=f"{workspace.project.name}/{model}",
        entry=entry,
        environment=where,
        target=workspace.project.environments.get(where),
        graph=workspace.graph,
        registry=registry_of(workspace),
        results=workspace.results,
        scope=scope_from(workspace.env, workspace.bucket),
        digest=lambda path: locked_artifact(workspace, path).digest,
        by=stamp_of(workspace).by,
        branch=git.head(workspace.root).branch,
        has_bucket=workspace.has_bucket,
        env=workspace.env,
        metrics=lambda: _metrics(workspace),
    )


def candidate_here(workspace: Workspace, subject: Subject) -> Candidate:
    """Return the model's file of this checkout; WrongUsage where it is not what its stage made."""
    artifact = locked_artifact(workspace, subject.path)
    return Candidate(artifact, code_digest(lineage_of(workspace, subject.path)[0]))


def _own(workspace: Workspace, model: str) -> str:
    """Return a model's name within the project; WrongUsage for one of another project."""
    project, _, own = model.partition("/")
    if project != workspace.project.name:
        raise WrongUsage(
            f"{model} belongs to another project: its rules and rows are not known here",
            remedy=f"Judge it in the project {project}",
        )
    return own


def _is_made(workspace: Workspace, entry: ModelEntry, done: set[str]) -> bool:
    """Say whether everything that a model is judged by is up to date after these stages."""
    paths = [entry.path]
    if entry.evaluate is not None:
        paths += [entry.evaluate.data, entry.evaluate.predictions]
    makers = {workspace.graph.producer(path) for path in paths if path}
    there = all((workspace.root / path).exists() for path in paths if path)
    return there and makers <= done | {None}


def register_model(
    workspace: Workspace,
    model: str,
    tell: Callable[[str], None] = lambda said: None,
    *,
    refit_of: int | None = None,
) -> Resolved:
    """Make the model of this checkout a version, with all that belongs to it.

    What of that could not be made is told, each in a line.
    """
    return _registered(workspace, subject_of(workspace, model), tell, refit_of)


def _registered(
    workspace: Workspace,
    subject: Subject,
    tell: Callable[[str], None],
    refit_of: int | None = None,
) -> Resolved:
    model, told = subject.name.rpartition("/")[2], list[str]()
    extras = extras_of(workspace, subject, told.append)
    extras = msgspec.structs.replace(extras, refit_of=refit_of)
    found = register(workspace, model, extras)
    if subject.entry.convert != "off" and subject.entry.evaluate is not None:
        from trueup.delivery.quickening import quicken

        quicken(subject, found.version, told.append)
    for one in told:
        tell(f"{subject.name}/{found.version.version} {one}")
    return found


def extras_of(workspace: Workspace, subject: Subject, tell: Callable[[str], None]) -> Extras:
    """Return what is kept with a version: rows it has seen, signature, golden requests."""
    from trueup.delivery.belongings import belongings

    parts, signature = {}, ""
    for name, body in belongings(subject, tell).items():
        digest = workspace.content.add_bytes(body, sync=True)
        parts[name] = Artifact(digest, len(body))
        signature = digest if name == "signature" else signature
    return Extras(signature=signature, parts=parts)


def _metrics(workspace: Workspace) -> Mapping[str, Mapping[str, Any]]:
    from trueup.project.conducting import read_metrics

    return read_metrics(workspace.project)
