"""Columns whose unit has changed: the same shape, at another scale.

A window's quantiles, converted back, must lie as near to some stretch of the reference as its own
stretches lie to each other, and as they came they must not; and no mere shift may explain them as
well, nor another factor better, for these are drift. So seasons do no harm: January in Celsius is
near a January.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.monitoring.broken.conversions import CONVERSIONS, Conversion
from trueup.monitoring.broken.records import Finding, Sure
from trueup.monitoring.broken.stretches import LEVELS, Stretches, stretches
from trueup.monitoring.broken.surveying import Surveyed
from trueup.monitoring.broken.windows import Basis, Pair, Window, extremes_of, since_row
from trueup.monitoring.profiles.grids import NumberTrack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_FEWEST = 300  # rows of a window, or of its part
_PARTS = (1, 2, 4, 8)  # into which the window is cut, to find where it begins
_FURTHER = 0.1  # by how much more the distance must be as it came
_BETTER = 0.05  # than by a shift
_LARGE = 9.0  # a factor that nothing but units explains
_CHANCE = 1.63  # of a distance of so many rows, 1 in 100 (Kolmogorov 1933)
_OTHER = np.exp(np.linspace(-0.2, 0.2, 41))  # factors near a conversion's
_SLACK = 0.25  # of chance, by which another factor may be better
_OUTSIDE_ROWS, _OUTSIDE = 20, 0.01  # rows of a sample, and share, that are outside the range
_INSIDE = 0.99  # of these, that a conversion must bring back
_NEAR = 0.5  # to the nearest stretch, these
_SEVERAL = 10  # values that differ, among these: the rows of one hour's weather are one value
_UNSTEADY = 0.2  # apart stretches may be, and a small factor tells a unit from a season


class Fit(msgspec.Struct, frozen=True):
    """A conversion, and how far the window is from the reference as it came and undone."""

    conversion: Conversion
    came: float
    undone: float
    allowed: float
    why: str
    row: int = 0  # the first that has gone through it


def unit(basis: Basis, window: Window, pair: Pair) -> Iterator[Finding]:
    """Yield a finding where all rows, or all from some row on, are in another unit.

    Of some rows only, no factors are told but those that nothing else explains: the hours of a
    day differ.
    """
    track = pair.track
    seen = window.survey.columns.get(track.column) if window.survey else None
    if not isinstance(track, NumberTrack) or track.measure != "value" or track.kind == "time":
        return
    if track.role == "prediction":  # the model makes it: nothing else can have another unit
        return
    if seen is None or seen.sample is None or seen.places is None or window.survey is None:
        return
    if not len(seen.sample):
        return
    reference = stretches(pair, int(pair.now.counts.sum()))
    if reference is None:
        return
    bounds = extremes_of(basis.reference, pair.before_number)
    found = _from_some_row(reference, seen) or _outside(reference, seen, bounds)
    if found is not None:
        yield _finding(pair, found, window.survey.rows - found.row, window)


def _from_some_row(reference: Stretches, seen: Surveyed) -> Fit | None:
    """Return a conversion that all rows have gone through, or the last half, quarter, eighth."""
    assert seen.sample is not None  # noqa: S101 - the caller has looked
    assert seen.places is not None  # noqa: S101 - likewise
    size = len(seen.sample)
    for parts in _PARTS:
        begin = 0 if parts == 1 else size - size // parts
        found = _converted(reference, seen.sample[begin:], is_part=parts > 1)
        if found is not None:
            return msgspec.structs.replace(found, row=int(seen.places[begin]) if begin else 0)
    return None


def _converted(reference: Stretches, values: "Floats", is_part: bool) -> Fit | None:
    """Return the conversion that the values have gone through, if one explains them."""
    if len(values) < _FEWEST:
        return None
    quantiles = np.quantile(values, LEVELS)
    chance = _CHANCE / float(np.sqrt(len(values)))
    came = float(reference.distances(quantiles).min())
    if quantiles[0] == quantiles[-1] or came <= chance + _FURTHER:
        return None
    near = reference.apart()
    if came <= 2 * near + chance + _FURTHER:
        return None
    only_large = is_part or (near > _UNSTEADY and not _is_elsewhere(reference, quantiles))
    fitting = [one for one in possible(reference) if not only_large or is_large(one)]
    best, undone = _best(reference, quantiles, fitting, _SLACK * chance)
    if undone > near + chance or undone > came / 2:
        return None
    is_shift = best.factor == 1.0
    if not is_shift and not _is_exact(reference, quantiles, best, undone, _SLACK * chance):
        return None
    why = (
        f"undone they are {undone:.3g} from the nearest stretch of the reference, as they came "
        f"{came:.3g}; its own stretches are at most {near:.3g} apart"
    )
    return Fit(best, came, undone, near + chance, why)


def _outside(reference: Stretches, seen: Surveyed, bounds: tuple[float, float]) -> Fit | None:
    """Return a conversion that some rows have gone through, which are far outside the range."""
    assert seen.sample is not None  # noqa: S101 - the caller has looked
    assert seen.places is not None  # noqa: S101 - likewise
    low, high = bounds
    width = high - low
    beyond = np.maximum(low - seen.sample, seen.sample - high)
    values = seen.sample[beyond > 0]
    if len(values) < max(_OUTSIDE_ROWS, _OUTSIDE * len(seen.sample)) or not width:
        return None
    if np.median(beyond[beyond > 0]) < width:
        return None
    if len(np.unique(values)) < min(_SEVERAL, len(reference.edges)):
        return None
    fitting = []
    for one in possible(reference):
        back = (values - one.offset) / one.factor
        if ((back >= low) & (back <= high)).mean() >= _INSIDE:
            fitting.append(one)
    if not fitting:
        return None
    chance = _CHANCE / float(np.sqrt(len(values)))
    best, undone = _best(reference, np.quantile(values, LEVELS), fitting, _SLACK * chance)
    if undone > _NEAR:
        return None
    why = (
        f"{len(values):,} of {len(seen.sample):,} rows looked at are outside the reference's "
        f"{low:.6g} to {high:.6g}, and undone they are within"
    )
    row = int(seen.places[int(np.argmax(beyond > 0))])
    return Fit(best, 1.0, undone, _NEAR, why, row if len(values) < len(seen.sample) else 0)


def _best(
    reference: Stretches, quantiles: "Floats", fitting: Sequence[Conversion], slack: float
) -> tuple[Conversion, float]:
    """Return the conversion that explains most, and what is left; of equals the most usual."""
    left = [_undone(reference, quantiles, one) for one in fitting]
    first = next(k for k, each in enumerate(left) if each <= min(left) + slack)
    return fitting[first], left[first]


def _undone(reference: Stretches, quantiles: "Floats", each: Conversion) -> float:
    back = (quantiles - each.offset) / each.factor
    return float(reference.distances(back).min())


def _is_exact(
    reference: Stretches, quantiles: "Floats", best: Conversion, undone: float, slack: float
) -> bool:
    """Say whether neither a shift nor any factor nearby explains them as well, or better."""
    back = (quantiles - best.offset) / best.factor
    if min(float(reference.distances(back / other).min()) for other in _OTHER) < undone - slack:
        return False
    shifts = quantiles[len(quantiles) // 2] - reference.middle()
    shifted = min(
        float(reference.distances(quantiles - shift)[k]) for k, shift in enumerate(shifts)
    )
    return undone < shifted - _BETTER


def possible(reference: Stretches) -> list[Conversion]:
    """Return the conversions whose first unit the reference may be in: temperatures have limits."""
    usual = reference.below.mean(axis=0)[1:-1]
    low, high = (float(np.interp(level, usual, reference.edges)) for level in (0.01, 0.99))
    return [one for one in CONVERSIONS if one.least <= low and high <= one.most]


def _is_elsewhere(reference: Stretches, quantiles: "Floats") -> bool:
    """Say whether the median is farther from the reference's cells than these are wide."""
    low, high = float(reference.edges[0]), float(reference.edges[-1])
    middle = float(quantiles[len(quantiles) // 2])
    return max(low - middle, middle - high) >= high - low


def is_large(each: Conversion) -> bool:
    """Say whether a factor is so large that nothing but units explains it."""
    return max(each.factor, 1 / each.factor) >= _LARGE


def _finding(pair: Pair, fit: Fit, rows: int, window: Window) -> Finding:
    by = f"{fit.conversion.factor:.6g} times"
    if fit.conversion.offset:
        by += f" and {fit.conversion.offset:+.6g}"
    sure: Sure = "very likely" if is_large(fit.conversion) or fit.came == 1.0 else "likely"
    where = "" if fit.row == 0 else f" from row {fit.row:,} on"
    return Finding(
        "unit", pair.track.column,
        f"numbers are {by} what they were{where}, such as {fit.conversion.says}",
        sure, fit.conversion.factor, 1.0, fit.allowed, fit.why,
        rows, fit.came / max(fit.allowed, 1e-9), (), since_row(window, fit.row),
    )  # fmt: skip


def explained(findings: Sequence[Finding]) -> frozenset[str]:
    """Return the columns whose unit has changed: that explains their range."""
    return frozenset(one.column for one in findings if one.check == "unit")
