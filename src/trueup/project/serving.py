"""The verb serve: versions of the registry behind HTTP."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import trueup
from trueup.captures.records import rules_of
from trueup.captures.shipping import Shipper
from trueup.captures.spool import Spool
from trueup.config.model_entries import ModelEntry
from trueup.errors import WrongUsage
from trueup.models.artifact import Reading, open_model
from trueup.models.conversions import converted_of
from trueup.models.port import Trust
from trueup.models.signature import Signature, decode_signature
from trueup.project.registering import (
    DEV,
    chosen_environment,
    named,
    registry_of,
    stamp_of,
)
from trueup.project.workspace import Workspace, prepare_own_folder
from trueup.registry import moves
from trueup.registry.history import History
from trueup.registry.names import VersionName
from trueup.registry.records import Event, Overridden, Registered
from trueup.registry.refusals import Refusal
from trueup.registry.registry import Resolved
from trueup.serving.forms import Form, Itself, Session
from trueup.serving.http.app import Application
from trueup.serving.http.routes import ROUTES
from trueup.serving.http.running import Address, Beside, run
from trueup.serving.limits import limits_of
from trueup.serving.plane import Line, Plane
from trueup.serving.served import Named, Pool, Served, Terms
from trueup.serving.swap import Follower
from trueup.serving.tokens import tokens_of
from trueup.store.scopes import scope_from

if TYPE_CHECKING:
    from collections.abc import Callable


class Wanted(msgspec.Struct, frozen=True):
    """What to serve, and where."""

    names: tuple[str, ...] = ()  # none: the project's models
    environment: str = ""
    address: Address = Address()
    override: bool = False
    why: str = ""


def serve(workspace: Workspace, wanted: Wanted, say: "Callable[[str], None]") -> None:
    """Serve until a signal comes. Raises Refused for a version that may not be served there."""
    environment = chosen_environment(workspace, wanted.environment)
    opener = Opener(workspace, environment, wanted)
    lines = [opener.line(name) for name in _names(workspace, wanted)]
    twice = [one.name for one in lines if sum(other.name == one.name for other in lines) > 1]
    if twice:
        raise WrongUsage(
            f"two models would be served as {twice[0]!r}", remedy="Serve one of them elsewhere"
        )
    captures = _spool(workspace, lines, say)
    shipper = Shipper(captures, workspace.bucket, tell=say)
    try:
        _run(opener, Plane(lines, captures, trueup.__version__), wanted, say)
    finally:
        captures.close()
        if not shipper.close():
            say(f"captures stay in {captures.folder}: the next trueup serve ships them")


def _run(opener: "Opener", plane: Plane, wanted: Wanted, say: "Callable[[str], None]") -> None:
    workspace, lines = opener.workspace, list(plane.lines.values())
    tokens = tokens_of(_entry(workspace, lines[0].model).serve.auth, workspace.project.file)
    for line in lines:
        live = line.live
        say(f"{live.named} answers as {live.form.says}, {live.timing.of(1) * 1e6:.0f} us a row")
    if not tokens and not wanted.address.is_loopback:
        say("warning: no tokens are configured, so whoever reaches the port may ask")
    follower = Follower(plane, opener, min(opener.poll_s(line) for line in lines))
    follower.tell = say
    plane.look = follower.look
    beside = Beside((follower.watch,), follower.soon, lambda: say(f"at {wanted.address}"))
    run(plane, Application(plane, ROUTES, tokens), wanted.address, beside)


def _spool(workspace: Workspace, lines: list[Line], say: "Callable[[str], None]") -> Spool:
    """Return the spool that all lines write to; the first model's configuration says where."""
    entries = {line.model: _entry(workspace, line.model).serve.capture for line in lines}
    folder = entries[lines[0].model].spool
    place = workspace.root / folder if folder else prepare_own_folder(workspace.root) / "captures"
    rules = {model: rules_of(entry) for model, entry in entries.items()}
    return Spool(place, rules=rules, tell=say)


