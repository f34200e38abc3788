"""What is asked after a retrain, what is given to answer it, and what comes of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from trueup.errors import NotProven, WrongUsage
from trueup.gate.arrays import Floats, np
from trueup.loop.events import Effect
from trueup.store.formats import Stored

FORMAT = 1

Basis: TypeAlias = Literal["shadow", "replay", "live split"]


class Plan(msgspec.Struct, frozen=True):
    """What is declared before anything is looked at.

    ``margin`` is the difference that does not matter, in the metric's unit, such as the gate's own
    for it; None: nothing can be called without effect. ``influences``: predictions are declared to
    influence outcomes, so that only a live split counts.
    """

    windows: int = 4
    margin: float | None = None
    confidence: float = 0.95
    influences: bool = False

    def __post_init__(self) -> None:
        """Refuse a margin of nothing, by which no two models are alike."""
        if self.margin is not None and self.margin <= 0:
            raise WrongUsage(
                f"the margin of an aftermath is {self.margin:g}",
                remedy="Say which difference does not matter, or leave it out",
            )


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Losses by row of the new champion and of the old one; less is better.

    With shadow or replay both have answered every row. In a live split each row was answered by
    one of them, drawn at random: the other's loss is nan. ``time`` and ``group`` are what the
    gate takes them for: rows of a day, or of a group, stand and fall together.
    """

    new: Floats
    old: Floats
    basis: Basis
    time: Any = None
    group: Any = None

    def __post_init__(self) -> None:
        """Refuse columns of different lengths, which would be paired wrongly."""
        columns = (self.old, self.time, self.group)
        if any(each is not None and len(each) != len(self.new) for each in columns):
            raise WrongUsage(
                "the losses of the two versions are not of the same rows",
                remedy="Give losses, times and groups one entry for each row",
            )

    def of_both(self) -> "Losses":
        """Return the rows that count: both losses known, or in a split one of them."""
        there = np.isfinite(self.new), np.isfinite(self.old)
        kept = there[0] ^ there[1] if self.basis == "live split" else there[0] & there[1]
        time, group = (
            None if each is None else np.asarray(each)[kept] for each in (self.time, self.group)
        )
        return Losses(
            new=self.new[kept], old=self.old[kept], basis=self.basis, time=time, group=group
        )


class Levels(msgspec.Struct, frozen=True):
    """The metric as it was watched: usually, in the windows that set the retrain off, and after."""

    usual: float | None = None
    trigger: float | None = None
    after: float | None = None


class Question(msgspec.Struct, frozen=True):
    """Whose aftermath it is, by which metric, and of which windows."""

    decision: str
    model: str
    version: int
    old: int
    metric: str
    higher: bool  # whether more of the watched metric is better, for the levels
    windows: tuple[str, ...]  # whose labels are mature, the oldest first
    at: datetime
    levels: Levels = Levels()


class Judged(msgspec.Struct, frozen=True):
    """Whether a retrain helped. ``difference`` is old loss less new loss: more is better.

    ``recovered`` is how much of the way from the trigger's level back to the usual one the metric
    has gone. That is no effect: a trigger picks an extreme window, after which most are better.
    """

    question: Question
    plan: Plan
    effect: Effect
    says: str
    basis: Basis
    rows: int = 0
    new: float | None = None  # mean losses
    old: float | None = None
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    method: str = ""
    blocks: int = 0
    recovered: float | None = None
    format: int = FORMAT


def encode_judged(found: Judged) -> bytes:
    """Return an aftermath as JSON."""
    return msgspec.json.encode(found)


def decode_judged(body: bytes, place: str | None = None) -> Judged:
    """Read what encode_judged wrote; NotProven if it is damaged or of a newer trueup."""
    return _STORED.read(body, place, newer=NotProven)


_STORED = Stored(msgspec.json.Decoder(Judged), FORMAT, "the aftermath is", "not an aftermath")
