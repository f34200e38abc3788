"""A window against a threshold: which columns have moved significantly and materially, and why."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.errors import WrongUsage
from trueup.monitoring.calibration.expecting import conditioned, expected_shares
from trueup.monitoring.calibration.incidents import alarms
from trueup.monitoring.calibration.records import Rule, Support, Threshold, Watched
from trueup.monitoring.calibration.watching import Kept, kept, scores, two_cells
from trueup.monitoring.cells import Cells, Role
from trueup.monitoring.effects import Sample, Shift, ruler, shift

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Moment(msgspec.Struct, frozen=True):
    """When a window is checked, and what the checks before it, the latest last, came to."""

    window: str = ""  # its name, for people
    phase: str = ""  # of a seasonal reference
    drifted: tuple[bool, ...] = ()
    alarmed: tuple[bool, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """One column of a window, and everything that is shown of it."""

    name: str
    role: Role
    rows: int
    shift: Shift
    nulls: float  # share of nulls
    nulls_expected: float
    null_shift: Shift
    score: float  # the highest of its statistics, in standard deviations of the reference's windows
    strongest: str  # which of them
    threshold: float
    significant: bool
    material: bool
    claimed: bool  # whether the promise covers this column
    importance: float = 1.0
    rank: int = 0  # from 1, by effect times importance

    @property
    def drifted(self) -> bool:
        """Say whether it has moved significantly and materially."""
        return self.significant and self.material


class Alarm(msgspec.Struct, frozen=True):
    """What a check came to, with its reasons. It has alarmed only if ``alarmed`` is set.

    ``drifted`` is of this window alone; ``noticed`` are columns that moved as far as to count and
    stand outside the promise, which never alarm by themselves.
    """

    window: str
    drifted: bool
    alarmed: bool
    incident: bool  # the first alarm after a quiet time
    claimed: bool
    score: float
    exceeded_by: int  # windows of the reference that scored higher; -1: more than are kept
    reasons: tuple[str, ...]
    support: Support
    findings: tuple[Finding, ...]  # by rank
    noticed: tuple[str, ...] = ()
    format: int = 1


NOW = Moment()


def check(
    threshold: Threshold,
    window: Sequence[Cells],
    moment: Moment = NOW,
    importance: Mapping[str, float] | None = None,
) -> Alarm:
    """Return the alarm of a window, whose blocks are taken together.

    Columns are ranked by effect times ``importance``, 1 where none is known.
    """
    there = {each.name: each for each in window}
    known = _conditions(threshold, there, moment)
    weights = importance or {}
    found = [
        _finding(threshold, stored, there[stored.name], known, weights.get(stored.name, 1.0))
        for stored in threshold.columns
        if stored.name in there and int(there[stored.name].rows().sum()) > 0
    ]
    order = sorted(found, key=lambda one: (-_size(one) * one.importance, -one.score))
    ranked = tuple(
        msgspec.structs.replace(one, rank=rank) for rank, one in enumerate(order, start=1)
    )
    absent = [each.name for each in threshold.columns if each.name not in {f.name for f in found}]
    strange = bool(threshold.phases) and moment.phase not in threshold.phases
    return _decided(threshold, ranked, moment, tuple(absent), strange)


def _conditions(
    threshold: Threshold, there: Mapping[str, Cells], moment: Moment
) -> "NDArray[np.float64]":
    """Return the window's phase and context as one row."""
    values = [float(moment.phase == phase) for phase in threshold.phases]
    for name in threshold.context:
        if name not in there:
            raise WrongUsage(
                f"the window lacks {name!r}, on which the reference is conditioned",
                remedy="Profile all context columns with each window.",
            )
        counts = there[name].counts.sum(axis=0)
        values += (counts / max(int(counts.sum()), 1)).tolist()
    centres = np.array(threshold.centres)
    return conditioned(np.array(values).reshape(1, -1), centres).values


def _finding(
    threshold: Threshold,
    stored: Watched,
    cells: Cells,
    known: "NDArray[np.float64]",
    importance: float,
) -> Finding:
    arrays = kept(stored)
    _same_grid(stored, arrays, cells)
    counts = cells.counts.sum(axis=0, keepdims=True).astype(np.float64)
    missing = cells.missing.sum(keepdims=True).astype(np.float64)
    scored = scores(stored, known, counts, missing)[0]
    usual = expected_shares(known, arrays.fit)
    strongest = int(np.argmax(scored))
    mine = _shift(threshold, stored, arrays.edges, (usual[:, :-1], counts))
    rows = float(counts.sum() + missing[0])
    nulls = float(missing[0]) / rows
    none = _null_shift(threshold, stored, float(usual[0, -1]), (nulls, rows))
    material = max(mine.lower, none.lower) >= threshold.plan.min_effect
    return Finding(
        name=stored.name,
        role=stored.role,
        rows=int(rows),
        shift=mine,
        nulls=nulls,
        nulls_expected=float(usual[0, -1]),
        null_shift=none,
        score=float(scored[strongest]),
        strongest=arrays.look.names[strongest],
        threshold=stored.at,
        significant=bool(scored[strongest] > stored.at),
        material=material,
        claimed=threshold.support.claimed and stored.steady,
        importance=importance,
    )


