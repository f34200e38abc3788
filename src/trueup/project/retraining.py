"""A retrain: the pipeline with the policy's parameters, here or elsewhere, gate and registry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from trueup.config.paths import normal
from trueup.delivery.delivering import Delivered, deliver
from trueup.errors import NotProven, WrongUsage
from trueup.loop.events import Decided
from trueup.loop.policy import HOLDOUT
from trueup.loop.ports import Judgement, Move, Training
from trueup.pipeline.outcome import Progress
from trueup.project import gating, promoting
from trueup.project.options import RunOptions
from trueup.project.registering import lineage_of, registry_of
from trueup.project.running import lacking, run
from trueup.project.workspace import Workspace
from trueup.registry.names import CHALLENGER
from trueup.registry.records import Promoted, RolledBack
from trueup.registry.refusals import ChampionMoved, Refused

if TYPE_CHECKING:
    from trueup.delivery.judging import Judgement as Judged

NOW = "now"  # in the parameters: the moment that is decided for
REFIT = "-refit"  # what the name of a decision ends with where its refit is trained


class Elsewhere(Protocol):
    """Runs the pipeline in another checkout, against the same bucket; by name, so only once."""

    def find(self, name: str) -> Training | None:
        """Return how far the run of a name is; None where there is none. Changes nothing."""
        ...

    def start(self, name: str, sets: Sequence[str]) -> Training:
        """Start a run with these parameters."""
        ...


class Here:
    """Trains, judges and moves one model in this checkout.

    Where ``elsewhere`` is set it trains nothing: it waits for the run there, and takes what that
    has made out of the bucket.

    A stage that a decision has made is found again by its key: after a kill the pipeline goes on
    from there, and what was made elsewhere in the meantime is put back as the decision has it.
    """

    def __init__(
        self, root: Path, env: Mapping[str, str], params: Mapping[str, Any], progress: Progress
    ) -> None:
        self._root, self._env = root, env
        self._params, self._progress = params, progress
        self.ready: Callable[[], None] = lambda: None  # raises what stands against training
        self.borrow: Callable[[], None] = lambda: None  # keeps what is changed in the checkout
        self.elsewhere: Elsewhere | None = None

    def find(self, decided: Decided) -> Training | None:
        """Return a run that goes on elsewhere; what is done lies in the cache: start finds it."""
        return self._found(decided.decision)

    def find_refit(self, decided: Decided) -> Training | None:
        """Return a refit's run that goes on elsewhere."""
        return self._found(decided.decision + REFIT)

    def start(self, decided: Decided) -> Training:
        """Run the pipeline with the policy's parameters; stages that are made already are kept.

        It has failed where rows of the hold-out were trained on.
        """
        self.ready()
        made = self._made(decided.decision, self._sets(decided), decided)
        if made.state != "done" or decided.holdout_from is None:
            return made
        from trueup.project.withholding import trespass

        workspace = self._opened()
        entry = workspace.project.models[_own(decided, workspace)]
        says = trespass(self._root, entry, decided.holdout_from)
        return Training("failed", made.reference, says) if says else made

    def refit(self, decided: Decided, version: int) -> Training:
        """Train once more without a hold-out, and register that as a refit of a version."""
        now = decided.cause.as_of
        sets = resolved(self._params, now, now)
        made = self._made(decided.decision + REFIT, sets, decided)
        if made.state != "done":
            return made
        workspace = self._opened()
        if not gating.subject_of(workspace, _own(decided, workspace)).scope.is_trusted:
            says = "a refit is registered in the scope trusted only"
            return Training("failed", made.reference, says)
        found = gating.register_model(workspace, _own(decided, workspace), refit_of=version)
        workspace.close()
        says = f"version {found.version.version} is a refit of version {version}, not judged itself"
        return msgspec.structs.replace(made, version=found.version.version, says=says)

    def make(self, decided: Decided, paths: Sequence[str]) -> str:
        """Bring files up to date for a decision, and return why that failed; empty: it did not."""
        self.borrow()
        workspace = self._opened()
        makers = {workspace.graph.producer(path) for path in paths} - {None}
        if not makers:
            return ""
        options = RunOptions(
            targets=tuple(sorted(str(one) for one in makers)), sets=self._sets(decided)
        )
        result = run(workspace, options, self._progress)
        if result.interrupted:
            raise KeyboardInterrupt
        return "" if not result.failures else f"the stage {result.failures[0].stage} failed"

    def settle(self, decided: Decided) -> None:
        """Put back what a decision has made, where something else lies in its place by now."""
        self.borrow()
        if self.elsewhere is not None:
            self._check_cached(self._sets(decided), decided)
        run(self._opened(), RunOptions(sets=self._sets(decided)), self._progress)

    def judge(self, decided: Decided, training: str) -> Judgement:
        """Register and judge what the decision has trained; nothing is promoted."""
        self.settle(decided)
        workspace = self._opened()
        model = _own(decided, workspace)
        subject = gating.subject_of(workspace, model, decided.environment)
        by_hand = msgspec.structs.replace(subject.entry, promote="manual")
        done = deliver(
            replace(subject, entry=by_hand),
            gating.candidate_here(workspace, subject),
            lambda: gating.register_model(workspace, model).version,
        )
        workspace.close()
        return _judgement(done)

    def promote(self, decided: Decided, version: int) -> Move:
        """Make a version champion, by its verdict alone."""
        workspace = self._opened()
        model = f"{workspace.project.name}/{_own(decided, workspace)}"
        last = _last_move(workspace, decided, version)
        if isinstance(last, RolledBack):
            says = f"version {version} was rolled back by {last.by}, which no loop undoes"
            return Move(False, version, says=says)
        if last is not None:  # by this decision, whose worker could not write it down
            return Move(True, version, last.before, f"version {version} was promoted")
        wanted = promoting.Wanted(decided.environment)
        try:
            found = promoting.promote(workspace, f"{model}/{version}", wanted)
        except ChampionMoved as error:
            return Move(False, version, says=error.problem, judge_again=True)
        except Refused as error:
            ask = error.refusal.reason in ("approval missing", "protected")
            return Move(False, version, says=f"{error.problem}. {error.remedy}", ask=ask)
        before = found.event.before if found.event else decided.champion
        return Move(True, version, before, f"version {version} is the champion")

    def try_out(self, decided: Decided, version: int) -> Move:
        """Give a version the alias challenger."""
        workspace = self._opened()
        model = f"{workspace.project.name}/{_own(decided, workspace)}"
        wanted = promoting.Wanted(decided.environment)
        try:
            promoting.alias(workspace, f"{model}/{version}", CHALLENGER, wanted)
        except Refused as error:
            return Move(False, version, says=f"{error.problem}. {error.remedy}")
        return Move(True, version, says=f"version {version} is the challenger")

    def roll_back(self, decided: Decided) -> Move:
        """End the trial that does harm, or let the champion of the decision give way."""
        workspace = self._opened()
        model = f"{workspace.project.name}/{_own(decided, workspace)}"
        standing = registry_of(workspace).so_far(model).standing(decided.environment)
        wanted = promoting.Wanted(decided.environment)
        if decided.cause.kind == "harm":
            on_trial = decided.cause.version
            if standing.aliases.get(CHALLENGER) != on_trial:
                return Move(True, on_trial, says=f"version {on_trial} is not on trial any more")
            promoting.alias(workspace, f"{model}/{on_trial}", CHALLENGER, wanted, remove=True)
            return Move(True, on_trial, says=f"version {on_trial} is not on trial any more")
        last = _last_move(workspace, decided, decided.champion or 0)
        if isinstance(last, RolledBack):
            return Move(True, last.to, last.version, f"version {last.version} was rolled back")
        if standing.champion != decided.champion:
            return Move(False, decided.champion, says="another version is the champion by now")
        why = decided.cause.says
        try:
            event = promoting.rollback(workspace, model, decided.environment, why)
        except Refused as error:
            return Move(False, decided.champion, says=f"{error.problem}. {error.remedy}")
        return Move(True, event.to, decided.champion, f"version {event.to} is the champion again")

    def _opened(self) -> Workspace:
        return Workspace(self._root, self._env)

    def _found(self, name: str) -> Training | None:
        found = self.elsewhere.find(name) if self.elsewhere is not None else None
        return found if found is not None and found.state == "running" else None

    def _made(self, name: str, sets: tuple[str, ...], decided: Decided) -> Training:
        """Bring the pipeline up to date here; or as far as it was made elsewhere."""
        if self.elsewhere is not None:
            found = self.elsewhere.find(name) or self.elsewhere.start(name, sets)
            if found.state != "done":
                return found
            self._check_cached(sets, decided)
        result = run(self._opened(), RunOptions(sets=sets), self._progress)
        if result.interrupted:
            raise KeyboardInterrupt
        if result.failures:
            first = result.failures[0]
            says = f"the stage {first.stage} failed: {first.error}\n{first.tail}".strip()
            return Training("failed", result.run or "", says)
        return Training("done", result.run or self._run_before(decided))

    def _check_cached(self, sets: tuple[str, ...], decided: Decided) -> None:
        """Raise where something would have to be computed here that was to be made elsewhere."""
        workspace = self._opened()
        entry = workspace.project.models[_own(decided, workspace)]
        evaluate = entry.evaluate
        paths = [str(entry.path), *((evaluate.data, evaluate.predictions) if evaluate else ())]
        normed = [normal(path, ".", str(self._root)) for path in paths if path]
        makers = {workspace.graph.producer(path) for path in normed} - {None}
        targets = tuple(sorted(str(one) for one in makers))
        missing = lacking(workspace, RunOptions(targets=targets, sets=sets))
        if missing:
            raise NotProven(
                f"the stage {missing[0]} was run elsewhere, and the bucket's cache does not have"
                " it as this checkout would make it",
                remedy="Have both use one bucket, commit, scope and environment; what differs is"
                " said there by: trueup status",
            )

    def _sets(self, decided: Decided) -> tuple[str, ...]:
        return resolved(self._params, decided.cause.as_of, decided.holdout_from)

    def _run_before(self, decided: Decided) -> str:
        workspace = self._opened()
        entry = workspace.project.models[_own(decided, workspace)]
        return lineage_of(workspace, str(entry.path))[1] if entry.path else ""


