"""Rows that stand where a graph goes wrong first: at thresholds, at categories, without a value."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from trueup.models.converters.forests import AT_MOST, Forest, reached
from trueup.models.converters.graph import Flow, Source
from trueup.models.tables import Column, Table

MOST_THRESHOLDS = 10_000
_MOST_CATEGORIES = 2_000


class Asked(msgspec.Struct, frozen=True):
    """A forest, what its columns are, and what they held for the sample's rows."""

    forest: Forest
    flow: Flow
    given: Any  # rows by columns


class Change(msgspec.Struct, frozen=True):
    """A row of the sample with one value changed."""

    row: int
    field: str
    value: Any


class Thresholds(msgspec.Struct, frozen=True):
    """The changes that approach thresholds, and how many thresholds there are."""

    changes: tuple[Change, ...]
    count: int
    probed: int


def at_thresholds(
    asked: Sequence[Asked],
    most: int = MOST_THRESHOLDS,
    look: Callable[[], None] = lambda: None,
) -> Thresholds:
    """Approach thresholds to one ulp, in double and in single precision, from both sides.

    Each from a row that reaches its node. Of more than so many an even choice is taken;
    thresholds on derived columns are not probed.
    """
    found: list[tuple[int, Source, float, bool]] = []
    count = 0
    for one in asked:
        given = one.given.astype(np.float32).astype(float) if one.forest.single else one.given
        for tree in one.forest.trees:
            look()
            count += int(np.sum((tree.feature >= 0) & (tree.asks <= 1)))
            for node, row in reached(tree, given):
                source = one.flow.columns[int(tree.feature[node])]
                if isinstance(source, Source) and not source.is_text:
                    at_most = bool(tree.asks[node] == AT_MOST)
                    found.append((row, source, float(tree.threshold[node]), at_most))
    chosen = _even(found, most)
    changes = tuple(
        Change(row, source.field, value)
        for row, source, threshold, at_most in chosen
        for value in traced(source, around(threshold, at_most=at_most))
    )
    return Thresholds(changes, count, len(chosen))


def around(threshold: float, *, at_most: bool = True) -> tuple[float, ...]:
    """Return the numbers next to a threshold, as doubles and as single precision sees them.

    The last are where rounding to single precision changes sides.
    """
    if not np.isfinite(threshold) or abs(threshold) > np.finfo(np.float32).max / 2:
        return (threshold,) if np.isfinite(threshold) else ()
    single = np.float32(threshold)
    under = single if float(single) <= threshold else np.nextafter(single, np.float32(-np.inf))
    if not at_most and float(under) == threshold:
        under = np.nextafter(under, np.float32(-np.inf))
    over = np.nextafter(under, np.float32(np.inf))
    middle = (float(under) + float(over)) / 2
    near = [np.nextafter(one, to) for one in (threshold, middle) for to in (-np.inf, np.inf)]
    return tuple(dict.fromkeys(map(float, (threshold, middle, under, over, *near))))


def traced(source: Source, values: Sequence[float]) -> tuple[float, ...]:
    """Return what the table must hold for a scaled column to be there, and the numbers beside."""
    if (source.shift, source.scale) == (0.0, 1.0):
        return tuple(values)
    found = [one * source.scale + source.shift for one in values]
    near = [float(np.nextafter(one, to)) for one in found for to in (-np.inf, np.inf)]
    return tuple(dict.fromkeys([*found, *near]))


def at_categories(source: Source, rows: int) -> tuple[Change, ...]:
    """Put every category of a column into some row."""
    words = _even(source.codes or (), _MOST_CATEGORIES)
    return tuple(Change(k % rows, source.field, word) for k, word in enumerate(words))


def unseen(source: Source, rows: int) -> tuple[Change, ...]:
    """Put a category into some rows that nobody has seen."""
    if source.codes is None:
        return ()
    return tuple(Change(k * 7 % rows, source.field, _unlike(source.codes)) for k in range(3))


def without_value(source: Source, rows: int) -> tuple[Change, ...]:
    """Take a column's value away from some rows."""
    nothing = None if source.is_text else np.nan
    return tuple(Change(k * 7 % rows, source.field, nothing) for k in range(3))


def changed(table: Table, changes: Sequence[Change]) -> Table:
    """Return one row for each change."""
    rows = np.array([one.row for one in changes], dtype=np.int64)
    columns: dict[str, Column] = {}
    for name, column in table.columns().items():
        values = column[rows]
        if values.dtype.kind in "biuf":
            values = values.astype(np.float64)
        columns[name] = values
    for place, one in enumerate(changes):
        columns[one.field][place] = one.value
    return Table(columns)


def _unlike(codes: Sequence[str]) -> str:
    name = "~ unseen ~"
    while name in codes:
        name += "~"
    return name


def _even(found: Sequence[Any], most: int) -> list[Any]:
    if len(found) <= most:
        return list(found)
    return [found[int(place)] for place in np.linspace(0, len(found) - 1, most)]
