"""Versions of the registry in memory: what answers for one, and whether it may be used at all."""

from pathlib import Path

import msgspec

from trueup.config.model_entries import ModelEntry
from trueup.errors import WrongUsage
from trueup.models.artifact import Model, Reading, open_model
from trueup.models.conversions import Conversion, converted_of
from trueup.models.golden import PART, Golden, decode_golden
from trueup.models.libraries import needs_no_other
from trueup.models.port import Trust
from trueup.models.signature import Signature, decode_signature, narrowed
from trueup.project.registering import DEV, registry_of, stamp_of
from trueup.project.workspace import Workspace, prepare_own_folder
from trueup.registry import moves
from trueup.registry.history import History
from trueup.registry.records import Event, Overridden, Registered
from trueup.registry.refusals import Refusal
from trueup.serving.forms import Form, Itself, Session
from trueup.serving.golden import require_golden
from trueup.store.scopes import scope_from


class Asked(msgspec.Struct, frozen=True):
    """Where a version is to be used and for what, and why although it has not passed."""

    environment: str
    use: str = "serve"
    override: bool = False
    why: str = ""


def form_of(workspace: Workspace, model: str, version: Registered) -> tuple[Form, Signature]:
    """Return the quickest verified form of a version, which has answered its golden requests.

    NotProven where it does not answer them as the version did when it was registered.
    """
    scopes = scope_from(workspace.env, workspace.bucket).reads
    conversion = converted_of(workspace.bucket, version.model.digest, scopes)
    form, signature, difference = _opened(workspace, model, version, conversion)
    golden = golden_requests(workspace, version)
    if golden is None:
        proven = "it has no golden requests, so nothing was asked of it before"
    else:
        require_golden(f"{model}/{version.version}", form, signature, golden, difference)
        proven = f"{golden.rows} golden requests are answered as they must be"
    form.why = "; ".join(filter(None, (form.why, proven)))
    return form, signature


def golden_requests(workspace: Workspace, version: Registered) -> Golden | None:
    """Return what a version must answer, as it was registered; None where it was without."""
    part = version.parts.get(PART)
    return None if part is None else decode_golden(workspace.results.read(part))


def _opened(
    workspace: Workspace, model: str, version: Registered, conversion: Conversion | None
) -> tuple[Form, Signature, float | None]:
    """Return a form, and how far from the model itself it was allowed to be."""
    if conversion is None or conversion.artifact is None:
        return *_itself(workspace, model, version), None
    timings, why = conversion.timings, ""
    if timings is not None:
        why = f"{timings.form} where it was converted; as {timings.format} {timings.own}"
        if timings.own_is_quicker and needs_no_other(timings.format):
            form, signature = _itself(workspace, model, version)
            form.why = f"{timings.own} where it was converted; as ONNX {timings.form}"
            return form, signature, None
    place = _place(workspace, conversion.artifact.digest) / "model.onnx"
    workspace.results.place(conversion.artifact, place)
    session = Session.opened(conversion, place)
    session.why = why
    return session, conversion.signature, conversion.bounds.difference


def _itself(workspace: Workspace, model: str, version: Registered) -> tuple[Form, Signature]:
    opened, signature = model_of(workspace, model, version)
    return Itself(opened), signature


def model_of(workspace: Workspace, model: str, version: Registered) -> tuple[Model, Signature]:
    """Return a version as it was stored, in its own format, with what it takes."""
    signature = _signature(workspace, model, version)
    place = _place(workspace, version.model.digest) / "model"
    workspace.results.place(version.model, place)
    entry = entry_of(workspace, model)
    trust = Trust.of(model.rpartition("/")[2], entry.trust)
    opened = open_model(place, trust, artifact=version.model)
    names = tuple(one.name for one in signature.inputs)
    if opened.inputs and set(opened.inputs) <= set(names):  # what it does not take is not asked for
        names, signature = opened.inputs, narrowed(signature, opened.inputs)
    return opened.read_as(Reading(names, signature)), signature


def allow(workspace: Workspace, model: str, version: Registered, asked: Asked) -> None:
    """Raise Refused where a version has not passed; an override is recorded."""
    if asked.override and not asked.why:
        raise WrongUsage("--override wants a reason", remedy="Give it with: --why REASON")
    stamp = stamp_of(workspace)
    use = Overridden(
        at=stamp.at,
        by=stamp.by,
        version=version.version,
        environment=asked.environment,
        use=asked.use,
        why=asked.why if asked.override else "",
    )
    is_dev = asked.environment == DEV

    def decide(history: History) -> Event | Refusal | None:
        return moves.use(history, use, is_dev=is_dev)

    registry = registry_of(workspace)
    allowed = decide(registry.history(model))
    if isinstance(allowed, Refusal):
        raise allowed.error()
    if allowed is not None:
        registry.write(model, decide)


def entry_of(workspace: Workspace, model: str) -> ModelEntry:
    """Return what trueup.yaml says of a model by its full name; the defaults for another's."""
    project, _, own = model.partition("/")
    known = workspace.project.models
    if project == workspace.project.name and own in known:
        found: ModelEntry = known[own]
        return found
    return ModelEntry()


def _signature(workspace: Workspace, model: str, version: Registered) -> Signature:
    part = version.parts.get("signature")
    if part is None:
        raise WrongUsage(
            f"{model}/{version.version} has no signature, so no request can be checked",
            remedy="Register it with its evaluation data: trueup gate, then trueup register",
        )
    return decode_signature(workspace.results.read(part))


def _place(workspace: Workspace, digest: str) -> Path:
    place = prepare_own_folder(workspace.root) / "serving" / digest[:32]
    place.mkdir(parents=True, exist_ok=True)
    return place
