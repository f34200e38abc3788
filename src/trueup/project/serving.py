"""The verb serve: versions of the registry behind HTTP."""

from typing import TYPE_CHECKING

import msgspec

import trueup
from trueup.captures.records import rules_of
from trueup.captures.shipping import Shipper
from trueup.captures.spool import Spool
from trueup.errors import WrongUsage
from trueup.project.loading import Asked, entry_of
from trueup.project.opening import Opener
from trueup.project.registering import chosen_environment
from trueup.project.workspace import Workspace, prepare_own_folder
from trueup.serving.http.app import Application
from trueup.serving.http.routes import ROUTES
from trueup.serving.http.running import Address, Beside, run
from trueup.serving.plane import Line, Plane
from trueup.serving.swap import Follower
from trueup.serving.tokens import tokens_of

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
    opener = Opener(workspace, Asked(environment, override=wanted.override, why=wanted.why))
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


def _run(opener: Opener, plane: Plane, wanted: Wanted, say: "Callable[[str], None]") -> None:
    workspace, lines = opener.workspace, list(plane.lines.values())
    tokens = tokens_of(entry_of(workspace, lines[0].model).serve.auth, workspace.project.file)
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
    entries = {line.model: entry_of(workspace, line.model).serve.capture for line in lines}
    folder = entries[lines[0].model].spool
    place = workspace.root / folder if folder else prepare_own_folder(workspace.root) / "captures"
    rules = {model: rules_of(entry) for model, entry in entries.items()}
    return Spool(place, rules=rules, tell=say)


def _names(workspace: Workspace, wanted: Wanted) -> list[str]:
    names = list(wanted.names) or list(workspace.project.models)
    if not names:
        raise WrongUsage(
            "there is no model to serve", remedy="Name one: trueup serve MODEL[@ALIAS|/N]"
        )
    return names
