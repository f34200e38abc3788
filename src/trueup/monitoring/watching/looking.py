"""The rows of a reference and of a window as detectors take them: bounded, in order of time."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from trueup.monitoring.broken.records import Broken
from trueup.monitoring.detectors.panel import Panel, Watched, panel_of, triggering, watch
from trueup.monitoring.detectors.port import Detector
from trueup.monitoring.detectors.tables import cut, windows_of
from trueup.monitoring.watching.counting import AT, ID
from trueup.monitoring.watching.events import Detected
from trueup.monitoring.watching.settings import Settings

if TYPE_CHECKING:
    import polars as pl

MOST_ROWS = 2_000_000  # of a reference, or of a window
_SPARE = 1.2  # as hashes do not fall just as they should
_SEED = 20270306
_HASHES = 2.0**64


def reference_panel(
    detectors: Mapping[str, Detector],
    table: Any,
    settings: Settings,
    *,
    timed: bool,
    say: Callable[[str], None],
) -> Panel:
    """Run detectors over a reference's windows and calibrate them; rows without times are one."""
    left_out = [ID, *settings.context]
    rows = bounded(table.lazy().drop(left_out, strict=False), MOST_ROWS)
    windows = windows_of(rows, AT, settings.window_s) if timed else [rows.drop(AT)]
    return panel_of(detectors, windows, settings.detectors_plan, say)


def looked(panel: Panel, detectors: Mapping[str, Detector], table: Any, broken: Broken) -> Watched:
    """Look at a window with each detector; of broken columns none is told."""
    there = set(table.collect_schema().names()) - broken.names
    chosen = [name for name in panel.columns if name in there]
    rows = bounded(table.lazy().select(AT, *chosen), panel.rows or MOST_ROWS)
    ordered = rows.sort(AT, maintain_order=True).drop(AT)
    return watch(panel, detectors, ordered, keep=True)


def detected(came: Watched, named: Collection[str], pages: Mapping[str, str]) -> Detected:
    """Return what is written down of a look; the state after it gets its key when it is kept."""
    return Detected(
        came.findings, came.alarmed, came.incident, triggering(came, named), pages=dict(pages)
    )


def reasons_of(found: Detected | None) -> tuple[str, ...]:
    """Say why detectors set something off."""
    if found is None:
        return ()
    known = {one.detector: one for one in found.findings}
    return tuple(_reason(known[name]) for name in found.triggers)


def _reason(one: Any) -> str:
    of = f", most in {one.strongest}" if one.strongest else ""
    if one.standing != "calibrated":
        told = one.says[0] if one.says else "by its own threshold"
        return f"{one.detector} fired{of}: {told}"
    return f"{one.detector} scores {one.score:.3g}{of}, where {one.at:.3g} are chance"


def panel_says(panel: Panel) -> tuple[str, ...]:
    """Say what may be claimed of a reference's detectors."""
    said = []
    if panel.threshold is not None and panel.claimed:
        said.append(f"Detectors: {panel.threshold.support.says}")
    for one in panel.members:
        if one.standing in ("uncalibrated", "refused"):
            said.append(f"{one.name} is {one.standing}: {one.says}")
    return tuple(said)


def bounded(frame: "pl.LazyFrame", most: int) -> "pl.DataFrame":
    """Return at most so many rows, in their order: which they are is for their values to say."""
    import polars as pl

    rows = int(frame.select(pl.len()).collect().item())
    if rows > most:
        share = min(1.0, _SPARE * most / rows + 100 / rows)
        hashed = pl.struct(pl.all()).hash(_SEED)
        frame = frame.filter(hashed < int(share * _HASHES) - 1) if share < 1 else frame
    found = frame.collect()
    return cut(found, most)
