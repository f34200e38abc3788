"""One closed window: counted, checked for broken data and for drift, and what that comes to."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.monitoring.alarms import Alarm, Moment, check
from trueup.monitoring.broken.amounts import row_count
from trueup.monitoring.broken.checking import broken, sound
from trueup.monitoring.broken.records import Broken, Finding, Limits, ordered
from trueup.monitoring.broken.windows import Basis, Span, window_of
from trueup.monitoring.calibration.records import Threshold
from trueup.monitoring.comparing import Comparison, compare
from trueup.monitoring.comparing import Limits as Least
from trueup.monitoring.performance.dropping import Drop
from trueup.monitoring.profiles.grids import Grid
from trueup.monitoring.references import Reference
from trueup.monitoring.scanning.blocking import BlockSize
from trueup.monitoring.scanning.passes import Asked
from trueup.monitoring.watching.basing import split
from trueup.monitoring.watching.counting import AT, ID, blocks_of, fitting
from trueup.monitoring.watching.events import (
    BrokenPart,
    Checked,
    Detected,
    Drifted,
    Moved,
    State,
)
from trueup.monitoring.watching.looking import reasons_of
from trueup.monitoring.watching.settings import Settings
from trueup.monitoring.watching.shelf import Kept
from trueup.monitoring.watching.silence import Rows, as_reference
from trueup.monitoring.watching.windows import Window

if TYPE_CHECKING:
    from trueup.monitoring.cells import Cells

SHOWN = 8  # columns that an event holds, beside those that have drifted
_BROKEN_SHARE = 0.1  # of what is promised, beside it: corruption has its own
_MOST_BROKEN = 20


class Counted(msgspec.Struct, frozen=True):
    """A window on the grid, and what is broken of it."""

    window: Window
    rows: int
    counted: Reference | None  # on as much of the grid as fits
    broken: Broken

    def is_whole(self, grid: Grid) -> bool:
        """Say whether it was counted on just this grid."""
        return self.counted is not None and self.counted.grid.digest == grid.digest


class Weighed(msgspec.Struct, frozen=True):
    """What a window comes to, before it is written down."""

    state: State
    phase: str
    drift: Drifted | None
    reasons: tuple[str, ...]


class Beside(msgspec.Struct, frozen=True):
    """What is known of a window beside its counts: how well it did, and what detectors say."""

    drops: tuple[Drop, ...] = ()
    detected: Detected | None = None


NOTHING = Beside()


class Usual(msgspec.Struct, frozen=True):
    """How many rows a window should have: as own captures of the reference, or as those before.

    Neither where other versions have answered in it too, as then no number is usual.
    """

    as_reference: bool = False
    before: Rows = ()


class Taken(msgspec.Struct, frozen=True):
    """The captures of a window: a frame, lazy where there are many."""

    window: Window
    table: Any
    rows: int
    counted: Reference | None = None  # where profiles that lie beside them tell what they come to


def counted(kept: Kept, taken: Taken, limits: Limits, usual: Usual) -> Counted:
    """Count a window and look for what is broken in it."""
    table, window = fitting(taken.table, kept.reference.grid), taken.window
    timed = kept.reference.is_timed
    asked = Asked(blocks=BlockSize(AT) if timed else blocks_of(taken.rows), id=ID)
    span = Span(window.begin, window.end)
    basis = Basis(kept.reference, kept.habits)
    found = window_of(basis, table, asked, span if usual.as_reference else None, taken.counted)
    wrong = broken(basis, found, limits)
    if len(usual.before) > 1:
        own = Basis(as_reference(kept.reference, usual.before))
        further = row_count(own, msgspec.structs.replace(found, span=span), limits)
        wrong = msgspec.structs.replace(wrong, findings=ordered([*wrong.findings, *further]))
    return Counted(window, taken.rows, found.counted, wrong)


def limits_of(settings: Settings, redact: Sequence[str] = ()) -> Limits:
    """Return how often corruption may be found where there is none."""
    rate = _BROKEN_SHARE * settings.incidents * settings.window_s / settings.per_s
    return Limits(rate=min(rate, 0.05), redact=tuple(redact))


def weighed(
    kept: Kept,
    settings: Settings,
    found: Counted,
    before: Sequence[Checked],
    beside: Beside = NOTHING,
) -> Weighed:
    """Return what a window comes to; ``before`` are the checks that it continues."""
    phase = settings.phase(found.window.begin)
    drift, reasons = _drift(kept, settings, found, before)
    threshold = kept.threshold
    state = _state(found.broken, drift, threshold, beside)
    if state == "out of season":
        reasons = (*reasons, "the reference cannot tell season from drift")
    worse = [line for one in beside.drops if one.alarmed for line in one.reasons]
    fired = reasons_of(beside.detected)
    return Weighed(state, phase, drift, (*_broken_reasons(found.broken), *reasons, *fired, *worse))


def alarm_of(
    kept: Kept,
    settings: Settings,
    cells: "Sequence[Cells]",
    moment: Moment,
) -> Alarm | None:
    """Return the alarm of a window with a calibrated reference; None without, or without context.

    It is the same each time, so that what was written down can be shown in full again.
    """
    threshold = kept.threshold
    if threshold is None or not set(threshold.context) <= {one.name for one in cells}:
        return None
    return check(threshold, cells, moment, kept.importance)


def moment_of(settings: Settings, window: Window, before: Sequence[Checked]) -> Moment:
    """Return when a window is checked, and what the checks before it came to."""
    seen = [one.drift for one in before]
    return Moment(
        window.name,
        settings.phase(window.begin),
        tuple(one is not None and one.drifted for one in seen),
        tuple(one is not None and one.alarmed for one in seen),
    )


def comparison_of(
    kept: Kept, settings: Settings, grid: Grid, cells: "Sequence[Cells]"
) -> Comparison:
    """Return a window compared with the whole reference as a table."""
    names = {one.name for one in cells}
    watched, _ = split(cells, grid, settings.context)
    known = {one.name: one for one in kept.reference.cells()}
    pairs = [(known[one.name], one) for one in watched if one.name in names]
    rate = min(settings.plan.promise.expected(settings.window_s), 0.5)
    least = Least(settings.min_effect, rate, every=False)
    return compare([one for one, _ in pairs], [two for _, two in pairs], least)


def _drift(
    kept: Kept, settings: Settings, found: Counted, before: Sequence[Checked]
) -> tuple[Drifted | None, tuple[str, ...]]:
    if found.counted is None:
        return None, ("no column is what it was, so drift says nothing",)
    grid = found.counted.grid
    columns = [track.column for track in grid.tracks]
    whole = sound(found.counted.cells(), columns, found.broken)
    tracks = tuple(one for one in grid.tracks if one.column not in found.broken.names)
    if not whole:
        return None, ("every column is broken, so drift says nothing",)
    if kept.threshold is None:
        compared = comparison_of(kept, settings, Grid(tracks), whole)
        return _of_comparison(compared, before, kept.importance), ()
    alarm = alarm_of(kept, settings, whole, moment_of(settings, found.window, before))
    if alarm is None:
        return None, (f"{' or '.join(settings.context)} is missing, so drift says nothing",)
    return _of_alarm(alarm, kept.threshold), alarm.reasons


def _of_alarm(alarm: Alarm, threshold: Threshold) -> Drifted:
    columns = [
        Moved(
            one.name, one.role,
            max(one.shift.corrected, one.null_shift.corrected),
            max(one.shift.lower, one.null_shift.lower),
            one.score, one.threshold, one.drifted, one.claimed, one.importance,
        )
        for one in alarm.findings
    ]  # fmt: skip
    at = min((one.at for one in threshold.columns), default=0.0)
    return Drifted(
        alarm.drifted, alarm.alarmed, alarm.incident, alarm.claimed, alarm.score, at,
        threshold.plan.effect, _told(columns),
        tuple(one.name for one in columns if one.drifted),
    )  # fmt: skip


def _of_comparison(
    found: Comparison, before: Sequence[Checked], importance: Mapping[str, float]
) -> Drifted:
    significance = found.significance
    columns = []
    for one in found.columns:
        at = significance.unsteady_at if one.name in significance.unsteady else significance.at
        first = one.effects[0]
        columns.append(
            Moved(
                one.name, one.role,  # type: ignore[arg-type]  # cells have no other roles
                first.corrected, first.lower, one.score, at, one.is_alarm,
                importance=importance.get(one.name, 1.0),
            )
        )  # fmt: skip
    columns.sort(key=lambda one: -one.effect * one.importance)
    alarmed = bool(found.alarms)
    recent = [one.drift for one in before][-7:]
    incident = alarmed and not any(one and one.alarmed for one in recent)
    score = max((one.score for one in columns), default=0.0)
    return Drifted(
        alarmed, alarmed, incident, False, score, significance.at, found.limits.effect,
        _told(columns), tuple(one.name for one in columns if one.drifted),
    )  # fmt: skip


def _told(columns: Sequence[Moved]) -> tuple[Moved, ...]:
    """Return the columns that have drifted and the first of the others."""
    drifted = [one for one in columns if one.drifted]
    others = [one for one in columns if not one.drifted]
    return (*drifted[: 4 * SHOWN], *others[: max(0, SHOWN - len(drifted))])


def _state(
    found: Broken, drift: Drifted | None, threshold: Threshold | None, beside: Beside
) -> State:
    if found.is_broken:
        return "broken"
    if any(one.alarmed for one in beside.drops):
        return "alarm"
    if threshold is not None and _is_out_of_season(threshold, drift):
        return "out of season"
    if beside.detected is not None and beside.detected.triggers:
        return "alarm"
    if drift is not None and drift.alarmed:
        return "alarm"
    if drift is None or not drift.claimed:
        return "unsupported"
    return "quiet"


def _is_out_of_season(threshold: Threshold, drift: Drifted | None) -> bool:
    """Say whether season cannot be told from drift: too few cycles, or a phase never seen."""
    support = threshold.support
    is_strange = support.claimed and drift is not None and not drift.claimed
    return support.basis == "out_of_season" or is_strange


def broken_parts(found: Broken) -> tuple[BrokenPart, ...]:
    """Return what an event keeps of what is broken."""
    return tuple(
        BrokenPart(one.check, one.column, one.says, one.sure, one.rows, _mend(one))
        for one in found.findings[:_MOST_BROKEN]
    )


def _mend(one: Finding) -> str:
    return f"{one.pipe.stage}: {one.pipe.output}" if one.pipe else ""


def _broken_reasons(found: Broken) -> tuple[str, ...]:
    named = [f"{one.column}: {one.says}" if one.column else one.says for one in found.findings]
    more = len(named) - _MOST_BROKEN
    return (*named[:_MOST_BROKEN], *([f"and {more} more findings"] if more > 0 else []))