def resolved(
    params: Mapping[str, Any], now: datetime, holdout: datetime | None = None
) -> tuple[str, ...]:
    """Return parameters as --set takes them.

    ``now`` is the moment that is decided for, ``holdout`` where the hold-out begins.

    >>> march = datetime(2026, 3, 2, tzinfo=UTC)
    >>> resolved({"prepare.until": "now", "train.depth": 8}, march)
    ('prepare.until="2026-03-02T00:00:00Z"', 'train.depth=8')
    """
    if holdout is None and HOLDOUT in params.values():
        raise WrongUsage(
            "a parameter is where the hold-out begins, and this was decided before there was one",
            remedy="Wait for the next decision",
        )
    moments = {NOW: now, HOLDOUT: holdout}
    return tuple(
        f"{key}={msgspec.json.encode(_written(moments, value)).decode()}"
        for key, value in params.items()
    )


def _written(moments: Mapping[str, datetime | None], value: Any) -> Any:
    at = moments.get(value) if isinstance(value, str) else None
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else value


def _own(decided: Decided, workspace: Workspace) -> str:
    return decided.model.removeprefix(f"{workspace.project.name}/")


def _last_move(
    workspace: Workspace, decided: Decided, version: int
) -> Promoted | RolledBack | None:
    """Return what became of a version in the decision's environment since it was decided."""
    events = registry_of(workspace).so_far(decided.model).events
    for event in reversed(events[decided.registry_event :]):
        if isinstance(event, Promoted | RolledBack) and (event.environment, event.version) == (
            decided.environment,
            version,
        ):
            return event
    return None


