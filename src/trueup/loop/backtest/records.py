"""What a backtest comes to: each policy's windows and steps, and how the policies compare."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from trueup.gate.arrays import Floats, NDArray
from trueup.loop.events import Do, TriggerKind

FORMAT = 1

Outcome: TypeAlias = Literal[
    "promoted",
    "refused",
    "inconclusive",
    "no change",
    "stopped",
    "failed",
    "notified",
    "rolled back",
]
Compared: TypeAlias = Literal["better", "worse", "undecided", "the same"]


class Window(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was asked between two decisions, and how well the champion of that time answered."""

    begin: datetime
    end: datetime
    rows: int
    labelled: int  # with a target, whenever it arrived
    champion: str  # digest of the model that was live from `begin` on
    metrics: dict[str, float | None] = {}  # by name; None: these rows cannot tell
    drifted: bool | None = None  # None: it was not compared
    broken: bool = False
    estimate: float | None = None  # of the watched metric, without labels
    triggers: tuple[str, ...] = ()  # those that had hit at `end`


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that a policy decided, and what came of it."""

    at: datetime
    do: Do
    kind: TriggerKind
    cause: str  # for people
    outcome: Outcome
    candidate: str = ""  # its digest
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0  # of training, as it took when it was trained


class Cost(msgspec.Struct, frozen=True):
    """What a policy has asked for."""

    retrains: int = 0
    promoted: int = 0
    refused: int = 0
    inconclusive: int = 0
    seconds: float = 0.0  # of training


class PolicyRun(msgspec.Struct, frozen=True):
    """One policy's way through the history."""

    name: str
    says: str  # the policy in words
    gated: bool
    windows: tuple[Window, ...]
    steps: tuple[Step, ...]
    cost: Cost


@dataclass(frozen=True)
class Scored:
    """Each policy's live predictions, row by row, next to what came true.

    Only rows that were asked after the first decision, and whose target is known; in the order of
    their time.
    """

    time: NDArray[Any]  # datetime64[us], UTC
    target: NDArray[Any]
    predictions: dict[str, Floats]  # by policy: score, probability or value


class Score(msgspec.Struct, frozen=True):
    """A policy's mean monthly score, a month counting by its rows."""

    policy: str
    metric: str
    value: float
    rows: int
    months: int


class Comparison(msgspec.Struct, frozen=True, omit_defaults=True):
    """Two policies on the same rows; more of `difference` is better for `policy`.

    It is of mean monthly scores. No bound: nothing can be excluded on that side.
    """

    policy: str
    against: str
    metric: str
    difference: float | None
    low: float | None
    high: float | None
    blocks: int
    word: Compared
    exploratory: bool = True  # the best of several, not confirmed on a later part
    confirmed_on: str = ""  # that later part
    rows: int = 0
    months: int = 0
    ahead: int = 0  # months in which the policy was better; neither in those without a difference
    behind: int = 0
    together: int = 1  # intervals that hold together, all of them, at the level
    level: float = 0.95
    detectable: float | None = None  # a true difference that is found in 4 of 5 cases
    says: str = ""  # where there is no interval, why


class Alarms(msgspec.Struct, frozen=True):
    """How often a policy's triggers were right about a window, in hindsight."""

    policy: str
    false: int
    missed: int
    right: int
    metric: str = ""
    drop: float = 0.0  # from so much on the champion has fallen
    within: int = 0  # windows between an alarm and a fall
    judged: int = 0  # windows of which it is known


class Backtest(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    model: str  # project/model
    environment: str
    begin: datetime
    end: datetime
    step_s: float
    metric: str  # that decides
    higher: bool  # more of it is better
    runs: tuple[PolicyRun, ...]
    scores: tuple[Score, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    alarms: tuple[Alarms, ...] = ()
    confirm_from: datetime | None = None  # the later part begins here
    says: tuple[str, ...] = ()  # what was not looked at, and why
    format: int = FORMAT


def plain(backtest: Backtest) -> Any:
    """Return a backtest as plain values, as --json writes them."""
    return msgspec.to_builtins(backtest)
