"""The verb serve: versions of the registry behind HTTP."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

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
from trueup.serving import logs
from trueup.serving.challengers import Challengers
from trueup.serving.http import certificates
from trueup.serving.http.app import Application
from trueup.serving.http.claiming import claimed
from trueup.serving.http.observed import metrics_with
from trueup.serving.http.routes import answered_by
from trueup.serving.http.running import Address, Beside, run
from trueup.serving.http.traces import Telemetry, wishes_of
from trueup.serving.http.watching import Watching
from trueup.serving.observing import Observer
from trueup.serving.plane import Line, Plane
from trueup.serving.profiling import Profiling
from trueup.serving.swap import Follower
from trueup.serving.tokens import Surroundings, Tokens, tokens_of

Say: TypeAlias = Callable[[str], None]


class Wanted(msgspec.Struct, frozen=True):
    """What to serve, and where."""

    names: tuple[str, ...] = ()  # none: the project's models
    environment: str = ""
    address: Address = Address()
    override: bool = False
    why: str = ""
    workers: int = 1
    log: logs.Form = "text"
    access_log: bool = False


class Assembled(msgspec.Struct, frozen=True):
    """All that one process needs to answer."""

    opener: Opener
    plane: Plane
    captures: Spool
    tokens: Tokens

    @property
    def says(self) -> tuple[str, ...]:
        """Return how each line answers."""
        return tuple(line.live.told for line in self.plane.lines.values())

    @property
    def poll_s(self) -> float:
        """Return how often the aliases are looked up."""
        return min(self.opener.poll_s(line) for line in self.plane.lines.values())


def serve(workspace: Workspace, wanted: Wanted, say: Say) -> None:
    """Serve until a signal comes. Raises Refused for a version that may not be served there."""
    logs.set_up(wanted.log)
    say = never_failing(logs.say if wanted.log == "json" else say)
    certificates.check(wanted.address.certificate, wanted.address.key)
    with claimed(wanted.address) as address:
        wanted = msgspec.structs.replace(wanted, address=address)
        if wanted.workers > 1:
            from trueup.project.crewing import serve_with_workers

            serve_with_workers(workspace, wanted, say)
        else:
            _serve_here(workspace, wanted, say)


def _serve_here(workspace: Workspace, wanted: Wanted, say: Say) -> None:
    made = assembled(workspace, wanted, {}, say)
    models = {line.name: line.model for line in made.plane.lines.values()}
    observer = observer_of(workspace, wanted, models, made.poll_s, say)
    profiling = Profiling(workspace.bucket, observer.scheme, say)
    shipper = Shipper(made.captures, workspace.bucket, tell=say, beside=profiling)
    try:
        with watched(made.plane, wanted, workspace.env) as watching:
            _run(workspace, wanted, made, _Around(watching, observer), say)
    finally:
        observer.end()
        made.plane.end()
        made.captures.close()
        if not shipper.close():
            say(f"captures stay in {made.captures.folder}: the next trueup serve ships them")


class _Around(msgspec.Struct, frozen=True):
    watching: Watching
    observer: Observer


def _run(workspace: Workspace, wanted: Wanted, made: Assembled, around: _Around, say: Say) -> None:
    plane, follower = made.plane, Follower(made.plane, made.opener, made.poll_s)
    challengers = Challengers(plane, made.opener, made.poll_s)
    follower.tell = challengers.tell = say
    routes = answered_by("metrics", metrics_with(around.observer))
    application = Application(plane, routes, made.tokens, around.watching)

    async def look() -> None:
        await follower.look()
        await challengers.look()

    def look_again() -> None:
        application.tokens = tokens_again(workspace, plane.only.model, application.tokens, say)
        follower.soon()
        challengers.soon()

    plane.look = look
    for text in made.says:
        say(text)
    warn_if_open(made.tokens, wanted.address, say)

    def started() -> None:
        say(f"at {wanted.address}")
        around.observer.begin()

    beside = Beside((follower.watch, challengers.watch), look_again, started)
    run(plane, application, wanted.address, beside)


def assembled(
    workspace: Workspace, wanted: Wanted, versions: Mapping[str, int], say: Say
) -> Assembled:
    """Return what answers: each name's version of now, or the one that is said by line."""
    environment = chosen_environment(workspace, wanted.environment)
    opener = Opener(workspace, Asked(environment, override=wanted.override, why=wanted.why))
    names = names_of(workspace, wanted.names)
    lines = [opener.line(name, versions.get(line, 0)) for line, name in names.items()]
    captures = _spool(workspace, lines, say)
    plane = Plane(lines, captures, trueup.__version__)
    return Assembled(opener, plane, captures, tokens_for(workspace, lines[0].model))


