"""What the guard finds, by which limits, and what it decides: go, or stop and mend what."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from trueup.errors import NotProven
from trueup.monitoring.broken.records import Pipe
from trueup.store.formats import Stored

FORMAT = 1

Check: TypeAlias = Literal[
    "schema", "broken_data", "skew", "as_of", "maturity", "label_gap", "selection",
    "duplicate_ids", "duplicate_rows", "own_predictions", "early_labels", "own_source",
    "own_actions", "rows", "classes", "groups",
]  # fmt: skip


class Limits(msgspec.Struct, frozen=True):
    """From where on data counts as unfit; docs/reference/loop-guard.md says why it is there."""

    rate: float = 0.001  # how often a check that counts rows may be wrong on sound data
    late: float = 0.01  # labels still to come, as a share of the rows trained on
    gap: float = 0.1  # by how much the share of labels that never came must have risen
    selection: float = 0.5  # the least band's share of labels, over the most's
    repeated_rows: float = 0.01  # rows that are there before in every column
    agreement: float = 0.5  # of the usual wrong answers: with fewer, truth looks like an echo
    equal_numbers: float = 0.01  # truths that are the predicted number to the last digit
    early: float = 0.001  # labels said before the outcome could be known
    jump: float = 0.1  # of the share of a class where the decision changes
    least_rows: int = 100
    least_of_class: int = 50
    least_groups: int = 10
    shrunk: float = 2.0  # so many times fewer rows than the last training had


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that speaks against learning from the rows, with its evidence and its pipe."""

    check: Check
    says: str
    stops: bool
    remedy: str
    column: str = ""  # empty: the table as a whole
    source: str = ""  # who said the labels, where that is what is wrong
    pipe: Pipe | None = None  # what makes the column: where to mend it
    measured: float | None = None
    usual: float | None = None
    limit: float | None = None
    why: str = ""  # where the limit comes from
    rows: int = 0  # how many are affected
    examples: tuple[str, ...] = ()
    accepted: bool = False  # it would stop, but somebody has said that it is meant

    @property
    def mend(self) -> str:
        """Return the pipe to mend in words; empty where nobody knows it."""
        if self.pipe is not None:
            return f"{self.pipe.stage}: {self.pipe.output}"
        return f"labels of {self.source}" if self.source else ""


class Before(msgspec.Struct, frozen=True):
    """What the last training learnt from: what is usual."""

    rows: int
    classes: Mapping[str, int] = {}  # rows by the name of the class
    repeated: float | None = None  # share of rows that are there before


class Guarded(msgspec.Struct, frozen=True):
    """The verdict: whether a retrain may learn from these rows, and everything it rests on."""

    go: bool
    findings: tuple[Finding, ...]
    rows: int
    at: datetime
    checked: tuple[Check, ...] = ()
    not_checked: tuple[str, ...] = ()  # what could not be looked at, and why
    limits: Limits = Limits()
    model: str = ""
    decision: str = ""
    learnt: Before | None = None  # what the next guard compares its rows with
    format: int = FORMAT

    @property
    def stopping(self) -> tuple[Finding, ...]:
        """Return the findings that stop the retrain."""
        return tuple(one for one in self.findings if one.stops)


def encode_guarded(found: Guarded) -> bytes:
    """Return a verdict as JSON."""
    return msgspec.json.encode(found)


def decode_guarded(body: bytes, place: str | None = None) -> Guarded:
    """Read what encode_guarded wrote; NotProven if it is damaged or of a newer trueup."""
    return _STORED.read(body, place, newer=NotProven)


_STORED = Stored(
    msgspec.json.Decoder(Guarded), FORMAT, "the guard's verdict is", "not a guard's verdict"
)
