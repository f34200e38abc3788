"""Two tables compared: for each column how far apart they are, and whether that is an alarm."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trueup.monitoring.effects import Beyond, Effect, Sample, grid_error, ruler, shift
from trueup.monitoring.permuting import Significance, significance

if TYPE_CHECKING:
    from trueup.monitoring.cells import Cells

EVERY: tuple[Effect, ...] = (
    "jensen_shannon", "psi", "wasserstein", "ks", "chi_squared", "hellinger", "l_infinity",
)  # fmt: skip
_FEWEST_ROWS = 1
_ROWS_ALONE = Beyond()  # that blocks vary more is for significance to say


class Limits(msgspec.Struct, frozen=True):
    """When two tables differ enough, and how often that may be said of tables that do not."""

    min_effect: float = 0.1
    rate: float = 1 / 90  # of false alarms, a comparison, over all columns
    effect: Effect = "jensen_shannon"
    every: bool = True  # measure all other effects, too


class Measured(msgspec.Struct, frozen=True):
    """One effect: as measured, less what chance adds, at least (95 %), and hidden by cells."""

    effect: Effect
    raw: float
    corrected: float
    lower: float
    grid_error: float = 0.0


class Moved(msgspec.Struct, frozen=True):
    """What became of one column; it alarms where it is significant and material."""

    name: str
    role: str
    effects: tuple[Measured, ...]  # the one that is compared with min_effect first
    score: float  # above the comparison's threshold it is significant
    is_significant: bool
    is_material: bool
    missing: tuple[float, float]  # shares of the reference, of the current table

    @property
    def is_alarm(self) -> bool:
        """Say whether it has drifted."""
        return self.is_significant and self.is_material


class Comparison(msgspec.Struct, frozen=True):
    """Two tables compared: the columns by effect, and what the alarm rests on."""

    columns: tuple[Moved, ...]
    limits: Limits
    significance: Significance
    rows: tuple[int, int]

    @property
    def alarms(self) -> tuple[Moved, ...]:
        """The columns that have drifted."""
        return tuple(one for one in self.columns if one.is_alarm)


def compare(reference: Sequence["Cells"], current: Sequence["Cells"], limits: Limits) -> Comparison:
    """Compare the blocks of two tables on one grid; both have the same columns in one order.

    Nulls are a column of two cells of their own, where either table has any.
    """
    pairs = list(zip(reference, current, strict=True))
    found = significance(reference, current, limits.rate)
    moved = [_moved(*pair, limits, found) for pair in pairs]
    ordered = sorted(moved, key=lambda one: (not one.is_alarm, -one.effects[0].lower, -one.score))
    rows = tuple(int(each[0].rows().sum()) if each else 0 for each in (reference, current))
    return Comparison(tuple(ordered), limits, found, (rows[0], rows[1]))


def _moved(one: "Cells", two: "Cells", limits: Limits, found: Significance) -> Moved:
    others = [each for each in EVERY if each != limits.effect] if limits.every else []
    effects = [limits.effect, *others]
    measured = _effects(one, two, effects)
    missing = _share_missing(one), _share_missing(two)
    nulls = _effects(_present(one), _present(two), [limits.effect])
    if nulls[0].lower > measured[0].lower:
        measured = [nulls[0], *measured[1:]]
    return Moved(
        one.name,
        one.role,
        tuple(measured),
        found.scores[one.name],
        found.is_significant(one.name),
        measured[0].lower >= limits.min_effect,
        missing,
    )


def _effects(one: "Cells", two: "Cells", effects: Sequence[Effect]) -> list[Measured]:
    samples = [_sample(one), _sample(two)]
    if min(each.rows for each in samples) < _FEWEST_ROWS:
        return [Measured(effect, 0.0, 0.0, 0.0) for effect in effects]
    measured = {}
    for effect in effects:
        how = ruler(effect, samples[0], samples[1], one.edges)
        square = float(how.square(samples[0].shares[None], samples[1].shares[None])[0])
        far = shift(how, square, samples[1].rows, samples[0].rows, _ROWS_ALONE)
        hidden = grid_error(far.effect, samples[0].shares)
        measured[far.effect] = Measured(far.effect, far.raw, far.corrected, far.lower, hidden)
    return list(measured.values())


def _sample(cells: "Cells") -> Sample:
    counts = cells.counts.sum(axis=0)
    rows = float(counts.sum())
    return Sample(counts / max(rows, 1.0), rows)


def _present(cells: "Cells") -> "Cells":
    """Return a column as two cells: with a value, and without."""
    counts = np.stack([cells.counts.sum(axis=1), cells.missing], axis=1)
    return msgspec.structs.replace(
        cells, counts=counts, missing=np.zeros_like(cells.missing), edges=None, labels=()
    )


def _share_missing(cells: "Cells") -> float:
    rows = int(cells.rows().sum())
    return float(cells.missing.sum() / rows) if rows else 0.0
