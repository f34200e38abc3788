"""The verbs tick, loop explain and loop resume: one model's loop, wired to this checkout."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING

import msgspec

from trueup import clock
from trueup.config.model_entries import ModelEntry
from trueup.errors import TrueupError, WrongUsage
from trueup.loop.equipment import Loop
from trueup.loop.events import Decided, MessageSent, Resumed
from trueup.loop.explaining import Explanation
from trueup.loop.heartbeat import leaving
from trueup.loop.history import History
from trueup.loop.journal import Journal
from trueup.loop.policy import HOLDOUT, Policy, policy_of
from trueup.loop.ports import Forge, Message, Messenger, Ports, Sent
from trueup.loop.ticking import Ticked
from trueup.loop.ticking import tick as passed
from trueup.loop.watching import Pace, stopped_by_signals
from trueup.loop.watching import watch as repeated
from trueup.pipeline.outcome import Progress, Quiet
from trueup.project.loading import entry_of
from trueup.project.observing import observer_of
from trueup.project.registering import chosen_environment, model_entry, named, stamp_of
from trueup.project.workspace import Workspace

if TYPE_CHECKING:
    from trueup.integrations.notifications.posting import Post
    from trueup.project.retraining import Elsewhere, Here


class Wanted(msgspec.Struct, frozen=True):
    """Which model's loop, where, and for which moment."""

    name: str  # [PROJECT/]MODEL
    environment: str = ""
    now: datetime | None = None  # None: this moment


