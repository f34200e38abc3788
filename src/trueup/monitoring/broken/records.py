"""What a check of a window for broken data is given, and what it finds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

CheckName: TypeAlias = Literal[
    "missing_column", "type", "duplicate_ids", "infinite", "nulls", "frozen", "unit", "range",
    "unseen", "row_count", "skew",
]  # fmt: skip
Sure: TypeAlias = Literal["certain", "very likely", "likely"]
SURENESS: tuple[Sure, ...] = ("certain", "very likely", "likely")


class Pipe(msgspec.Struct, frozen=True):
    """What makes a column: where to mend it."""

    stage: str
    output: str  # the stage's, in which the column is first seen


class Limits(msgspec.Struct, frozen=True):
    """How often corruption may be found where there is none, and what is too little to matter.

    ``rate`` is a window's, over all its columns and checks: corruption's own share of what is
    promised. Those checks that count rows are bound by it; those of units, ranges and row counts
    go by what the reference has shown, with a margin that is told with each finding.
    """

    rate: float = 0.001
    nulls: float = 0.01  # by how much their share must have risen, where there were some before
    new_nulls: float = 0.001  # where there were none
    unseen: float = 0.01
    frozen_rows: int = 20  # that follow each other
    rows_factor: float = 2.0  # fewer than expected by that much, or more
    redact: tuple[str, ...] = ()  # columns of which no value is shown


class Since(msgspec.Struct, frozen=True):
    """Where it is seen first: a row of the window, and when that was, as far as known."""

    row: int | None = None
    at: datetime | None = None


class Finding(msgspec.Struct, frozen=True):
    """One thing that is broken, with its evidence."""

    check: CheckName
    column: str  # empty: the table as a whole
    says: str
    sure: Sure
    measured: float
    usual: float
    limit: float
    why: str  # where the limit comes from
    rows: int = 0  # how many are affected
    strength: float = 0.0  # orders findings that are equally sure
    examples: tuple[str, ...] = ()
    since: Since = Since()
    pipe: Pipe | None = None


class Broken(msgspec.Struct, frozen=True):
    """What is broken of a window: the surest first."""

    findings: tuple[Finding, ...]
    rows: int
    columns: int  # that were looked at
    limits: Limits
    not_checked: tuple[str, ...] = ()  # what could not be checked, and why
    window: str = ""  # its name, for people
    format: int = 1

    @property
    def is_broken(self) -> bool:
        """Say whether anything is."""
        return bool(self.findings)

    @property
    def names(self) -> frozenset[str]:
        """Return the columns that are broken: drift says nothing of these."""
        return frozenset(one.column for one in self.findings if one.column)


def ordered(found: "list[Finding]") -> tuple[Finding, ...]:
    """Return findings by how sure they are, then by how strong."""
    return tuple(
        sorted(found, key=lambda one: (SURENESS.index(one.sure), -one.strength, one.column))
    )


def piped(broken: Broken, pipes: Mapping[str, Pipe]) -> Broken:
    """Return findings that say which pipe to mend, as far as it is known by column."""
    return msgspec.structs.replace(
        broken,
        findings=tuple(
            msgspec.structs.replace(one, pipe=pipes.get(one.column)) for one in broken.findings
        ),
    )
