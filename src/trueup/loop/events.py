"""What is written down of one model's loop: each event is numbered and never changed."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from trueup.store.formats import Stored

FORMAT = 1

TriggerKind: TypeAlias = Literal[
    "schedule", "drift", "performance", "estimate", "labels", "data_broken", "harm", "skew",
    "deploy_failed",
]  # fmt: skip
Do: TypeAlias = Literal["retrain", "notify", "rollback"]
Then: TypeAlias = Literal["promote", "canary", "pull_request", "person"]
Step: TypeAlias = Literal[
    "train", "deliver", "refit", "canary", "trial", "withdraw", "promote", "pull_request",
    "rollback",
]  # fmt: skip
StepState: TypeAlias = Literal["started", "done", "refused", "failed"]
End: TypeAlias = Literal[
    "promoted", "on trial", "proposed", "asked", "refused", "inconclusive", "no change",
    "stopped", "failed", "rolled back", "notified", "nothing to do", "undecided",
]  # fmt: skip
TrialWord: TypeAlias = Literal[
    "open", "pass", "fail", "harm", "errors", "latency", "undecided", "gone", "promoted",
]  # fmt: skip
GuardWord: TypeAlias = Literal["pass", "stop"]
Effect: TypeAlias = Literal["helped", "no effect", "harmed", "undecided", "cannot be known"]


class Cause(msgspec.Struct, frozen=True, omit_defaults=True):
    """What set a decision off: the trigger, the windows it saw, and the moment it is for."""

    kind: TriggerKind
    trigger: str  # as it is written, such as "drift in 2 of 3 windows"
    window: str  # the newest window, the slot, the number of labels ...: never a clock or a float
    as_of: datetime  # what `now` means in the parameters: end of the window, or the slot
    says: str  # for people
    windows: tuple[str, ...] = ()  # those that hit, oldest first
    version: int | None = None  # the version that was watched
    passed_over: tuple[datetime, ...] = ()  # older slots that nobody ran for


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """What all events say."""

    at: datetime
    by: str
    format: int = FORMAT


class Began(_Event, frozen=True, tag="began"):
    """The first tick: schedules count from here."""

    policy: str  # digest


class Decided(_Event, frozen=True, tag="decided"):
    """Something is to be done, once."""

    decision: str  # identity: of model, environment, policy, trigger and window
    model: str  # project/model
    environment: str
    policy: str  # digest
    do: Do
    cause: Cause
    cools_from: datetime  # cooldown and budget count from here: the slot, else the clock
    then: Then | None = None  # what follows a passing verdict, of a retrain
    holdout_from: datetime | None = None  # rows from then on are withheld from its training
    refit: bool = False  # what passes is trained once more without a hold-out
    champion: int | None = None  # that was live then
    registry_event: int = 0  # the registry's last one then: what the decision moves comes later
    labels: int = 0  # mature ones there were then
    incident: str = ""  # that it is an answer to


class Claimed(_Event, frozen=True, tag="claimed"):
    """A worker carries a decision out until then; a later claim's epoch fences this one."""

    decision: str
    epoch: int  # from 1 on
    worker: str
    until: datetime


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a guard has looked at and found."""

    check: str
    says: str
    stops: bool = False
    column: str = ""
    mend: str = ""  # the pipe to mend


class Guarded(_Event, frozen=True, tag="guarded"):
    """The data that a retrain would learn from was looked at."""

    decision: str
    epoch: int
    word: GuardWord
    findings: tuple[Finding, ...] = ()
    record: str = ""  # key of the whole verdict


class Acted(_Event, frozen=True, tag="acted"):
    """A step of a decision has begun, or is done; what it made is named."""

    decision: str
    epoch: int
    step: Step
    state: StepState
    reference: str = ""  # run, branch, verdict ...: by which it can be looked up
    version: int | None = None
    before: int | None = None  # the champion until then, of a promotion or rollback
    verdict: str = ""  # digest
    word: str = ""  # of the verdict: pass, fail, inconclusive; of a trial: TrialWord
    says: str = ""


class Ended(_Event, frozen=True, tag="ended"):
    """A decision is done with."""

    decision: str
    epoch: int
    end: End
    version: int | None = None
    says: str = ""


class Aftermath(_Event, frozen=True, tag="aftermath"):
    """Whether a retrain helped, over the windows after it; told once, when all are there."""

    decision: str
    effect: Effect
    windows: tuple[str, ...]
    version: int | None = None
    metric: str = ""
    difference: float | None = None  # to what the old champion would have done; more is better
    lower: float | None = None
    upper: float | None = None
    basis: str = ""  # shadow, replay, live split
    recovery: float | None = None  # against the level before: never called an effect
    record: str = ""  # key of the whole comparison
    says: str = ""


class IncidentOpened(_Event, frozen=True, tag="incident opened"):
    """Something is wrong that people are told of once, with updates, until it is over."""

    incident: str
    kind: str
    trigger: str
    says: str
    window: str = ""
    decision: str = ""


class IncidentClosed(_Event, frozen=True, tag="incident closed"):
    """It is over."""

    incident: str
    says: str = ""


class MessageSent(_Event, frozen=True, tag="message sent"):
    """A message went out; one that was sent and not written down goes out again, by its key."""

    key: str  # by which a receiver can tell a second one
    incident: str = ""
    decision: str = ""
    topic: Literal["opened", "update", "resolved", "once"] = "once"
    channels: tuple[str, ...] = ()  # that took it
    dead: tuple[str, ...] = ()  # that did not
    held: bool = False  # not sent: too many already


class PullRequestOpened(_Event, frozen=True, tag="pull request opened"):
    """The model's one pull request was opened."""

    decision: str
    epoch: int
    number: int
    url: str
    branch: str
    head: str = ""  # commit
    version: int | None = None


class PullRequestUpdated(_Event, frozen=True, tag="pull request updated"):
    """It carries a newer candidate now."""

    decision: str
    epoch: int
    number: int
    head: str = ""
    version: int | None = None


class PullRequestClosed(_Event, frozen=True, tag="pull request closed"):
    """It was merged, or closed without; that is remembered."""

    number: int
    merged: bool
    who: str = ""
    commit: str = ""
    says: str = ""  # what came of a merge
    promoted: bool = False  # what was merged is live
    waits: bool = False  # merged, and a person has to approve it first; one more follows


class Resumed(_Event, frozen=True, tag="resumed"):
    """Somebody lets a loop go on that had stopped because retrains did not help."""

    why: str


Event: TypeAlias = (
    Began
    | Decided
    | Claimed
    | Guarded
    | Acted
    | Ended
    | Aftermath
    | IncidentOpened
    | IncidentClosed
    | MessageSent
    | PullRequestOpened
    | PullRequestUpdated
    | PullRequestClosed
    | Resumed
)


def encode_event(event: Event) -> bytes:
    """Return an event as JSON; the log adds its nonce."""
    return msgspec.json.encode(event)


def decode_event(body: bytes, place: str) -> Event:
    """Return an event; WrongUsage for a newer format, NotProven for what no trueup has written."""
    return _STORED.read(body, place)


_EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_STORED = Stored(_EVENTS, FORMAT, "what was written down of the loop is", "not an event of a loop")
