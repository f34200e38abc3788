"""How far two models' answers are apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trueup.models.conversions import Bounds, Measured
from trueup.models.tables import Table


def compared(pairs: Sequence[tuple[Table, Table]], bounds: Bounds) -> Measured:
    """Measure the second of each pair, what a graph answers, by the first."""
    rows = sum(said.rows for said, _ in pairs)
    if not rows:
        return Measured(0)
    names = pairs[0][0].names
    differ = np.zeros(rows, dtype=bool)
    decided = np.zeros(rows, dtype=bool)
    most: float | None = 0.0
    for name in names:
        said, found = (
            np.concatenate([pair[side].column(name) for pair in pairs]) for side in (0, 1)
        )
        if is_decision(name, said, names):
            other = said.astype(object) != found.astype(object)
            decided |= other
            differ |= other
            continue
        apart, finite = _apart(said, found)
        differ |= ~(apart <= bounds.tolerance)
        most = None if most is None or not finite else max(most, float(np.max(apart)))
    return Measured(rows, most, float(differ.mean()), float(decided.mean()))


def is_decision(name: str, said: Any, names: Sequence[str]) -> bool:
    """Say whether a column has classes: texts, whole numbers, or what stands beside scores."""
    return said.dtype.kind not in "fc" or (
        name.startswith("prediction") and any(one.startswith("score") for one in names)
    )


def _apart(said: Any, found: Any) -> tuple[Any, bool]:
    """Return differences in units of the largest answer, at least 1; the same NaN is none."""
    said, found = said.astype(np.float64), found.astype(np.float64)
    same = (said == found) | (np.isnan(said) & np.isnan(found))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(said - found))
    finite = np.abs(said[np.isfinite(said)])
    scale = max(1.0, float(finite.max()) if len(finite) else 1.0)
    whole = bool(np.isfinite(apart).all())
    return np.where(np.isfinite(apart), apart, np.inf) / scale, whole


def refusals(what: str, measured: Measured, bounds: Bounds) -> list[str]:
    """Return why a form cannot stand for its model, each with its number."""
    found = []
    if measured.difference is None:
        found.append(f"{what}: one answers a number where the other has none")
    elif measured.difference > bounds.difference:
        found.append(
            f"{what}: the largest difference is {measured.difference:.3g}, "
            f"above {bounds.difference:g}"
        )
    if measured.differing > bounds.differing:
        found.append(
            f"{what}: {measured.differing:.3%} of {measured.rows} rows differ by more than "
            f"{bounds.tolerance:g}, above {bounds.differing:.3%}"
        )
    if measured.decisions > bounds.decisions:
        found.append(
            f"{what}: {measured.decisions:.3%} of {measured.rows} rows get another class, "
            f"above {bounds.decisions:.3%}"
        )
    return found
