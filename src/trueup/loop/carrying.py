"""Carries a decision on, step by step, from wherever its last worker has left it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from trueup.errors import RemoteSilent, SomebodyElseFirst, TrueupError
from trueup.loop.claiming import Claim, Fenced, claimed
from trueup.loop.equipment import Loop
from trueup.loop.events import (
    Acted,
    Ended,
    Event,
    Finding,
    Guarded,
    PullRequestOpened,
    PullRequestUpdated,
    Step,
    StepState,
)
from trueup.loop.freezing import frozen_until
from trueup.loop.history import Course, History
from trueup.loop.journal import Journal
from trueup.loop.ports import GuardVerdict, Move, Proposed, Training
from trueup.loop.steps import Finish, Wait, next_step

_JUDGED_AGAIN = 3  # times in one pass, where the champion moves under its verdict


class Carried(msgspec.Struct, frozen=True):
    """How far a decision has come in this pass."""

    decision: str
    says: str = ""
    end: str = ""  # empty: it goes on in a later pass


def carry(loop: Loop, journal: Journal, decision: str, now: datetime) -> Carried:
    """Carry a decision on as far as it goes; ``now`` is written down as the time of its events.

    Where a remote part is silent it is left for the next pass; where something is wrong with what
    was asked, it has failed.
    """
    course = journal.history().courses[decision]
    if course.ended is not None:
        return Carried(decision, course.ended.says, course.ended.end)
    waits = _waits(loop, course, now)
    if waits:
        return Carried(decision, waits)
    claim = claimed(loop, journal, decision)
    if claim is None:
        return Carried(decision, "somebody else has just taken it up")
    loop.point("claim written")
    try:
        return _Carrier(loop, claim, now).carry(journal.history().courses[decision])
    except Fenced as error:
        return Carried(decision, error.problem)
    except (RemoteSilent, SomebodyElseFirst) as error:
        claim.release()
        return Carried(decision, f"left for the next pass: {error.problem}")
    except KeyboardInterrupt:
        claim.release()
        raise


def _waits(loop: Loop, course: Course, now: datetime) -> str:
    """Return why there is nothing to do, without a word in the log: it would get one each pass."""
    if not course.free(loop.clock()) and course.claim is not None:
        return f"somebody is at it, and has time until {course.claim.until:%Y-%m-%d %H:%M %Z}"
    coming = next_step(course, frozen_until(loop.policy.freeze, loop.policy.zone, now))
    if isinstance(coming, Wait):
        return coming.says
    if coming in ("train", "refit") and coming in course.acts:
        try:
            found = _training(loop, course, coming)
        except TrueupError as error:
            return f"left for the next pass: {error.problem}"
        if found is not None and found.state == "running":
            return f"it is being trained: {found.reference}"
    waits = _trial_waits(loop, course, now) if coming == "trial" else ""
    if not waits:
        loop.point("claim made")
    return waits


def _trial_waits(loop: Loop, course: Course, now: datetime) -> str:
    if loop.ports.trial is None:
        return "it is on trial, and nothing here looks at trials"
    try:
        return loop.ports.trial.waits(course, now)
    except TrueupError as error:
        return f"on trial, and left for the next pass: {error.problem}"


def _training(loop: Loop, course: Course, step: Step) -> Training | None:
    """Return how far a training is that somebody else may be at."""
    if step == "train":
        return loop.ports.trainer.find(course.decided)
    refitter = loop.ports.refitter
    return refitter.find_refit(course.decided) if refitter else None


@dataclass
class _Carrier:
    """One decision in the hands of one worker."""

    loop: Loop
    claim: Claim
    now: datetime
    judged_again: int = 0

    def carry(self, course: Course) -> Carried:
        policy, decision = self.loop.policy, course.decided.decision
        while True:
            coming = next_step(course, frozen_until(policy.freeze, policy.zone, self.now))
            if isinstance(coming, Finish):
                self._finish(coming)
                return Carried(decision, coming.says, coming.end)
            if isinstance(coming, Wait):
                self.claim.release()
                return Carried(decision, coming.says)
            waits = _trial_waits(self.loop, course, self.now) if coming == "trial" else ""
            if waits:
                self.claim.release()
                return Carried(decision, waits)
            self.loop.point(f"{coming} begins")
            course, waits = self._guard(course) if coming == "guard" else self._act(course, coming)
            if waits:
                self.claim.release()
                return Carried(decision, waits)

    def _guard(self, course: Course) -> tuple[Course, str]:
        try:
            with self.claim.renewed():
                found = self.loop.ports.guard.check(course.decided)
        except (RemoteSilent, SomebodyElseFirst):
            raise
        except TrueupError as error:
            says = f"the data could not be looked at: {error.problem}"
            found = GuardVerdict("stop", (Finding("guard", says, stops=True),))
        self.loop.point("guard made")
        course = self._write(
            lambda history: Guarded(
                **self._said, word=found.word, findings=found.findings, record=found.record
            )
        )
        self.loop.point("guard written")
        return course, ""

    def _act(self, course: Course, step: Step) -> tuple[Course, str]:
        """Do a step; what it says is why the decision has to wait, empty where it goes on."""
        course = self._write(lambda history: self._acted(step, "started"))
        self.loop.point(f"{step} started")
        try:
            with self.claim.renewed():
                made = self._made(course, step)
        except (RemoteSilent, SomebodyElseFirst):
            raise
        except TrueupError as error:
            made = self._acted(step, "failed", says=f"{error.problem}. {error.remedy}")
        self.loop.point(f"{step} made")
        if made.state == "started" and step in ("train", "refit"):
            return course, f"it is being trained: {made.reference}"
        course = self._write(lambda history: made)
        self.loop.point(f"{step} written")
        if step == "trial" and made.word == "open":
            return course, made.says
        if made.state == "started" and self.judged_again > _JUDGED_AGAIN:
            return course, "the champion moves faster than a candidate is judged"
        return course, ""

    def _made(self, course: Course, step: Step) -> Acted:
        decided, ports = course.decided, self.loop.ports
        version = _version(course)
        match step:
            case "train":
                return self._trained(course)
            case "deliver":
                return self._judged(course)
            case "refit":
                return self._refitted(course, version)
            case "promote":
                return self._moved(step, ports.promoter.promote(decided, version), course)
            case "canary":
                return self._moved(step, ports.promoter.try_out(decided, version), course)
            case "trial":
                return self._looked(course, version)
            case "withdraw":
                return self._withdrawn(course)
            case "rollback":
                return self._moved(step, ports.promoter.roll_back(decided), course)
            case "pull_request":
                return self._proposed(course, version)

    def _trained(self, course: Course) -> Acted:
        trainer, decided = self.loop.ports.trainer, course.decided
        found = trainer.find(decided)
        if found is None or found.state == "lost":
            found = trainer.start(decided)
        return self._trained_so_far("train", found)

    def _refitted(self, course: Course, version: int) -> Acted:
        refitter = self.loop.ports.refitter
        if refitter is None:
            return self._acted("refit", "failed", says="nothing here trains a recipe once more")
        return self._trained_so_far("refit", refitter.refit(course.decided, version))

    def _trained_so_far(self, step: Step, found: Training) -> Acted:
        states: dict[str, StepState] = {"done": "done", "running": "started"}
        return self._acted(
            step,
            states.get(found.state, "failed"),
            reference=found.reference,
            version=found.version,
            says=found.says,
        )

    def _judged(self, course: Course) -> Acted:
        found = self.loop.ports.gatekeeper.judge(course.decided, course.acts["train"].reference)
        return self._acted(
            "deliver",
            "done" if found.go_on or found.ask else "refused",
            version=found.version,
            verdict=found.verdict,
            word="inconclusive" if found.ask else found.word,
            says=found.says,
        )

    def _looked(self, course: Course, version: int) -> Acted:
        trial = self.loop.ports.trial
        if trial is None:
            return self._acted("trial", "failed", says="nothing here looks at trials")
        found = trial.look(course, self.now)
        return self._acted(
            "trial", "done", version=version, verdict=found.verdict, word=found.word,
            says=found.says,
        )  # fmt: skip

    def _withdrawn(self, course: Course) -> Acted:
        trial = self.loop.ports.trial
        if trial is None:
            return self._acted("withdraw", "failed", says="nothing here ends trials")
        return self._moved("withdraw", trial.withdraw(course), course)

    def _moved(self, step: Step, move: Move, course: Course) -> Acted:
        if move.judge_again:
            self.judged_again += 1
            again: Step = "trial" if course.trial else "deliver"
            return self._acted(again, "started", says=move.says)
        state: StepState = "done" if move.moved else "refused"
        word = "ask" if move.ask else ""
        return self._acted(
            step, state, version=move.version, before=move.before, word=word, says=move.says
        )

    def _proposed(self, course: Course, version: int) -> Acted:
        forge = self.loop.ports.forge
        if forge is None:
            says = "no forge is known: give GITHUB_TOKEN or GITLAB_TOKEN; see: trueup doctor"
            return self._acted("pull_request", "failed", version=version, says=says)
        known = self.loop.journal().history().proposal
        found = forge.propose(course.decided, version, known)
        self._write(lambda history: self._proposal(history, found, version))
        return self._acted(
            "pull_request", "done", reference=found.branch, version=version, says=found.url
        )

    def _proposal(
        self, history: History, found: Proposed, version: int
    ) -> PullRequestOpened | PullRequestUpdated | None:
        open_one = history.proposal
        if open_one is None or open_one.opened.number != found.number:
            return PullRequestOpened(
                **self._said,
                number=found.number,
                url=found.url,
                branch=found.branch,
                head=found.head,
                version=version,
            )
        last = open_one.updated or open_one.opened
        if (last.head, last.version) == (found.head, version):
            return None
        return PullRequestUpdated(
            **self._said, number=found.number, head=found.head, version=version
        )

    def _finish(self, finish: Finish) -> None:
        self.loop.point("end made")
        self._write(
            lambda history: Ended(
                **self._said, end=finish.end, version=finish.version, says=finish.says
            )
        )
        self.loop.point("end written")

    def _acted(self, step: Step, state: StepState, **more: Any) -> Acted:
        return Acted(**self._said, step=step, state=state, **more)

    @property
    def _said(self) -> dict[str, Any]:
        return {
            "at": self.now,
            "by": self.loop.by,
            "decision": self.claim.decision,
            "epoch": self.claim.epoch,
        }

    def _write(self, make: Callable[[History], Event | None]) -> Course:
        return self.claim.write(make)


def _version(course: Course) -> int:
    """Return the version that the gate has judged, or its refit; 0 where a step needs none."""
    judged = course.done("refit") or course.acts.get("deliver")
    return judged.version or 0 if judged else 0