def _same_grid(stored: Watched, arrays: Kept, cells: Cells) -> None:
    same = cells.counts.shape[1] == len(arrays.shares) and cells.labels == stored.labels
    if same and stored.edges is not None and cells.edges is not None:
        same = np.array_equal(arrays.edges, cells.edges)  # type: ignore[arg-type] # kept beside cells with edges
    if not same or (stored.edges is None) != (cells.edges is None):
        raise WrongUsage(
            f"column {stored.name!r} was counted on another grid than its reference",
            remedy="Profile the window on the reference's grid, or calibrate a new reference.",
        )


def _shift(
    threshold: Threshold,
    stored: Watched,
    edges: "Floats | None",
    pair: "tuple[Floats, Floats]",
) -> Shift:
    """Return how far the cells are from what is expected of them."""
    shares, counts = pair
    rows = max(float(counts.sum()), 1.0)
    found = counts / rows
    measure = ruler(
        threshold.plan.effect,
        Sample(shares[0], stored.rows),
        Sample(found[0], rows),
        edges,
        stored.chance,
    )
    square = float(measure.square(shares, found)[0])
    return shift(measure, square, rows, stored.rows, stored.days)


def _null_shift(
    threshold: Threshold, stored: Watched, expects: float, seen: tuple[float, float]
) -> Shift:
    share, rows = seen
    usual, found = two_cells(np.array([expects])), two_cells(np.array([share]))
    reference, window = Sample(usual[0], stored.rows), Sample(found[0], rows)
    measure = ruler(threshold.plan.effect, reference, window)
    square = float(measure.square(usual, found)[0])
    return shift(measure, square, rows, stored.rows, stored.null_days)


def _size(one: Finding) -> float:
    """Return what columns are ranked by."""
    return max(one.shift.corrected, one.null_shift.corrected)


def _decided(
    threshold: Threshold,
    ranked: tuple[Finding, ...],
    moment: Moment,
    absent: tuple[str, ...],
    strange: bool,
) -> Alarm:
    plan, support = threshold.plan, threshold.support
    unsteady = {each.name for each in threshold.columns if not each.steady}
    alone = len(unsteady) == len(threshold.columns)  # then they alarm, and claim nothing
    covered = [one for one in ranked if alone or one.name not in unsteady]
    drifted = any(one.drifted for one in covered)
    score = max((one.score for one in covered), default=0.0)
    alarmed = _alarms(plan.rule, (*moment.drifted, drifted))
    incident = alarmed and not any(moment.alarmed[-plan.rule.quiet :])
    noticed = tuple(one.name for one in ranked if one.drifted and one not in covered)
    above = sum(each >= score for each in threshold.ranked)
    claimed = support.claimed and not strange
    return Alarm(
        window=moment.window,
        drifted=drifted,
        alarmed=alarmed,
        incident=incident,
        claimed=claimed,
        score=score,
        exceeded_by=above if above < len(threshold.ranked) else -1,
        reasons=(
            *_reasons(covered, plan.rule, moment, (drifted, alarmed)),
            *(f"{name} has drifted too, outside the promise" for name in noticed),
            *(f"{name} has no rows in this window" for name in absent),
            *((f"phase {moment.phase!r} is not in the reference",) if strange else ()),
        ),
        support=support,
        findings=ranked,
        noticed=noticed,
    )


def _alarms(rule: Rule, drifted: tuple[bool, ...]) -> bool:
    return bool(alarms(np.array(drifted), rule)[-1])


def _reasons(
    covered: Sequence[Finding], rule: Rule, moment: Moment, came: tuple[bool, bool]
) -> tuple[str, ...]:
    drifted, alarmed = came
    moved = [one for one in covered if one.drifted]
    lines = [
        f"{one.name}: {one.shift.effect} at least {max(one.shift.lower, one.null_shift.lower):.3g}"
        f" ({one.strongest}, score {one.score:.3g} above {one.threshold:.3g})"
        for one in moved
    ]
    slight = sum(one.significant and not one.material for one in covered)
    if slight:
        lines.append(f"{slight} columns moved significantly, and too little to matter")
    if rule.of > 1 and (drifted or alarmed):
        recent = (*moment.drifted, drifted)[-rule.of :]
        lines.append(f"{sum(recent)} of the last {rule.of} windows have drifted")
    return tuple(lines)
