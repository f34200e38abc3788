"""A window on its way to the checks: counted as far as it fits the reference, and surveyed."""

from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from trueup.monitoring.broken.records import Since
from trueup.monitoring.broken.surveying import Habits, Survey, habits, kinds, survey
from trueup.monitoring.cells import Cells
from trueup.monitoring.profiles.grids import Grid, Kind, Track
from trueup.monitoring.references import Reference
from trueup.monitoring.scanning.blocking import BlockSize, like
from trueup.monitoring.scanning.passes import Asked
from trueup.monitoring.scanning.scan import ALL, scan_on, scan_reference


class Span(msgspec.Struct, frozen=True):
    """From when (included) to when (excluded) a window reaches: how many rows it should have."""

    begin: datetime
    end: datetime


class Window(msgspec.Struct, frozen=True):
    """What is checked. Without a survey, as from a server's profile, fewer checks can be made."""

    counted: Reference | None  # on the part of the grid that fits; None: nothing does
    kinds: dict[str, Kind | None]  # of all columns that came
    survey: Survey | None = None
    span: Span | None = None
    name: str = ""


class Basis(msgspec.Struct, frozen=True):
    """What it is checked against."""

    reference: Reference
    habits: Habits | None = None


class Pair(msgspec.Struct, frozen=True):
    """One track of the reference and of the window: what most checks compare."""

    track: Track
    before: Cells
    now: Cells
    before_number: int  # of the track, in the reference's profile
    now_number: int
    counted: Reference  # the window


def basis_of(table: Any, asked: Asked = ALL) -> Basis:
    """Count and survey a reference table."""
    reference = scan_reference(table, asked).reference
    return Basis(reference, habits(survey(table, reference.grid.columns, asked.id)))


def window_of(
    basis: Basis,
    table: Any,
    asked: Asked = ALL,
    span: Span | None = None,
    counted: Reference | None = None,
) -> Window:
    """Count and survey a window's table; columns that are missing or of another type stay out.

    ``counted`` is what was counted before of just these rows, on the whole grid; it is counted
    again where not all of the grid fits.
    """
    found = dict(kinds(table))
    grid = basis.reference.grid
    fits = Grid(tuple(one for one in grid.tracks if is_of(found.get(one.column), one.kind)))
    if fits.tracks != grid.tracks:
        counted = None
    if fits.tracks and counted is None:
        blocks = like(basis.reference, asked.blocks) if _is_timed(basis, asked) else asked.blocks
        counted = scan_on(fits, table, msgspec.structs.replace(asked, blocks=blocks))
    return Window(counted, found, survey(table, grid.columns, asked.id), span)


def is_of(found: Kind | None, kind: Kind) -> bool:
    """Say whether a column can be counted as this kind; one without any value can."""
    return found == kind or found == "nothing"


def pairs(basis: Basis, window: Window) -> list[Pair]:
    """Return the tracks that both have."""
    if window.counted is None:
        return []
    now = {track: k for k, track in enumerate(window.counted.grid.tracks)}
    before_cells, now_cells = basis.reference.cells(), window.counted.cells()
    return [
        Pair(track, before_cells[k], now_cells[now[track]], k, now[track], window.counted)
        for k, track in enumerate(basis.reference.grid.tracks)
        if track in now
    ]


def extremes_of(counted: Reference, number: int) -> tuple[float, float]:
    """Return the lowest and the highest of a track's finite numbers; inf and -inf: none."""
    found = counted.profile.extremes[:, number]
    return float(found[:, 0].min(initial=np.inf)), float(found[:, 1].max(initial=-np.inf))


def since_block(window: Window, block: int) -> Since:
    """Return where a block of the window begins."""
    counted = window.counted
    if counted is None or not len(counted.begins):
        return Since()
    moments = counted.moments()
    if moments:
        return Since(at=moments[block])
    return Since(row=int(counted.begins[block]))


def since_row(window: Window, row: int) -> Since:
    """Return where a row is; when, where rows come in the order of time."""
    counted = window.counted
    if counted is None or not counted.is_timed:
        return Since(row)
    ends = np.cumsum(counted.profile.rows)
    block = min(int(np.searchsorted(ends, row, side="right")), counted.blocks - 1)
    return Since(row, counted.moments()[block])


def _is_timed(basis: Basis, asked: Asked) -> bool:
    return bool(asked.blocks.time) == basis.reference.is_timed and asked.blocks == BlockSize(
        asked.blocks.time
    )