class Opener:
    """Turns names of versions into versions in memory."""

    def __init__(self, workspace: Workspace, environment: str, wanted: Wanted) -> None:
        self.workspace, self._environment, self._wanted = workspace, environment, wanted
        self._registry = registry_of(workspace)
        workers = os.cpu_count() or 1
        self._pool = Pool(ThreadPoolExecutor(workers, "model"), workers)
        self._names: dict[str, VersionName] = {}

    def line(self, text: str) -> Line:
        """Return a line that answers by the version which a name stands for now."""
        name = named(self.workspace, text)
        found = self._registry.resolve(name, self._environment)
        line = Line(name.model.rpartition("/")[2], self.served(name, found), self.terms(name))
        self._names[line.name] = name
        return line

    def newest(self, line: Line) -> int:
        """Return the version that a line's name stands for now; a number stays what it is."""
        return self._registry.resolve(self._names[line.name], self._environment).version.version

    def load(self, line: Line, version: int) -> Served:
        """Return a version in memory, beside the live one."""
        name = self._names[line.name]
        exact = msgspec.structs.replace(name, version=version, alias="")
        found = self._registry.resolve(exact, self._environment)
        return self.served(name, found)

    def poll_s(self, line: Line) -> float:
        """Return how often a line's alias is looked up."""
        return _entry(self.workspace, line.model).serve.poll

    def terms(self, name: VersionName) -> Terms:
        """Return how a model is served, as trueup.yaml says."""
        entry = _entry(self.workspace, name.model)
        limits = limits_of(entry.serve.limits, self.workspace.project.file)
        return Terms(limits, entry.serve.strict)

    def served(self, name: VersionName, found: Resolved) -> Served:
        """Return a version in memory, if it may be served in this environment."""
        self._allow(name.model, found.version)
        form, signature = self._form(name.model, found.version)
        label = Named(
            name.model, found.version.version, found.version.model.digest, name.alias or found.alias
        )
        return Served(label, form, signature, self._pool, self.terms(name))

    def _allow(self, model: str, version: Registered) -> None:
        wanted = self._wanted
        if wanted.override and not wanted.why:
            raise WrongUsage("--override wants a reason", remedy="Give it with: --why REASON")
        stamp = stamp_of(self.workspace)
        use = Overridden(
            at=stamp.at,
            by=stamp.by,
            version=version.version,
            environment=self._environment,
            use="serve",
            why=wanted.why if wanted.override else "",
        )
        is_dev = self._environment == DEV

        def decide(history: History) -> Event | Refusal | None:
            return moves.use(history, use, is_dev=is_dev)

        allowed = decide(self._registry.history(model))
        if isinstance(allowed, Refusal):
            raise allowed.error()
        if allowed is not None:
            self._registry.write(model, decide)

    def _form(self, model: str, version: Registered) -> tuple[Form, Signature]:
        workspace = self.workspace
        scopes = scope_from(workspace.env, workspace.bucket).reads
        conversion = converted_of(workspace.bucket, version.model.digest, scopes)
        if conversion is not None and conversion.artifact is not None:
            place = self._place(conversion.artifact.digest) / "model.onnx"
            workspace.results.place(conversion.artifact, place)
            return Session(conversion, place), conversion.signature
        signature = self._signature(model, version)
        place = self._place(version.model.digest) / "model"
        workspace.results.place(version.model, place)
        entry = _entry(workspace, model)
        trust = Trust.of(model.rpartition("/")[2], entry.trust)
        reading = Reading(tuple(one.name for one in signature.inputs), signature)
        return Itself(open_model(place, trust, reading, version.model)), signature

    def _signature(self, model: str, version: Registered) -> Signature:
        part = version.parts.get("signature")
        if part is None:
            raise WrongUsage(
                f"{model}/{version.version} has no signature, so no request can be checked",
                remedy="Register it with its evaluation data: trueup gate, then trueup register",
            )
        return decode_signature(self.workspace.results.read(part))

    def _place(self, digest: str) -> Path:
        place = prepare_own_folder(self.workspace.root) / "serving" / digest[:32]
        place.mkdir(parents=True, exist_ok=True)
        return place


def _names(workspace: Workspace, wanted: Wanted) -> list[str]:
    names = list(wanted.names) or list(workspace.project.models)
    if not names:
        raise WrongUsage(
            "there is no model to serve", remedy="Name one: trueup serve MODEL[@ALIAS|/N]"
        )
    return names


def _entry(workspace: Workspace, model: str) -> ModelEntry:
    project, _, own = model.partition("/")
    known = workspace.project.models
    if project == workspace.project.name and own in known:
        found: ModelEntry = known[own]
        return found
    return ModelEntry()
