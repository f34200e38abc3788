"""What is captured: rows that a version answered, labels, and the rules of what is kept."""

from collections.abc import Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from trueup.config.model_entries import CaptureEntry

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

Role: TypeAlias = Literal["champion", "challenger", "shadow", "explore", "batch", "elsewhere"]
Values: TypeAlias = Any  # a numpy array, or a list
Moment: TypeAlias = datetime | int  # aware, or nanoseconds since 1970


class Matrix(msgspec.Struct, frozen=True):
    """Columns of numbers as a model takes them: captured at a tenth of what a mapping costs."""

    names: tuple[str, ...]
    values: "NDArray[Any]"  # rows by columns

    def rows_of(self, rows: "slice | list[int]") -> "Matrix":
        """Return some of its rows."""
        return Matrix(self.names, self.values[rows])

    def without(self, hidden: Set[str]) -> "Matrix":
        """Return the columns that are not hidden."""
        kept = [k for k, name in enumerate(self.names) if name not in hidden]
        return Matrix(tuple(self.names[k] for k in kept), self.values[:, kept])

    def mapping(self) -> "dict[str, NDArray[Any]]":
        """Return the columns by name."""
        return {name: self.values[:, k] for k, name in enumerate(self.names)}


Named: TypeAlias = Mapping[str, Values] | Matrix


class Captured(msgspec.Struct, frozen=True):
    """A batch of rows that one version of a model answered, or refused."""

    model: str  # project/model
    version: int  # 0: a model that the registry does not know
    digest: str
    at: Moment | Sequence[Moment]  # of all rows, or of each
    ids: Sequence[str]
    inputs: Named
    outputs: Named
    flags: Mapping[str, Sequence[str]] = {}  # column: a word a row, "" for nothing unusual
    latency_s: float = 0.0
    role: Role = "champion"
    refused: str = ""  # why; the inputs are then whatever was sent
    propensity: float = 0.0  # with which the rows were chosen to be labelled, where they were
    environment: str = ""  # where it was live; empty: nobody says

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.ids)

    def part(self, start: int, stop: int) -> "Captured":
        """Return some of its rows; words that are meant for all rows stay with each part."""
        whole = self.rows
        return msgspec.structs.replace(
            self,
            ids=self.ids[start:stop],
            at=self.at[start:stop] if isinstance(self.at, Sequence) else self.at,
            inputs=rows_of(self.inputs, slice(start, stop)),
            outputs=rows_of(self.outputs, slice(start, stop)),
            flags={
                name: one[start:stop] if len(one) == whole else one
                for name, one in self.flags.items()
            },
        )

    def only(self, rows: list[int]) -> "Captured":
        """Return the rows at these places."""
        return msgspec.structs.replace(
            self,
            ids=[self.ids[k] for k in rows],
            at=[self.at[k] for k in rows] if isinstance(self.at, Sequence) else self.at,
            inputs=rows_of(self.inputs, rows),
            outputs=rows_of(self.outputs, rows),
            flags={
                name: [words[k] for k in rows] if len(words) == self.rows else words
                for name, words in self.flags.items()
            },
        )


class Labelled(msgspec.Struct, frozen=True):
    """Truths for predictions, whenever they come. A later word on an id replaces an earlier one."""

    model: str
    ids: Sequence[str]
    labels: Values
    at: Moment | Sequence[Moment]  # when they were said, all or each
    source: str = ""  # who or what said so

    @property
    def rows(self) -> int:
        """How many labels it has."""
        return len(self.ids)

    def part(self, start: int, stop: int) -> "Labelled":
        """Return some of its labels."""
        return msgspec.structs.replace(
            self,
            at=self.at[start:stop] if isinstance(self.at, Sequence) else self.at,
            ids=self.ids[start:stop],
            labels=self.labels[start:stop],
        )


Batch: TypeAlias = Captured | Labelled


class Rules(msgspec.Struct, frozen=True):
    """What is kept of a model's rows."""

    redact: tuple[str, ...] = ()  # columns that are never written
    sample: float = 1.0  # the share of ids that is kept, the same ids on every replica
    refusals_per_minute: int = 60  # rows; beyond, they are only counted


class Limits(msgspec.Struct, frozen=True):
    """The bounds of a spool, and with them what a crash can cost."""

    queue_rows: int = 16_384  # in memory, not yet written
    write_s: float = 0.1  # the end of the process costs at most what came in within this time
    sync_s: float = 1.0  # the end of the power costs at most what came in within this time
    segment_bytes: int = 16 << 20
    segment_s: float = 300.0
    spool_bytes: int = 1 << 30  # on disk, while the bucket does not answer


class Counts(msgspec.Struct, frozen=True):
    """What became of the rows that were offered, since the spool was opened."""

    kept: int  # written to the spool
    dropped: int  # lost: no room in the queue, because disk or bucket did not keep up
    left_out: int  # by sampling
    refusals_left_out: int  # beyond the bound on refusals
    unreadable: int  # rows that could not be written as they were
    queued: int  # in memory
    spilled: int  # in closed segments that are not in the bucket yet
    spool_bytes: int
    lag_s: float  # age of the oldest row that is not in the bucket
    trouble: str = ""  # why rows are being dropped, while they are


def rows_of(named: Named, rows: slice | list[int]) -> Named:
    """Return some rows of columns, of which each is an array or a list."""
    if isinstance(named, Matrix):
        return named.rows_of(rows)
    if isinstance(rows, slice):
        return {name: one[rows] for name, one in named.items()}
    return {
        name: one[rows] if hasattr(one, "dtype") else [one[k] for k in rows]
        for name, one in named.items()
    }


def names_of(named: Named) -> tuple[str, ...]:
    """Return the columns' names in order."""
    return named.names if isinstance(named, Matrix) else tuple(named)


def rules_of(entry: CaptureEntry) -> Rules:
    """Return the rules that a model's ``serve.capture`` gives."""
    return Rules(entry.redact, entry.sample)


def nanoseconds(at: Moment) -> int:
    """Return a moment in nanoseconds since 1970."""
    return at if isinstance(at, int) else (at - _EPOCH) // _MICROSECOND * 1_000