def _judgement(done: Delivered) -> Judgement:
    """Return what a delivery came to, as far as it decides what follows."""
    if done.unregistered:
        return Judgement("not judged", False, says=f"it was not registered: {done.unregistered}")
    if done.champion is not None:
        says = f"it is the champion, version {done.champion}: training has made the same model"
        return Judgement("no change", False, done.champion, says=says)
    if done.judgement is None:
        says = "no rule asks anything of it, so no verdict can promote it"
        return Judgement("not judged", False, done.version, ask=True, says=says)
    return _judged(done, done.judgement)


def _judged(done: Delivered, judgement: "Judged") -> Judgement:
    verdict, evidence = judgement.verdict, judgement.evidence.verdict
    says = "; ".join(judgement.evidence.reasons[:3])
    if done.withdrawn is not None:
        says = f"version {done.version} was rolled back by {done.withdrawn.by}"
        return Judgement(verdict.word, False, done.version, evidence, says=says)
    if verdict.no_change:
        says = "it predicts what the champion predicts"
        return Judgement("no change", False, done.version, evidence, says=says)
    open_one = verdict.word == "inconclusive"
    go_on = verdict.word == "pass" or (open_one and verdict.on_inconclusive == "promote")
    ask = open_one and verdict.on_inconclusive == "person"
    return Judgement(verdict.word, go_on, done.version, evidence, ask, says)
