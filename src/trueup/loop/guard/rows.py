"""What the guard looks at: the rows to be trained on, what was captured of them, what is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trueup.captures.losses import named
from trueup.config.model_entries import LabelsEntry
from trueup.gate.metrics import Task
from trueup.loop.guard.records import Before
from trueup.models.signature import Signature
from trueup.monitoring.broken.records import Pipe
from trueup.monitoring.maturity import NEVER, MaturityCurve, maturity_curve
from trueup.monitoring.skew import Skew
from trueup.monitoring.watching.events import BrokenPart

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLASSES = ("binary", "multiclass")
SERVED = ("champion", "challenger", "explore")


class BrokenWindow(msgspec.Struct, frozen=True):
    """A window whose rows would be trained on, and what monitoring has found broken of it."""

    window: str
    parts: tuple[BrokenPart, ...]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known beside the rows; whatever is None or empty is not checked, and said so.

    ``known_after_s``: no outcome can be known sooner after its prediction. ``influences``:
    it is declared that predictions change outcomes; ``actions`` are columns that record what was
    done. ``own``: names under which the model itself writes, such as ``flights/late/3``.
    ``usual_error``: the share of wrong answers when the version was judged. ``accepted``: checks,
    or check:column, of which somebody has said that they are meant.
    """

    signature: Signature | None = None
    windows: tuple[BrokenWindow, ...] | None = None
    skew: Skew | None = None
    pipes: Mapping[str, Pipe] = field(default_factory=dict)
    labels: LabelsEntry = field(default_factory=LabelsEntry)
    known_after_s: float | None = None
    influences: bool = False
    actions: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    usual_error: float | None = None
    before: Before | None = None
    accepted: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The table to be trained on, its columns by role, and what was captured up to ``now``.

    ``captured`` has a row for each prediction: ``id``, ``at``, ``role``, ``prediction``, and
    where there are such: ``score`` (of the positive class), ``label``, ``labelled_at``,
    ``source``, ``propensity``. Rows without a label belong to it.
    """

    table: "pl.DataFrame"
    target: str
    task: Task
    now: datetime
    id: str = ""
    time: str = ""
    group: str = ""
    captured: "pl.DataFrame | None" = None

    @cached_property
    def labelled(self) -> "pl.DataFrame | None":
        """Return captured rows with the truth that would be trained on, in order of time.

        ``truth`` and ``predicted`` are names of classes, or numbers; truth is the table's where it
        has the id, else the label.
        """
        return None if self.captured is None else _labelled(self, self.captured)

    @cached_property
    def curve(self) -> MaturityCurve:
        """Return how soon labels have come of what was captured."""
        frame = self.labelled
        if frame is None:
            nothing = np.empty(0, np.int64)
            return maturity_curve(nothing, nothing, self.now_us)
        return maturity_curve(us(frame["at"]), known_us(frame["labelled_at"]), self.now_us)

    @property
    def now_us(self) -> int:
        """Return the moment that is decided for, in microseconds."""
        return (self.now - _EPOCH) // timedelta(microseconds=1)


def us(times: "pl.Series") -> "NDArray[np.int64]":
    """Return times in microseconds since 1970; a date is its beginning in UTC."""
    import polars as pl

    plain = times.cast(pl.Datetime("us", getattr(times.dtype, "time_zone", None)))
    found: NDArray[np.int64] = plain.to_physical().fill_null(0).to_numpy()
    return found


def known_us(times: "pl.Series") -> "NDArray[np.int64]":
    """Return the same, NEVER where there is none."""
    return np.where(times.is_null().to_numpy(), NEVER, us(times))


def _labelled(rows: Rows, captured: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    nothing: dict[str, Any] = {
        "prediction": pl.Null,
        "score": pl.Float64,
        "label": pl.Null,
        "labelled_at": pl.Datetime("us", "UTC"),
        "source": pl.String,
        "propensity": pl.Float64,
        "role": pl.String,
    }
    frame = captured.with_columns(
        pl.lit(None, kind).alias(name)
        for name, kind in nothing.items()
        if name not in captured.columns
    )
    truth = _value(frame, "label", rows.task)
    frame = frame.with_columns(
        truth.alias("truth"), _value(frame, "prediction", rows.task).alias("predicted")
    )
    if rows.id and rows.id in rows.table.columns and rows.target in rows.table.columns:
        mine = rows.table.select(
            pl.col(rows.id).cast(pl.String).alias("id"),
            _value(rows.table, rows.target, rows.task).alias("its truth"),
        ).unique("id", keep="last")
        frame = frame.with_columns(pl.col("id").cast(pl.String)).join(mine, on="id", how="left")
        trained = pl.col("its truth").is_not_null().alias("trained")
        frame = frame.with_columns(trained, pl.coalesce("its truth", "truth").alias("truth"))
    else:
        frame = frame.with_columns(pl.col("truth").is_not_null().alias("trained"))
    return frame.sort("at", "id")


def _value(frame: "pl.DataFrame", column: str, task: Task) -> "pl.Expr":
    """Return a column as names of classes, or as numbers."""
    import polars as pl

    if task in CLASSES:
        return named(frame[column].dtype, column)
    return pl.col(column).cast(pl.Float64, strict=False)


def class_names(table: "pl.DataFrame", column: str) -> dict[str, int]:
    """Return how many rows each class has, by its name."""
    names = table.select(named(table[column].dtype, column).alias("class"))["class"]
    return dict(names.drop_nulls().value_counts().iter_rows())
