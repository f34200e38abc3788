"""What windows are compared with: rows counted by window, and calibrated once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trueup.errors import WrongUsage, did_you_mean
from trueup.monitoring.broken.surveying import habits, survey
from trueup.monitoring.calibration.calibrating import LEAST_WINDOWS, NO_SEASON, calibrate
from trueup.monitoring.calibration.records import Season, Threshold
from trueup.monitoring.profiles.grids import Grid
from trueup.monitoring.references import MOST_BLOCKS, Reference
from trueup.monitoring.scanning.blocking import BlockSize
from trueup.monitoring.scanning.scan import ColumnsDiffer, scan_on, scan_reference
from trueup.monitoring.scanning.series import kind_of
from trueup.monitoring.watching.counting import AT, ID, asked_of, fitting
from trueup.monitoring.watching.settings import Settings
from trueup.monitoring.watching.shelf import Kept

_SHOWN = 8  # columns

if TYPE_CHECKING:
    import polars as pl

    from trueup.monitoring.cells import Cells


class ColumnsChanged(WrongUsage):
    """A version's columns are not those that were counted until now."""


class Based(msgspec.Struct, frozen=True):
    """A reference before it is kept, and what is to be said of it."""

    kept: Kept
    says: tuple[str, ...]

    @property
    def claimed(self) -> bool:
        """Say whether the rate of false alarms is claimed."""
        return self.kept.threshold is not None and self.kept.threshold.support.claimed


def based(
    table: "pl.DataFrame | pl.LazyFrame", settings: Settings, *, timed: bool, grid: Grid | None
) -> Based:
    """Count rows window by window and calibrate; without a grid, they make it.

    Rows without times, or of too few windows, cannot show how windows differ from each other.
    """
    table = _newest(table, settings) if timed else table
    reference = _counted(table, settings, timed, grid)
    _require_context(reference.grid, settings)
    found = habits(survey(table, reference.grid.columns, ID))
    threshold = _calibrated(reference, settings) if _is_enough(reference) else None
    says = threshold.support.says if threshold else _why_not(reference)
    return Based(Kept(reference, found, threshold), (says, *_not_watched(table, reference.grid)))


def calibrated(kept: Kept, settings: Settings) -> Based:
    """Return a reference calibrated for other settings; its windows have to be as long."""
    _require_context(kept.reference.grid, settings)
    threshold = _calibrated(kept.reference, settings) if _is_enough(kept.reference) else None
    says = threshold.support.says if threshold else _why_not(kept.reference)
    return Based(msgspec.structs.replace(kept, threshold=threshold), (says,))


def split(
    cells: "Sequence[Cells]", grid: Grid, context: Sequence[str]
) -> "tuple[list[Cells], list[Cells]]":
    """Return the cells that are watched, and those that are conditioned on."""
    pairs = list(zip(cells, (track.column for track in grid.tracks), strict=True))
    watched = [one for one, column in pairs if column not in context]
    return watched, [one for one, column in pairs if column in context]


def _counted(table: Any, settings: Settings, timed: bool, grid: Grid | None) -> Reference:
    blocks = BlockSize(AT, settings.window_s) if timed else BlockSize()
    if grid is None:
        return scan_reference(table, asked_of(table, blocks)).reference
    fitted = fitting(table, grid)
    try:
        return scan_on(grid, fitted, asked_of(fitted, blocks))
    except ColumnsDiffer as error:
        raise ColumnsChanged(
            f"this version's columns are not those that were counted until now: {error.problem}",
            remedy="Begin a new grid with: trueup monitor rebase MODEL --why REASON",
        ) from error


def _not_watched(table: Any, grid: Grid) -> tuple[str, ...]:
    """Name the columns that have come since the grid was made."""
    types = table.collect_schema()
    new = [
        name
        for name in types.names()
        if name not in (AT, ID, *grid.columns) and kind_of(types[name]) is not None
    ]
    if not new:
        return ()
    more = f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else ""
    return (
        f"New since the grid was made, and not watched until it is made anew (trueup monitor"
        f" rebase): {', '.join(new[:_SHOWN])}{more}",
    )


def _newest(table: Any, settings: Settings) -> Any:
    """Return the rows of the last windows, as many as a reference may have."""
    from datetime import timedelta

    import polars as pl

    last = table.lazy().select(pl.col(AT).max()).collect().item()
    if last is None:
        return table
    first = last - timedelta(seconds=settings.window_s) * (MOST_BLOCKS - 1)
    return table.filter(pl.col(AT) >= first)


def _is_enough(reference: Reference) -> bool:
    return reference.is_timed and reference.blocks >= LEAST_WINDOWS


def _calibrated(reference: Reference, settings: Settings) -> Threshold:
    watched, context = split(reference.cells(), reference.grid, settings.context)
    season = NO_SEASON
    if settings.seasonal:
        season = Season(tuple(settings.phase(moment) for moment in reference.moments()))
    return calibrate(_with_rows(watched), settings.plan, season, context)


def _with_rows(watched: "Sequence[Cells]") -> "Sequence[Cells]":
    """Return the columns that have a value anywhere: of the others there is nothing to learn."""
    return [one for one in watched if np.any(one.counts) or np.any(one.missing)]


def _why_not(reference: Reference) -> str:
    if not reference.is_timed:
        return (
            "No rate is claimed: the reference's rows have no times, so that how windows differ"
            " from each other is not known. Each is compared with the whole as a table."
        )
    return (
        f"No rate is claimed: the reference has {reference.blocks} windows, and {LEAST_WINDOWS}"
        " are the least that show how windows differ. Each is compared with the whole as a table."
    )


def _require_context(grid: Grid, settings: Settings) -> None:
    for name in settings.context:
        if name not in grid.columns:
            raise WrongUsage(
                f"monitor.context names {name!r}, which is no column of what is captured",
                remedy=f"{did_you_mean(name, grid.columns)}Name inputs of the model",
            )
