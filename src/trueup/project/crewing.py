"""The verb serve with several processes: the parent's side, and what each worker does."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from trueup.captures.shipping import Shipper
from trueup.errors import TrueupError, WrongUsage
from trueup.project.loading import Asked, allow, entry_of
from trueup.project.registering import chosen_environment, named, registry_of
from trueup.project.serving import (
    Assembled,
    Say,
    Wanted,
    assembled,
    names_of,
    never_failing,
    observer_of,
    spool_folder,
    to_stderr,
    tokens_again,
    tokens_for,
    warn_if_open,
    watched,
)
from trueup.project.workspace import Workspace, open_workspace
from trueup.registry.names import VersionName
from trueup.serving import logs
from trueup.serving.challengers import Challengers
from trueup.serving.http.app import Application
from trueup.serving.http.exposition import exposition
from trueup.serving.http.messages import PROMETHEUS, Reply, Request, text_reply
from trueup.serving.http.observed import observed
from trueup.serving.http.routes import answered_by
from trueup.serving.http.running import Beside, run
from trueup.serving.http.watching import Watching
from trueup.serving.plane import Plane
from trueup.serving.profiling import Profiling
from trueup.serving.swap import Follower
from trueup.serving.workers.crew import Crew, Orders
from trueup.serving.workers.link import Agreed, Link
from trueup.serving.workers.words import Failed, first

_WORKER = "from trueup.project.crewing import main; main()"
_NEVER_S = 1e9  # the parent looks


class Task(msgspec.Struct, frozen=True):
    """What a worker is told of what is wanted."""

    root: str
    wanted: Wanted


class _Folder(msgspec.Struct, frozen=True):
    folder: Path


class _Names:
    """What names stand for; it loads nothing."""

    def __init__(self, workspace: Workspace, names: dict[str, VersionName], asked: Asked) -> None:
        self._registry, self._names = registry_of(workspace), names
        self._environment = asked.environment

    def newest(self, line: str) -> int:
        """Return the version that a line's name stands for now."""
        return self._registry.resolve(self._names[line], self._environment).version.version


def serve_with_workers(workspace: Workspace, wanted: Wanted, say: Say) -> None:
    """Serve with several processes until a signal comes; this one ships their captures."""
    if sys.platform != "linux":
        raise WrongUsage(
            "several workers share a port on Linux alone", remedy="Start more replicas instead"
        )
    asked = Asked(
        chosen_environment(workspace, wanted.environment), override=wanted.override, why=wanted.why
    )
    texts = names_of(workspace, wanted.names)
    names = {line: named(workspace, text) for line, text in texts.items()}
    source = _Names(workspace, names, asked)
    for name in names.values():
        found = registry_of(workspace).resolve(name, asked.environment)
        allow(workspace, name.model, found.version, asked)
    entries = [entry_of(workspace, name.model) for name in names.values()]
    first_model = next(iter(names.values())).model
    warn_if_open(tokens_for(workspace, first_model), wanted.address, say)
    poll_s = min(one.serve.poll for one in entries)
    full = {line: name.model for line, name in names.items()}
    observer = observer_of(workspace, wanted, full, poll_s, say)

    def started() -> None:
        say(f"at {wanted.address}, by {wanted.workers} workers")
        observer.begin()

    orders = Orders(
        wanted.workers,
        _start,
        msgspec.json.encode(Task(str(workspace.root), wanted), enc_hook=str),
        {line: source.newest(line) for line in names},
        poll_s,
        say,
        started,
        lambda: observed(observer),
    )
    folder = spool_folder(workspace, first_model)
    profiling = Profiling(workspace.bucket, observer.scheme, say)
    shipper = Shipper(_Folder(folder), workspace.bucket, tell=say, beside=profiling)
    try:
        asyncio.run(Crew(source, orders).run())
    finally:
        observer.end()
        if not shipper.close():
            say(f"captures stay in {folder}: the next trueup serve ships them")


def _start(descriptor: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _WORKER, str(descriptor)],
        pass_fds=[descriptor],
        stdin=subprocess.DEVNULL,
    )


def main() -> None:
    """Be a worker, on the line whose descriptor is the only argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent has it too
    end = socket.socket(fileno=int(sys.argv[1]))
    begin = first(end)
    task = msgspec.json.decode(begin.wanted, type=Task, dec_hook=_path)

    def say(text: str) -> None:
        tell = never_failing(logs.say if task.wanted.log == "json" else to_stderr)
        tell(f"worker {begin.number}: {text}")

    logs.set_up(task.wanted.log)
    try:
        workspace = open_workspace(Path(task.root), os.environ)
        made = assembled(workspace, task.wanted, begin.versions, say)
    except TrueupError as error:
        end.sendall(msgspec.json.encode(Failed(error.problem, error.remedy)) + b"\n")
        raise SystemExit(1) from error
    try:
        with watched(made.plane, task.wanted, workspace.env) as watching:
            _work(workspace, made, _Wired(task.wanted, Link(end), watching), say)
    finally:
        made.plane.end()
        made.captures.close()
        workspace.close()


class _Wired(msgspec.Struct, frozen=True):
    wanted: Wanted
    link: Link
    watching: Watching


def _work(workspace: Workspace, made: Assembled, wired: _Wired, say: Say) -> None:
    plane, link = made.plane, wired.link
    plane.ready = False  # until all are
    link.newest = {line.name: line.live.named.version for line in plane.lines.values()}
    link.page = lambda: exposition(plane)
    follower = Follower(plane, Agreed(made.opener, link), _NEVER_S)
    challengers = Challengers(plane, made.opener, made.poll_s)
    follower.tell = challengers.tell = say

    async def look() -> None:
        await link.ask("look")
        await challengers.look()

    async def counts(_: Plane, request: Request) -> Reply:
        """Show every counter of all workers."""
        return text_reply(await link.ask("counts", link.page()), PROMETHEUS)

    plane.look = look
    application = Application(plane, answered_by("metrics", counts), made.tokens, wired.watching)

    def reload() -> None:
        application.tokens = tokens_again(workspace, plane.only.model, application.tokens, say)
        challengers.soon()

    link.reload = reload

    async def follow() -> None:
        await link.follow(plane, follower, made.says)

    run(plane, application, wired.wanted.address, Beside((follow, challengers.watch), link.look))


def _path(kind: Callable[[str], object], value: str) -> object:
    return kind(value)
