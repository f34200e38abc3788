"""From a reference to a threshold: what its own windows have shown decides, never a formula."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.errors import WrongUsage
from trueup.monitoring.calibration import memory as remembering
from trueup.monitoring.calibration.expecting import Conditions, conditions, windowed
from trueup.monitoring.calibration.records import Plan, Season, Threshold
from trueup.monitoring.calibration.scoring import Column, column, crossed, folds, plain, scales
from trueup.monitoring.calibration.supporting import (
    LEAST_WORTH,
    Found,
    conservative,
    refused,
    supported,
)
from trueup.monitoring.calibration.watching import Limits, watched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trueup.monitoring.cells import Cells

    Floats = NDArray[np.float64]

LEAST_WINDOWS = 10
_MOST_FOLDS, _LEAST_FOLDS = 20, 5
_CYCLES = 3
_RANKED = 256  # scores kept
_ENOUGH_ALIKE = 8  # columns of which the mean memory says something
NO_SEASON = Season()


class Slow(msgspec.Struct, frozen=True):
    """How long columns remember, and which of them the reference is too short for."""

    own: "Floats"
    steady: "NDArray[np.bool_]"
    together: float  # what those that are steady may have in common


def calibrate(
    columns: "Sequence[Cells]",
    plan: Plan,
    season: Season = NO_SEASON,
    context: "Sequence[Cells]" = (),
) -> Threshold:
    """Return the threshold of a reference: blocks in the order of time, all columns together.

    Each window is judged by windows that lie apart from it, as a window to come will be, so that
    the error of what is expected is in its score; the score is the highest of all statistics of
    all steady columns. ``context`` columns are conditioned on and not watched.
    """
    count = _windows(columns, plan)
    seasonal = bool(season.phases)
    in_season = not seasonal or season.cycles() >= _CYCLES
    if seasonal and len(season.phases) != count:
        raise WrongUsage(
            f"{len(season.phases)} phases for {count} windows",
            remedy="Give the phase of each window of the reference, in order.",
        )
    aside = [(each.name, _shares(each, plan)) for each in context]
    known = conditions(count, season.phases if in_season else (), aside)
    fitted = [column(each, plan.pace, known) for each in columns]
    slow = _slow(fitted, known)
    crosswise = _crosswise(fitted, known, slow, plan)
    found = _found(crosswise, slow, plan, in_season)
    kept = []
    for at, one in enumerate(fitted):
        values, scores = crosswise[at]
        there = one.windows.every > 0
        scale = scales(values[there], one.windows.every[there], one.look.one_sided)
        limits = _limits(found, slow, at, scores, plan)
        kept.append(watched(one, known, scale, plan.effect, limits))
    return Threshold(
        plan=plan,
        support=found.support,
        columns=tuple(kept),
        ranked=tuple(np.sort(_highest(crosswise, slow))[::-1][:_RANKED].tolist()),
        phases=tuple(sorted(set(season.phases))) if in_season else (),
        context=tuple(each.name for each in context),
        centres=tuple(known.centres.tolist()),
    )


def _windows(columns: "Sequence[Cells]", plan: Plan) -> int:
    """Return how many windows the columns have, which must be the same."""
    if not columns:
        raise WrongUsage("there is no column to watch", remedy="Give at least one column.")
    blocks = {each.blocks for each in columns}
    if len(blocks) > 1:
        raise WrongUsage(
            "the columns of the reference have different numbers of blocks",
            remedy="Profile all columns over the same blocks.",
        )
    count = max(0, (blocks.pop() - plan.pace.window) // plan.pace.every + 1)
    if count < LEAST_WINDOWS:
        raise WrongUsage(
            f"the reference holds {count} windows, too few to see how they differ",
            remedy=f"Give at least {LEAST_WINDOWS} windows, or compare two tables as they are.",
        )
    return count


def _shares(context: "Cells", plan: Plan) -> "Floats":
    counts, _ = windowed(context, plan.pace)
    found: Floats = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return found


def _slow(columns: Sequence[Column], known: Conditions) -> Slow:
    """Return how long columns remember: each that can be told to, and all on average.

    The average is over columns by statistic, those that are left out included: that a column
    looks steady by itself says little where most of its kind are not.
    """
    count = len(known.values)
    each = [remembering.memories(_signed(one, known)) for one in columns]
    shown = remembering.shown(np.concatenate(each))
    ends = np.cumsum([len(some) for some in each])[:-1]
    own = np.array([float(part.max()) for part in np.split(shown, ends)])
    alike: dict[str, list[float]] = {}
    for one, some in zip(columns, each, strict=True):
        for name, value in zip(one.look.names, some.tolist(), strict=True):
            alike.setdefault(name.split(" of ")[0], []).append(value)
    many = [float(np.mean(some)) for some in alike.values() if len(some) >= _ENOUGH_ALIKE]
    common = max([1.0, *many])
    steady = (own <= count / LEAST_WORTH) & (common <= count / LEAST_WORTH)
    together = max(common, float(own[steady].max())) if steady.any() else common
    return Slow(own, steady, together)


def _signed(one: Column, known: Conditions) -> "Floats":
    values = plain(one, known)
    found: Floats = np.where(one.look.one_sided, np.cbrt(np.maximum(values, 0.0)), values)
    return found


def _crosswise(
    columns: Sequence[Column], known: Conditions, slow: Slow, plan: Plan
) -> "list[tuple[Floats, Floats]]":
    count = len(known.values)
    most = count / LEAST_WORTH
    memory = min(slow.together, max(most, 1.0))
    many = int(min(max(count / (2 * memory), _LEAST_FOLDS), _MOST_FOLDS))
    cut = folds(count, many, int(np.ceil(memory)) + plan.pace.overlap - 1)
    return [crossed(one, known, cut) for one in columns]


def _highest(crosswise: "Sequence[tuple[Floats, Floats]]", slow: Slow) -> "Floats":
    """Return the highest score of each window over columns that are steady, or over all."""
    chosen = slow.steady if slow.steady.any() else np.ones_like(slow.steady)
    scores = [each for (_, each), kept in zip(crosswise, chosen, strict=True) if kept]
    found: Floats = np.max([each.max(axis=1) for each in scores], axis=0)
    return found


def _found(
    crosswise: "Sequence[tuple[Floats, Floats]]", slow: Slow, plan: Plan, in_season: bool
) -> Found:
    """Return the threshold of the steady columns together, claimed where it is supported."""
    highest = _highest(crosswise, slow)
    count = len(highest)
    statistics = sum(each.shape[1] for _, each in crosswise)
    if slow.steady.any() and in_season:
        found = supported(highest, plan, slow.together)
        if found.support.claimed:
            return found
        support = found.support
    else:
        support = refused(plan, count, slow.together, "unsteady" if in_season else "out_of_season")
    worth = count / slow.together
    return Found(conservative(float(highest.max()), plan, statistics, worth), support)


def _limits(found: Found, slow: Slow, at: int, scores: "Floats", plan: Plan) -> Limits:
    memory = float(slow.own[at])
    if slow.steady[at]:
        return Limits(found.at, True, memory)
    worth = len(scores) / max(memory, slow.together)
    alone = conservative(float(scores.max()), plan, scores.shape[1], worth)
    return Limits(max(alone, found.at), False, memory)
