"""What was scored for a partition, and whether asking again means anything to do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec
from blake3 import blake3

from trueup.captures.layout import model_folder
from trueup.errors import NotProven
from trueup.pipeline.tracking.layout import stage_folder
from trueup.store.formats import Stored

FORMAT = 1


class Table(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file of an input: what it is called there, and what tells it from others."""

    name: str
    size_bytes: int
    stamp: str  # when it was written, as its place says
    digest: str = ""  # of its content; empty: not read yet

    def may_be(self, other: "Table") -> bool:
        """Say whether both are certainly the same content, by digest or else by size and time."""
        if self.digest and other.digest:
            return self.digest == other.digest
        return (self.name, self.size_bytes, self.stamp) == (
            other.name, other.size_bytes, other.stamp
        )  # fmt: skip


class Job(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that a scored table depends on, and where it is written to."""

    model: str  # project/model
    version: int
    digest: str
    environment: str
    tables: tuple[Table, ...]
    out: str
    partition: str = ""
    id: str = ""  # the column of ids; empty: they are made
    at: str = ""  # the column that says when a row was asked
    strict: bool = False

    @property
    def source(self) -> str:
        """What names its captures: the same rows of the same version are captured once."""
        said = [self.model, self.digest, str(self.version), self.partition, self.id, self.at]
        said += [str(self.strict), *(f"{one.name} {one.digest}" for one in self.tables)]
        return blake3("\0".join(said).encode()).hexdigest()[:24]


class Counted(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the rows of a table came out."""

    rows: int = 0  # predicted
    rejected: int = 0
    flagged: dict[str, dict[str, int]] = {}  # column: kind: rows

    @property
    def share_rejected(self) -> float:
        """The part of all rows that was rejected."""
        return self.rejected / max(1, self.rows + self.rejected)

    def plus(self, other: "Counted") -> "Counted":
        """Return both together."""
        flagged = {name: dict(kinds) for name, kinds in self.flagged.items()}
        for name, kinds in other.flagged.items():
            mine = flagged.setdefault(name, {})
            for kind, rows in kinds.items():
                mine[kind] = mine.get(kind, 0) + rows
        return Counted(self.rows + other.rows, self.rejected + other.rejected, flagged)


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    at: datetime
    by: str
    format: int = FORMAT


class Begun(_Event, frozen=True, tag="begun"):
    """Captures are about to be written; who finds this last removes or completes them."""

    source: str


class Scored(_Event, frozen=True, tag="scored"):
    """A partition is scored: its captures and its table are there."""

    job: Job
    counted: Counted
    out_bytes: int


Event: TypeAlias = Begun | Scored


class Decision(msgspec.Struct, frozen=True):
    """What is to be done about a partition, and why."""

    word: Literal["score", "nothing", "refuse"]
    why: str = ""
    before: Scored | None = None


def decide(events: Sequence[Event], job: Job, *, exact: bool, replace: bool) -> Decision:
    """Say whether a job is to be done. exact: its version was named, not followed by an alias.

    A partition that is scored stays so when only its alias has moved on since.
    """
    before = last_scored(events)
    if before is None:
        return Decision("score")
    done = before.job
    differs = []
    if not same_tables(done.tables, job.tables):
        differs.append("of other input")
    if done.digest != job.digest and (exact or replace):
        differs.append(f"by version {done.version}")
    if done.out != job.out:
        differs.append(f"into {done.out}")
    if (done.id, done.at, done.strict) != (job.id, job.at, job.strict):
        differs.append("with other options")
    if not differs:
        return Decision("nothing", "it is scored already", before)
    why = f"it was scored {', '.join(differs)}"
    return Decision("score" if replace else "refuse", why, before)


def same_tables(one: Sequence[Table], other: Sequence[Table]) -> bool:
    """Say whether two inputs have the same content in the same order."""
    return len(one) == len(other) and all(a.may_be(b) for a, b in zip(one, other, strict=True))


def last_scored(events: Sequence[Event]) -> Scored | None:
    """Return how the partition was scored last; None if it never was."""
    return next((one for one in reversed(events) if isinstance(one, Scored)), None)


def abandoned(events: Sequence[Event], source: str) -> list[str]:
    """Return the sources whose captures are to go once this source's are there."""
    named = {one.source if isinstance(one, Begun) else one.job.source for one in events}
    return sorted(named - {source})


def log_prefix(job: Job) -> str:
    """Return where in the bucket a partition's events lie."""
    names = (stage_folder(job.environment), stage_folder(job.partition))
    return f"batches/{model_folder(job.model)}/{'/'.join(names)}"


def encode_event(event: Event) -> bytes:
    """Return an event as JSON; the log adds its nonce."""
    return msgspec.json.encode(event)


def decode_event(body: bytes, place: str) -> Event:
    """Return an event; NotProven for a damaged one or a newer format."""
    return _STORED.read(body, place, newer=NotProven)


_EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_STORED = Stored(
    _EVENTS,
    FORMAT,
    "the record of the partition is",
    "the record of the partition cannot be read",
    remedy="Score it again with: --replace",
)
