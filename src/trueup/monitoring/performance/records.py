"""What is told of a window's performance: realised, estimated, how complete, and why not."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from trueup.errors import NotProven
from trueup.monitoring.maturity import WindowMaturity
from trueup.store.formats import Stored

FORMAT = 1
ASSUMES = (
    "This estimate assumes that P(y|x), what is true given the inputs, has not moved. "
    "No check can confirm that without labels."
)
Rests: TypeAlias = Literal["all rows", "labelled rows", "weighted rows", "explored rows"]
Method: TypeAlias = Literal["CBPE", "M-CBPE", "DLE", ""]


class Realised(msgspec.Struct, frozen=True):
    """A metric of rows whose labels have come; ``reason`` says why value or bounds are missing.

    The interval is two-sided, of the plan's confidence, by the gate's blocks. ``name`` says so
    where the rows are not all rows.
    """

    metric: str
    rests: Rests
    rows: int
    value: float | None
    lower: float | None = None
    upper: float | None = None
    se: float | None = None
    method: str = ""
    reason: str = ""

    @property
    def name(self) -> str:
        """Return the metric's name with what it is of."""
        return self.metric if self.rests == "all rows" else f"{self.metric} on {self.rests}"


class Estimated(msgspec.Struct, frozen=True):
    """A metric estimated without labels, and the band that the realised value should lie in.

    ``noise`` is the standard error from chance and from the reference being finite,
    ``past_error`` what past estimates were off beyond that.
    """

    metric: str
    method: Method
    value: float | None
    lower: float | None = None
    upper: float | None = None
    noise: float | None = None
    past_error: float | None = None
    past_windows: int = 0
    reasons: tuple[str, ...] = ()  # why there is none, or what to be careful about
    assumes: str = ASSUMES


class ScoreBand(msgspec.Struct, frozen=True):
    """How many rows of a band of scores (or numbers) can get, and have got, their label."""

    low: float
    high: float
    rows: int
    observed: int
    labelled: int


class Coverage(msgspec.Struct, frozen=True):
    """Of which rows there are labels; ``observed`` are those that labels can come of at all."""

    rows: int
    observed: int
    labelled: int
    explored: int = 0
    by_score: tuple[ScoreBand, ...] = ()
    least_propensity: float | None = None  # of all rows, where one is declared
    worth: float | None = None  # rows that the weighted ones are worth


class Performance(msgspec.Struct, frozen=True):
    """All that is known of a window's performance at a moment."""

    begin: datetime
    end: datetime
    now: datetime
    rows: int
    realised: tuple[Realised, ...]
    estimated: tuple[Estimated, ...]
    maturity: WindowMaturity
    coverage: Coverage
    reasons: tuple[str, ...] = ()
    format: int = FORMAT

    def headline(self, metric: str) -> Realised | None:
        """Return the realised value to go by: weighted or explored rows before labelled ones."""
        found = [one for one in self.realised if one.metric == metric and one.value is not None]
        order = ("weighted rows", "all rows", "explored rows", "labelled rows")
        return min(found, key=lambda one: order.index(one.rests), default=None)

    def estimate(self, metric: str) -> Estimated | None:
        """Return the estimate of a metric, where there is one."""
        found = (one for one in self.estimated if one.metric == metric)
        return next((one for one in found if one.value is not None), None)


def encode_performance(performance: Performance) -> bytes:
    """Return a record as JSON."""
    return msgspec.json.encode(performance)


def decode_performance(body: bytes) -> Performance:
    """Read what encode_performance wrote; NotProven if it is damaged or of a newer trueup."""
    return _STORED.read(body, newer=NotProven)


_STORED: Stored[Performance] = Stored(
    msgspec.json.Decoder(Performance),
    FORMAT,
    "the record of a window's performance is",
    "the record of a window's performance cannot be read",
    remedy="Make it again from the captures",
)
