"""Trial records: how a challenger has done beside the champion, on the rows that were served."""

from datetime import datetime
from typing import Literal

import msgspec

from trueup.captures import layout
from trueup.captures.losses import Measure
from trueup.store.bucket import Bucket
from trueup.store.formats import Stored
from trueup.store.log import Log

FORMAT = 1


class Side(msgspec.Struct, frozen=True):
    """One of the versions."""

    version: int
    digest: str  # of its model


class Difference(msgspec.Struct, frozen=True):
    """One measure of both versions; below 0 the challenger is better.

    The interval holds the mean difference with the record's confidence, two-sided, for this line
    alone: over many slices some will not. Missing where there are too few rows, or groups.
    """

    measure: Measure
    rows: int
    champion: float
    challenger: float
    difference: float
    low: float | None = None
    high: float | None = None
    champion_rows: int = 0  # where each was measured on rows of its own


class Slice(msgspec.Struct, frozen=True):
    """The rows that share a value."""

    column: str
    value: str
    rows: int
    labelled: int
    differing: int
    differences: tuple[Difference, ...] = ()


class Latency(msgspec.Struct, frozen=True):
    """How long a version took, in one role; a shadow's does not hold any waiting."""

    version: int
    role: str
    rows: int
    p50_ms: float
    p99_ms: float


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, and of what."""

    model: str
    champion: Side
    challenger: Side
    at: datetime
    by: str
    environment: str = ""
    since: datetime | None = None  # of the rows that were asked for
    until: datetime | None = None
    first: datetime | None = None  # of those that both have predicted
    last: datetime | None = None
    rows: int = 0  # that both have predicted
    labelled: int = 0  # of them
    explored: int = 0  # of them: chosen to be labelled
    decided: int = 0  # of them: with a decision of each
    differing: int = 0  # decisions
    distance_mean: float | None = None  # of scores or numbers
    distance_max: float | None = None
    differences: tuple[Difference, ...] = ()  # over the labelled rows
    explored_only: tuple[Difference, ...] = ()  # over those whose label nobody's answer decided
    apart: tuple[Difference, ...] = ()  # each version over the labelled rows that it has answered
    latencies: tuple[Latency, ...] = ()
    slices: tuple[Slice, ...] = ()
    missing: tuple[str, ...] = ()  # slices that captures do not have
    left_out: int = 0  # slices beyond the largest of each column
    group: str = ""  # rows of one value of it were taken as one
    confidence: float = 0.95
    judged: bool = False  # a verdict of the gate was given on these rows
    format: int = FORMAT


class Numbered(msgspec.Struct, frozen=True):
    """A record and its number."""

    number: int
    trial: Trial


def keep(bucket: Bucket, trial: Trial) -> int:
    """Store a record for good, and return its number; it is never changed."""
    return _log(bucket, trial.model).add(msgspec.json.encode(trial))


def kept(bucket: Bucket, model: str) -> list[Numbered]:
    """Return all records of a model, the oldest first; WrongUsage for a newer format."""
    log = _log(bucket, model)
    return [Numbered(one.number, decode(one.body, log.prefix)) for one in log.read()]


def latest(bucket: Bucket, model: str, champion: str, challenger: str) -> Numbered | None:
    """Return the newest record of two models, which digests name; None where there is none.

    What decides on a promotion asks by digest: a record of another champion says nothing.
    """
    for one in reversed(kept(bucket, model)):
        if (one.trial.champion.digest, one.trial.challenger.digest) == (champion, challenger):
            return one
    return None


def decode(body: bytes, place: str) -> Trial:
    """Return a record; WrongUsage for a newer format, NotProven for what is none."""
    return _STORED.read(body, place)


_STORED: Stored[Trial] = Stored(
    msgspec.json.Decoder(Trial), FORMAT, "the trial record is", "not a record of a trial"
)


Leaning = Literal["better", "worse", "open"]


def leaning(found: Difference) -> Leaning:
    """Say what an interval shows of the challenger by itself; only the gate judges.

    >>> leaning(Difference("error_rate", 100, 0.2, 0.1, -0.1, -0.15, -0.05))
    'better'
    """
    if found.low is None or found.high is None:
        return "open"
    return "better" if found.high < 0 else "worse" if found.low > 0 else "open"


def _log(bucket: Bucket, model: str) -> Log:
    return Log(bucket, f"{layout.CAPTURES}/{layout.model_folder(model)}/trials")