def tick(
    workspace: Workspace,
    wanted: Wanted,
    *,
    every_s: float = 0.0,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Ticked:
    """Make one pass of a model's loop and return what came of it; a dry run only looks.

    It leaves a sign of life where it is said how soon the next pass comes.
    """
    loop = loop_of(workspace, wanted, look_only=dry_run, progress=progress)
    told = every_s > 0 and not dry_run
    sign = leaving(workspace.bucket, loop.policy.model, every_s) if told else nullcontext()
    with sign, _borrowing(loop.ports.forge):
        return passed(loop, wanted.now, dry_run=dry_run)


def watch(
    workspace: Workspace,
    names: Sequence[str],
    pace: Pace,
    *,
    environment: str = "",
    say: Callable[[str], None] = lambda said: None,
) -> int:
    """Repeat passes of models, all that have a loop where none is named; return the rounds.

    The project is opened anew for each pass, so that a changed file counts from the next one.
    """
    chosen = list(names) or looped_models(workspace)
    if not chosen:
        raise WrongUsage(
            "no model of this project has a loop",
            remedy="Say when one is retrained, under models: NAME: loop: when:",
            place=workspace.project.file,
        )
    chosen = [policy_for(workspace, Wanted(name, environment)).model for name in chosen]

    def tell(model: str, what: Ticked | TrueupError) -> None:
        if isinstance(what, TrueupError):
            say(f"{model}: {what}")
            return
        done = [one for one in what.decision.actions if isinstance(one, Decided)]
        for one in done:
            say(f"{model}: {one.do}, because {one.cause.says}")
        for each in what.carried:
            say(f"{model}: {each.end or 'goes on'}: {each.says}")

    def pass_of(name: str) -> Callable[[], Ticked]:
        def once() -> Ticked:
            anew = Workspace(workspace.root, workspace.env, workspace.start)
            try:
                return tick(anew, Wanted(name, environment))
            finally:
                anew.close()

        return once

    stop = Event()
    ticks = [(name, pass_of(name)) for name in chosen]
    with stopped_by_signals(stop):
        return repeated(workspace.bucket, ticks, pace, tell, stop)


def explain(workspace: Workspace, wanted: Wanted) -> Explanation:
    """Return what a model's loop has decided, what it would do now, and why it does no more."""
    from trueup.loop.deciding import decide

    loop = loop_of(workspace, wanted, look_only=True)
    history = loop.journal().history()
    now = wanted.now or clock.now()
    seen = loop.observe(now)
    return Explanation(loop.policy, history, decide(loop.policy, history, seen, now), now, seen)


def resume(workspace: Workspace, wanted: Wanted, why: str) -> History:
    """Let a loop retrain again that had stopped since retrains did not help."""
    if not why:
        raise WrongUsage("that wants a reason", remedy="Give it with: --why REASON; it is recorded")
    loop = loop_of(workspace, wanted, look_only=True)
    event = Resumed(at=wanted.now or clock.now(), by=loop.by, why=why)
    return loop.journal().write(lambda history: event)


def loop_of(
    workspace: Workspace,
    wanted: Wanted,
    *,
    look_only: bool = False,
    progress: Progress | None = None,
) -> Loop:
    """Return a model's loop as this process works on it; WrongUsage where none is declared."""
    policy = policy_for(workspace, wanted)
    own = workspace.own / "state" / "loop" if workspace.own.is_dir() else None
    return Loop(
        policy=policy,
        bucket=workspace.bucket,
        observe=observer_of(workspace, policy, checks=not look_only),
        ports=_ports(workspace, policy, progress or Quiet(), look_only=look_only),
        by=str(stamp_of(workspace).by),
        cache=own,
    )


def policy_for(workspace: Workspace, wanted: Wanted) -> Policy:
    """Return the policy that the project declares for a model."""
    name = named(workspace, wanted.name)
    if name.version is not None or name.alias:
        raise WrongUsage(
            f"{name} is one version: a loop is of a model", remedy=f"Name the model: {name.model}"
        )
    model = name.model.removeprefix(f"{workspace.project.name}/")
    entry: ModelEntry = model_entry(workspace, model)
    if entry.loop is None or not entry.loop.when:
        raise WrongUsage(
            f"the model {model!r} has no loop",
            remedy=f"Say when it is retrained, under models: {model}: loop: when:, such as"
            ' {schedule: "17 4 * * 1", do: retrain}',
            place=workspace.project.file,
        )
    environment = chosen_environment(workspace, wanted.environment)
    return policy_of(name.model, environment, entry.loop, workspace.project.file)


def looped_models(workspace: Workspace) -> list[str]:
    """Return the project's models that have a loop."""
    models: Mapping[str, ModelEntry] = workspace.project.models
    return [name for name, entry in models.items() if entry.loop and entry.loop.when]


def _ports(
    workspace: Workspace, policy: Policy, progress: Progress, *, look_only: bool = False
) -> Ports:
    from trueup.project.guarding import DataGuard
    from trueup.project.lookback import lookback_of
    from trueup.project.retraining import Here
    from trueup.project.trials import Trials, check_trial

    _check_recipe(workspace, policy)
    check_trial(workspace, policy)
    here = Here(workspace.root, workspace.env, policy.params, progress)
    if not look_only:
        here.elsewhere = _elsewhere(workspace, policy)
    return Ports(
        guard=DataGuard(workspace, entry_of(workspace, policy.model), here),
        trainer=here,
        gatekeeper=here,
        promoter=here,
        forge=None if look_only else _forge(workspace, policy, here),
        messenger=_messenger(workspace, policy),
        lookback=None if look_only else lookback_of(workspace, policy),
        trial=Trials(workspace, policy),
        refitter=here if policy.refit else None,
    )


def _check_recipe(workspace: Workspace, policy: Policy) -> None:
    """Refuse, before anything is trained, what this loop could not carry to its end."""
    place = str(workspace.project.file)
    if policy.holdout_s is not None:
        from trueup.project.withholding import check_holdout

        check_holdout(entry_of(workspace, policy.model), place)
    if not policy.refit:
        return
    if policy.then not in ("canary", "person"):
        raise WrongUsage(
            f"loop: retrain: refit makes a model that no gate has judged, and then: {policy.then}"
            " would take it live without a trial",
            remedy="Write then: canary, or then: person; or leave refit out",
            place=place,
        )
    if HOLDOUT not in policy.params.values():
        raise WrongUsage(
            "loop: retrain: refit trains on the rows of the hold-out too, and no parameter says"
            " where that begins",
            remedy="Set one to it under loop: retrain: params:, such as prepare.until: holdout",
            place=place,
        )


def _elsewhere(workspace: Workspace, policy: Policy) -> "Elsewhere | None":
    """Return what trains for this loop, where that is not this process."""
    if policy.where == "here":
        return None
    _check_shared(workspace, policy)
    loop = entry_of(workspace, policy.model).loop
    assert loop is not None  # noqa: S101 - the policy is made of it
    if policy.where == "ci":
        from trueup.project.retraining_in_ci import Workflow

        return Workflow(workspace, policy.model, loop.retrain.ci, clock.now)
    from trueup.project.retraining_on_ray import Jobs

    return Jobs(workspace, policy.model, loop.retrain.ray)


def _check_shared(workspace: Workspace, policy: Policy) -> None:
    """Refuse a bucket in this checkout: nothing that is made elsewhere would come to be in it."""
    from trueup.store.folder import FolderBucket

    bucket = workspace.bucket
    own = workspace.root.resolve()
    far = isinstance(bucket, FolderBucket) and not bucket.root.resolve().is_relative_to(own)
    if bucket.remote or far:
        return
    raise WrongUsage(
        f"where: {policy.where} wants a bucket that both sides reach, and the store is"
        f" {workspace.store_url}",
        remedy="Name the team's bucket: store: s3://bucket/prefix, or TRUEUP_STORE=...",
        place=workspace.project.file,
    )


def _forge(workspace: Workspace, policy: Policy, here: "Here") -> Forge | None:
    """Return what proposes, and have it look before anything is trained."""
    if policy.then != "pull_request":
        return None
    from trueup.project.proposing import PullRequests

    requests = PullRequests(workspace, policy, here)
    here.ready, here.borrow = requests.check, requests.borrow
    return requests


def _borrowing(forge: Forge | None) -> AbstractContextManager[None]:
    """Put back after a pass what was changed in the checkout for a pull request."""
    from trueup.project.proposing import PullRequests

    return forge.passing() if isinstance(forge, PullRequests) else nullcontext()


def _messenger(workspace: Workspace, policy: Policy) -> Messenger | None:
    if not workspace.project.notify:
        return None
    from trueup.integrations.notifications.channels import channels_of
    from trueup.integrations.notifications.posting import Courtesy, Post

    def past() -> list[MessageSent]:
        return list(Journal(workspace.bucket, policy.model).history().sent.values())

    channels = channels_of(workspace.project.notify, workspace.env)
    return _Posting(Post(channels, workspace.env, Courtesy(past=past, now=clock.now)))


class _Posting:
    """Tells through the channels of ``notify:``."""

    def __init__(self, post: "Post") -> None:
        self._post = post

    def send(self, message: Message) -> Sent:
        """Return which channels took it."""
        posted = self._post.send(message)
        return Sent(posted.channels, posted.dead, posted.held)
