"""What a tick acts through. All may be asked again: each looks first whether it is done already."""

from datetime import datetime
from typing import Literal, Protocol, TypeAlias

import msgspec

from trueup.loop.events import (
    Aftermath,
    Decided,
    Finding,
    GuardWord,
    PullRequestClosed,
    TrialWord,
)
from trueup.loop.history import Course, History, Proposal

Topic: TypeAlias = Literal["opened", "update", "resolved", "once"]
Level: TypeAlias = Literal["info", "warning", "failure", "success"]


class GuardVerdict(msgspec.Struct, frozen=True):
    """Whether data may be learned from, and what was found."""

    word: GuardWord
    findings: tuple[Finding, ...] = ()
    record: str = ""  # key of the whole verdict


class Training(msgspec.Struct, frozen=True):
    """How far the training of a decision is; lost: it has begun, and nobody is at it any more."""

    state: Literal["running", "done", "failed", "lost"]
    reference: str = ""  # run, or the workflow's
    says: str = ""
    version: int | None = None  # of a refit: what it was registered as


class Judgement(msgspec.Struct, frozen=True):
    """What the gate says of what was trained, registered as this version."""

    word: Literal["pass", "fail", "inconclusive", "no change", "not judged"]
    go_on: bool  # whether it may go where the policy says
    version: int | None = None
    verdict: str = ""  # digest
    ask: bool = False  # a person has to decide, whatever the policy says
    says: str = ""


class Move(msgspec.Struct, frozen=True):
    """What became of a promotion, a trial or a rollback; ``moved`` is also so if it was before."""

    moved: bool
    version: int | None = None
    before: int | None = None
    says: str = ""
    judge_again: bool = False  # the champion has moved since the verdict
    ask: bool = False  # a person has to approve it first


class Found(msgspec.Struct, frozen=True):
    """What a look at a trial has found; open: it goes on."""

    word: TrialWord
    says: str = ""
    verdict: str = ""  # digest, where the gate has judged live rows


class Proposed(msgspec.Struct, frozen=True):
    """The pull request that carries a version; branch and number say which."""

    number: int
    url: str
    branch: str
    head: str = ""


class Message(msgspec.Struct, frozen=True):
    """What people are told; of two with one key the second is to be left out by who can."""

    key: str
    topic: Topic
    title: str
    says: str
    model: str
    incident: str = ""  # messages of one belong together
    decision: str = ""
    level: Level = "info"


class Sent(msgspec.Struct, frozen=True):
    """Which channels took a message."""

    channels: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    held: bool = False  # too many already: it is counted in the next one


class Guard(Protocol):
    """Looks at the data that a retrain would learn from."""

    def check(self, decided: Decided) -> GuardVerdict:
        """Return whether it may; the whole verdict is kept under the decision's id."""
        ...


class Trainer(Protocol):
    """Runs the pipeline for a decision, found again by the decision's id."""

    def find(self, decided: Decided) -> Training | None:
        """Return how far it is; None: it has never begun. Changes nothing."""
        ...

    def start(self, decided: Decided) -> Training:
        """Train, or have it done elsewhere; what is done already is not done again."""
        ...


class Refitter(Protocol):
    """Trains the recipe that the gate has passed once more, on the rows that were withheld too."""

    def find_refit(self, decided: Decided) -> Training | None:
        """Return how far it is where somebody else trains; None: start it. Changes nothing."""
        ...

    def refit(self, decided: Decided, version: int) -> Training:
        """Train it, or have it done elsewhere; once done it is registered as a refit of version."""
        ...


class Gatekeeper(Protocol):
    """Registers and judges what was trained."""

    def judge(self, decided: Decided, training: str) -> Judgement:
        """Return the verdict on it; promotes nothing."""
        ...


class Promoter(Protocol):
    """Moves versions in the registry, with a verdict only."""

    def promote(self, decided: Decided, version: int) -> Move:
        """Make a version champion; not one that was champion since and was rolled back."""
        ...

    def try_out(self, decided: Decided, version: int) -> Move:
        """Put a version on trial beside the champion."""
        ...

    def roll_back(self, decided: Decided) -> Move:
        """Let the champion of the decision, or what is on trial, give way."""
        ...


class Trial(Protocol):
    """Tells from live evidence how a version on trial does, and ends its trial."""

    def waits(self, course: Course, now: datetime) -> str:
        """Return why there is nothing to do in this pass; empty: look. Writes nothing."""
        ...

    def look(self, course: Course, now: datetime) -> Found:
        """Judge what is on trial by live rows; the same rows again are the same verdict."""
        ...

    def withdraw(self, course: Course) -> Move:
        """End the trial of this version, and of no other."""
        ...


class Forge(Protocol):
    """Keeps the model's one pull request."""

    def propose(self, decided: Decided, version: int, known: Proposal | None) -> Proposed:
        """Open it, or bring the one that is open up to this version."""
        ...

    def closed(self, known: Proposal) -> PullRequestClosed | None:
        """Return how it was closed; None while it is open, or waits for an approval as before."""
        ...


class Messenger(Protocol):
    """Tells people; a dead channel is reported, never raised."""

    def send(self, message: Message) -> Sent:
        """Send it on all channels; the key lets a receiver tell a second one."""
        ...


class Lookback(Protocol):
    """Tells afterwards whether a retrain helped."""

    def look(self, course: Course, history: History, now: datetime) -> Aftermath | None:
        """Return what came of it; None before all windows are there."""
        ...


class Ports(msgspec.Struct, frozen=True):
    """What a tick has to act through; without a forge nothing is proposed."""

    guard: Guard
    trainer: Trainer
    gatekeeper: Gatekeeper
    promoter: Promoter
    forge: Forge | None = None
    messenger: Messenger | None = None
    lookback: Lookback | None = None
    refitter: Refitter | None = None  # where a policy asks for refits
    trial: Trial | None = None  # where what passes goes on trial first
