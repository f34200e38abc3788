"""Which rows of a table a forecast is judged on, and how hard each series is to forecast."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.config.model_entries import EvaluateEntry
from trueup.config.units import duration_s
from trueup.delivery.row_times import moment_like, row_times
from trueup.delivery.tables import column
from trueup.delivery.truths import numbers
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

SCALE = "scale"  # the column that holds it, where no history does
LEAST_SERIES = 8  # from which the series are groups; fewer are the very ones that matter


@dataclass(frozen=True)
class Outlook:
    """The rows within the horizon. ``group`` are the series, where they are many."""

    kept: "pl.Series"
    group: "pl.Series | None" = None
    scale: Callable[[int], Any] | None = None


def outlook(frame: "pl.DataFrame", entry: EvaluateEntry, target: str, shown_as: str) -> Outlook:
    """Return what of a table is forecast: the rows after the cut-off, up to the horizon.

    Rows up to a cut-off that is one moment are history: the scale comes from them, unless the
    table has a column of it. A cut-off that is a column holds each row's own.
    """
    import polars as pl

    series = _series(frame, entry, shown_as)
    kept = pl.repeat(value=True, n=frame.height, eager=True)
    if entry.cutoff is None and entry.horizon == "":
        return Outlook(kept, _group(series, kept), _given(frame, kept, shown_as))
    if not entry.time:
        raise WrongUsage(
            "a cut-off and a horizon are in time, and no column of times is named",
            remedy="Write evaluate: {time: COLUMN}.",
        )
    time = row_times(column(frame, entry.time, "evaluate.time", shown_as), shown_as)
    cutoff, one = _cutoff(frame, entry, time, shown_as)
    if cutoff is not None:
        kept = time > cutoff
    kept = kept & _near(time, kept, cutoff, series, entry)
    if not kept.any():
        raise WrongUsage(
            "no row lies after the cut-off and within the horizon",
            remedy=f"Look at evaluate: cutoff and horizon; times go {_span(time)}.",
            place=shown_as,
        )
    scale = _given(frame, kept, shown_as)
    if scale is None and one:
        past = (time <= cutoff) & pl.Series(values=frame[target].is_not_null())
        if past.any():
            scale = _seasonal(frame, series, time, target, (past, kept), shown_as)
    return Outlook(kept, _group(series, kept), scale)


def _span(time: "pl.Series") -> str:
    return f"from {time.min()!s} to {time.max()!s}"


def series_columns(entry: EvaluateEntry) -> tuple[str, ...]:
    """Return the columns that name a series, none for a single one."""
    named = (entry.series,) if isinstance(entry.series, str) else entry.series
    return tuple(name for name in named if name)


def _series(frame: "pl.DataFrame", entry: EvaluateEntry, shown_as: str) -> "pl.Series":
    import polars as pl

    names = series_columns(entry)
    if not names:
        return pl.repeat("", frame.height, eager=True).alias("series")
    parts = [column(frame, name, "evaluate.series", shown_as).cast(pl.String) for name in names]
    frame = pl.DataFrame([part.fill_null("null").alias(str(at)) for at, part in enumerate(parts)])
    return frame.select(series=pl.concat_str(pl.all(), separator="\x1f"))["series"]


def _group(series: "pl.Series", kept: "pl.Series") -> "pl.Series | None":
    mine = series.filter(kept)
    return mine if mine.n_unique() >= LEAST_SERIES else None


def _cutoff(
    frame: "pl.DataFrame", entry: EvaluateEntry, time: "pl.Series", shown_as: str
) -> tuple[Any, bool]:
    """Return the cut-off, and whether it is one for all rows."""
    if entry.cutoff is None:
        return None, False
    if not isinstance(entry.cutoff, str) or entry.cutoff not in frame.columns:
        return moment_like(entry.cutoff, time, "evaluate.cutoff"), True
    own = row_times(frame[entry.cutoff], shown_as)
    if own.dtype != time.dtype and not (own.dtype.is_numeric() and time.dtype.is_numeric()):
        raise WrongUsage(
            f"{entry.cutoff!r} holds {own.dtype}, {entry.time!r} {time.dtype}",
            remedy="Give both the same kind of time.",
            place=shown_as,
        )
    return own, False


def _near(
    time: "pl.Series", after: "pl.Series", cutoff: Any, series: "pl.Series", entry: EvaluateEntry
) -> "pl.Series":
    """Return which rows are within the horizon: so many steps of a series, or so much time."""
    import polars as pl

    horizon = entry.horizon
    if horizon == "":
        return pl.repeat(value=True, n=len(time), eager=True)
    if isinstance(horizon, int) or horizon.isdigit():
        own = cutoff if isinstance(cutoff, pl.Series) else pl.repeat(0, len(time), eager=True)
        steps = pl.DataFrame({"series": series, "own": own, "after": after, "time": time}).select(
            pl.col("time").rank("dense").over("series", "own", "after")
        )
        return steps["time"] <= int(horizon)
    try:
        seconds = duration_s(horizon)
    except ValueError as error:
        raise WrongUsage(
            f"evaluate.horizon: {error}", remedy="Write one, or a number of steps such as 14."
        ) from error
    if cutoff is None:
        raise WrongUsage(
            "evaluate.horizon is a span of time, and it is not said from when",
            remedy="Write evaluate: {cutoff: TIME}, or a number of steps such as horizon: 14.",
        )
    frame = pl.DataFrame({"time": time}).with_columns(cutoff=cutoff)
    span = seconds if time.dtype.is_numeric() else pl.duration(microseconds=int(seconds * 1e6))
    return frame.select(near=pl.col("time") <= pl.col("cutoff") + span)["near"]


def _given(frame: "pl.DataFrame", kept: "pl.Series", shown_as: str) -> Callable[[int], Any] | None:
    if SCALE not in frame.columns:
        return None
    found = numbers(frame[SCALE].filter(kept), shown_as)
    return lambda season: found


def _seasonal(
    frame: "pl.DataFrame",
    series: "pl.Series",
    time: "pl.Series",
    target: str,
    parts: "tuple[pl.Series, pl.Series]",
    shown_as: str,
) -> Callable[[int], Any]:
    """Return, by the length of a season, the mean error of the seasonal naive forecast.

    Taken in each series' history, one step after the other.
    """
    import polars as pl

    past, kept = parts
    truth = pl.Series("truth", numbers(frame[target], shown_as)).fill_nan(None)
    everything = pl.DataFrame({"series": series, "time": time, "truth": truth})
    history = everything.filter(past).sort("series", "time")
    mine = everything.filter(kept).select("series")

    def scale(season: int) -> Any:
        apart = (pl.col("truth") - pl.col("truth").shift(season).over("series")).abs()
        errors = history.with_columns(apart=apart).group_by("series").agg(pl.col("apart").mean())
        return mine.join(errors, on="series", how="left", maintain_order="left")["apart"].to_numpy()

    return scale
