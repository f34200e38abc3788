"""Rows that stand where a graph goes wrong first: at thresholds, at categories, without a value."""

from collections.abc import Iterator, Sequence
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


def at_thresholds(asked: Sequence[Asked]) -> Thresholds:
    """Approach thresholds to one ulp, in double and in single precision, from both sides.

    Each from a row that reaches its node. Of more than 10,000 an even choice is taken;
    thresholds on derived columns are not probed.
    """
    found: list[tuple[int, str, float, int]] = []
    count = 0
    for one in asked:
        given = one.given.astype(np.float32).astype(float) if one.forest.single else one.given
        for tree in one.forest.trees:
            count += int(np.sum((tree.feature >= 0) & (tree.asks <= 1)))
            for node, row in reached(tree, given):
                source = one.flow.columns[int(tree.feature[node])]
                if isinstance(source, Source) and not source.is_text:
                    kind = int(tree.asks[node])
                    found.append((row, source.field, float(tree.threshold[node]), kind))
    chosen = _even(found, MOST_THRESHOLDS)
    changes = tuple(
        Change(row, field, value)
        for row, field, threshold, kind in chosen
        for value in around(threshold, at_most=kind == AT_MOST)
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


def at_categories(sources: Sequence[Source], rows: int) -> tuple[Change, ...]:
    """Put every category of each column into some row, and one that nobody has seen."""
    found = []
    for source in sources:
        if source.codes is None:
            continue
        words = _even(source.codes, _MOST_CATEGORIES)
        found += [Change(k % rows, source.field, word) for k, word in enumerate(words)]
        found += [Change(k % rows, source.field, _unlike(source.codes)) for k in range(3)]
    return tuple(found)


def without_value(sources: Sequence[Source], rows: int) -> tuple[Change, ...]:
    """Take a value away from some rows, column by column."""
    return tuple(
        Change(k * 7 % rows, source.field, None if source.is_text else np.nan)
        for source in sources
        for k in range(3)
    )


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


def batches(changes: Sequence[Change], size: int) -> Iterator[Sequence[Change]]:
    """Yield changes in parts."""
    for start in range(0, len(changes), size):
        yield changes[start : start + size]
