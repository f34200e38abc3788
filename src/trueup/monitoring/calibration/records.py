"""What is promised, by which rule an alarm is raised, and what a reference was found to support."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from trueup.errors import WrongUsage
from trueup.monitoring.cells import Role
from trueup.monitoring.effects import Beyond, Effect

DAY_S = 86400.0
Basis: TypeAlias = Literal["played", "resampled", "too_short", "unsteady", "out_of_season"]


class Promise(msgspec.Struct, frozen=True):
    """How many incidents may start in how much time while nothing has moved.

    ``share`` of it is what one calibration may use; what else watches the model uses the rest.
    It is to hold for ``confidence`` of all references of this length, not for their mean alone.
    """

    incidents: float = 1.0
    per_s: float = 90 * DAY_S
    share: float = 1.0
    confidence: float = 0.9

    def expected(self, span_s: float) -> float:
        """Return how many incidents may be expected in a span."""
        return self.incidents * self.share * span_s / self.per_s

    def divided(self, shares: Mapping[str, float]) -> "dict[str, Promise]":
        """Return the promise of each part; what the shares leave over is used by none.

        >>> Promise().divided({"drift": 0.8, "performance": 0.2})["performance"].share
        0.2
        """
        if min(shares.values(), default=0.0) < 0 or sum(shares.values()) > 1 + 1e-9:
            raise WrongUsage(
                f"the shares of the promise come to {sum(shares.values()):.4g}",
                remedy="Give shares of at least 0 which together are at most 1.",
            )
        return {
            name: msgspec.structs.replace(self, share=self.share * share)
            for name, share in shares.items()
        }


class Pace(msgspec.Struct, frozen=True):
    """How long a block is, how many make a window, and after how many a window is checked."""

    block_s: float = DAY_S
    window: int = 1
    every: int = 1

    @property
    def check_s(self) -> float:
        """Seconds from check to check."""
        return self.block_s * self.every

    @property
    def overlap(self) -> int:
        """How many checks look at one block."""
        return -(-self.window // self.every)


class Rule(msgspec.Struct, frozen=True):
    """An alarm is ``hits`` of the last ``of`` windows; an incident starts with the first after
    ``quiet`` checks without any."""

    hits: int = 1
    of: int = 1
    quiet: int = 7

    def __post_init__(self) -> None:
        """Refuse a rule that no window can meet."""
        if not 1 <= self.hits <= self.of or self.quiet < 1:
            raise WrongUsage(
                f"{self.hits} of {self.of} windows with {self.quiet} quiet checks is no rule",
                remedy="Ask for 1 to all of the windows, and for at least one quiet check.",
            )


class Plan(msgspec.Struct, frozen=True):
    """All that is declared of an alarm."""

    promise: Promise = Promise()
    pace: Pace = Pace()
    rule: Rule = Rule()
    effect: Effect = "jensen_shannon"
    min_effect: float = 0.1


class Season(msgspec.Struct, frozen=True):
    """What each window of a reference is compared with alone: the same hour, the same weekday."""

    phases: tuple[str, ...] = ()  # of each window, in order; none: all are alike

    def cycles(self) -> int:
        """Return how often the rarest phase has come round."""
        turns: dict[str, int] = {}
        for before, phase in zip(("", *self.phases), self.phases, strict=False):
            turns[phase] = turns.get(phase, 0) + (phase != before)
        return min(turns.values(), default=0)


class Support(msgspec.Struct, frozen=True):
    """How much a reference can say: whether the rate is claimed, why not, and what would do."""

    claimed: bool
    says: str  # a sentence or two, for people
    basis: Basis
    windows: int  # of the reference
    memory: float  # windows that go together: so many are worth one
    spared: int = -1  # incidents, or stretches, that the reference shows above the threshold
    needed: int = 0  # windows that would do, at what is known now


class Watched(msgspec.Struct, frozen=True):
    """What a threshold keeps of one column. Bytes are little-endian float32."""

    name: str
    role: Role
    rows: float  # of the reference
    usual_rows: float  # of a window, without nulls
    shares: bytes  # of cells, over the whole reference
    fit: bytes  # conditions by cells and nulls
    edges: tuple[float, ...] | None
    labels: tuple[str, ...]
    extra: tuple[float, ...]  # of each statistic, its variance between windows, a row of a window
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    at: float  # a larger score is significant
    steady: bool  # whether it takes part in the promise
    memory: float
    days: Beyond  # what windows have beyond the chance of rows
    null_days: Beyond
    chance: tuple[float, float] | None  # of an effect without a formula: mean and spread, of a row


class Threshold(msgspec.Struct, frozen=True):
    """What a reference was calibrated to, stored with it."""

    plan: Plan
    support: Support
    columns: tuple[Watched, ...]
    ranked: tuple[float, ...]  # the reference's own scores, falling, as far as they are of use
    phases: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    centres: tuple[float, ...] = ()  # what is usual of phases, then of context columns' cells
    format: int = 1
