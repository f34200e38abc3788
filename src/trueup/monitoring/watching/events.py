"""What is written down of watching a model: each event is numbered, created once, never changed."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from trueup.monitoring.broken.records import CheckName, Sure
from trueup.monitoring.cells import Role
from trueup.monitoring.detectors.findings import Finding
from trueup.monitoring.performance.dropping import Drop
from trueup.monitoring.performance.records import Performance
from trueup.monitoring.watching.windows import Window
from trueup.store.formats import Stored

FORMAT = 1

State: TypeAlias = Literal["quiet", "alarm", "broken", "out of season", "unsupported"]
Basis: TypeAlias = Literal["evaluation", "training", "captures"]


class Moved(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column of a window: how far it is from the reference, and whether it has drifted."""

    name: str
    role: Role
    effect: float  # corrected
    lower: float  # it is at least that
    score: float
    at: float  # a larger score is significant
    drifted: bool = False
    claimed: bool = False  # whether the promise covers it
    importance: float = 1.0


class Drifted(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the check of a window for drift came to."""

    drifted: bool
    alarmed: bool
    incident: bool  # the first alarm after a quiet time
    claimed: bool
    score: float
    at: float
    effect: str
    columns: tuple[Moved, ...] = ()  # those that have drifted, and the highest; by rank
    moved: tuple[str, ...] = ()  # all that have drifted


class Detected(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the detectors that trueup.yaml names came to in a window."""

    findings: tuple[Finding, ...]
    alarmed: bool = False  # those that may alarm by themselves, by the alarm's rule
    incident: bool = False
    triggers: tuple[str, ...] = ()  # which of them set something off
    panel: str = ""  # the key of their states after the window
    pages: dict[str, str] = {}  # what those that fired show to people: a name, and its key

    @property
    def drifted(self) -> bool:
        """Say whether any is above its threshold in this window alone, or sets something off."""
        return bool(self.triggers) or any(one.counts for one in self.findings)


class Compared(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was served in a window, held against what the pipeline computes for the same ids."""

    table: str
    rows: int = 0  # whose ids the table has
    absent: int = 0  # rows whose ids it does not have
    different: dict[str, int] = {}  # rows by column, where any differs; those with most
    why: str = ""  # nothing was compared


class BrokenPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is broken in a window."""

    check: CheckName
    column: str
    says: str
    sure: Sure
    rows: int = 0
    mend: str = ""  # the stage that makes it, and where


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """What all events say."""

    at: datetime
    by: str
    format: int = FORMAT


class Referenced(_Event, frozen=True, tag="referenced"):
    """A version got the reference that its windows are compared with from now on."""

    version: int
    digest: str  # of the model
    grid: str
    reference: str  # keys in the bucket
    threshold: str = ""  # empty: too few windows; each is compared with the whole as a table
    settings: str = ""
    window_s: float = 0.0
    basis: Basis = "evaluation"
    source: str = ""  # the digest of the rows' file, or the span of captures
    rows: int = 0
    left_out: int = 0  # rows that the version has seen
    claimed: bool = False
    answers: str = ""  # the key of what was predicted of labelled rows; empty: none are known
    classes: tuple[str, ...] = ()
    says: tuple[str, ...] = ()  # of the rows
    rate: tuple[str, ...] = ()  # of the rate that is claimed, or why none is
    panel: str = ""  # the key of the detectors' states before the first window
    importance: dict[str, float] = {}  # of inputs, 1 on average: what columns are ranked by, too
    importance_by: str = ""  # what says so
    why: str = ""


class Checked(_Event, frozen=True, tag="checked"):
    """A closed window was checked, for good."""

    window: Window
    version: int
    reference: int  # the number of its event
    rows: int
    segments: str  # which they were
    profile: str = ""  # its key in the bucket
    state: State = "quiet"
    phase: str = ""
    drift: Drifted | None = None  # None: nothing of it could be compared
    broken: tuple[BrokenPart, ...] = ()
    performance: Performance | None = None  # as far as it was known then: an estimate
    drops: tuple[Drop, ...] = ()
    reasons: tuple[str, ...] = ()
    detected: Detected | None = None  # None: no detector is named
    skew: Compared | None = None  # None: no table is named


class Revised(_Event, frozen=True, tag="revised"):
    """Captures of a closed window have come, or went, since; what was decided stays."""

    window: Window
    version: int
    rows: int  # by how many there are more than when it was closed
    segments: str


class Matured(_Event, frozen=True, tag="matured"):
    """The labels of a checked window are as complete as is waited for: how well it did."""

    window: Window
    version: int
    reference: int
    performance: Performance
    drops: tuple[Drop, ...] = ()


class Acknowledged(_Event, frozen=True, tag="acknowledged"):
    """Somebody has seen what a window shows."""

    window: str
    why: str


class Rebased(_Event, frozen=True, tag="rebased"):
    """The next check begins anew, on a grid of its own."""

    why: str


Event: TypeAlias = Referenced | Checked | Revised | Matured | Acknowledged | Rebased


def encode_event(event: Event) -> bytes:
    """Return an event as JSON; the log adds its nonce."""
    return msgspec.json.encode(event)


def decode_event(body: bytes, place: str) -> Event:
    """Return an event; WrongUsage for a newer format, NotProven for what no trueup has written."""
    return _STORED.read(body, place)


_EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_STORED = Stored(
    _EVENTS, FORMAT, "what was written down of watching is", "not an event of watching"
)