def observer_of(
    workspace: Workspace, wanted: Wanted, models: Mapping[str, str], poll_s: float, say: Say
) -> Observer:
    """Return what reads of these models, by line, what monitoring and the loop write."""
    environment = chosen_environment(workspace, wanted.environment)
    return Observer(workspace.bucket, models, environment, poll_s=poll_s, tell=say)


@contextmanager
def watched(plane: Plane, wanted: Wanted, env: Mapping[str, str]) -> Iterator[Watching]:
    """Give what is told of requests; what was not sent to a collector is sent at the end."""
    wishes = wishes_of(env)
    if not (wishes.traces or wishes.logs):
        yield Watching(wanted.access_log)
        return
    telemetry = Telemetry(plane, wishes, trueup.__version__)
    try:
        yield Watching(wanted.access_log, telemetry if wishes.traces else None)
    finally:
        telemetry.end()


def names_of(workspace: Workspace, names: tuple[str, ...]) -> dict[str, str]:
    """Return the names of what is served by line; WrongUsage where two would be one."""
    from trueup.project.registering import named

    names = names or tuple(workspace.project.models)
    if not names:
        raise WrongUsage(
            "there is no model to serve", remedy="Name one: trueup serve MODEL[@ALIAS|/N]"
        )
    found: dict[str, str] = {}
    for name in names:
        line = named(workspace, name).model.rpartition("/")[2]
        if line in found:
            raise WrongUsage(
                f"two models would be served as {line!r}", remedy="Serve one of them elsewhere"
            )
        found[line] = name
    return found


def tokens_again(workspace: Workspace, model: str, before: Tokens, say: Say) -> Tokens:
    """Return the tokens as trueup.yaml has them now; those of before where it cannot be read."""
    from trueup.errors import TrueupError

    again = Workspace(workspace.root, workspace.env)
    try:
        return tokens_for(again, model)
    except TrueupError as error:
        say(f"the tokens stay as they were: {error.problem}")
        return before


def spool_folder(workspace: Workspace, model: str) -> Path:
    """Return where captures are written first, as the first model's configuration says."""
    folder = entry_of(workspace, model).serve.capture.spool
    return workspace.root / folder if folder else prepare_own_folder(workspace.root) / "captures"


def warn_if_open(tokens: Tokens, address: Address, say: Say) -> None:
    """Say so where whoever reaches the port may ask."""
    if not tokens and not address.is_loopback:
        say("warning: no tokens are configured, so whoever reaches the port may ask")


def tokens_for(workspace: Workspace, model: str) -> Tokens:
    """Return who may ask, as the first model's configuration says."""
    around = Surroundings(workspace.env, workspace.root)
    return tokens_of(entry_of(workspace, model).serve.auth, workspace.project.file, around)


def _spool(workspace: Workspace, lines: list[Line], say: Say) -> Spool:
    rules = {line.model: rules_of(entry_of(workspace, line.model).serve.capture) for line in lines}
    return Spool(spool_folder(workspace, lines[0].model), rules=rules, tell=say)


def never_failing(say: Say) -> Say:
    """Return what tells the same, or nothing where it cannot: the log's disk may be full too."""

    def told(text: str) -> None:
        with suppress(OSError):
            say(text)

    return told


def to_stderr(text: str) -> None:
    """Tell whoever has started the process."""
    print(text, file=sys.stderr, flush=True)
