"""What differs between runs, or between two states of the files of a project."""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, TypeAlias

import msgspec

from trueup.pipeline.tracking.records import Flat

Section: TypeAlias = Literal["metrics", "params", "artifacts", "environment"]


class Absent(msgspec.Struct, frozen=True):
    """Stands where one side has no such value; different from every value, null included."""


ABSENT = Absent()


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One value on each side; change and relative are there where two numbers stand."""

    section: Section
    file: str
    name: str
    values: tuple[Any, ...]
    change: float | None = None
    relative: float | None = None  # of the old value's size: -0.1 is a tenth less

    @property
    def differs(self) -> bool:
        """Tell whether not all sides are the same."""
        first = self.values[0]
        return any(not same(first, value) for value in self.values[1:])


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are one: nan is nan, 1 is 1.0, but true is not 1.

    >>> same(1, 1.0), same(True, 1), same(float("nan"), float("nan")), same(None, ABSENT)
    (True, False, True, False)
    """
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or (_nan(one) and _nan(other))


def rows(section: Section, sides: Sequence[Mapping[str, Flat]]) -> tuple[Row, ...]:
    """Return one row for each name in each file, in the order of the first side that has it."""
    names = {(file, name): None for side in sides for file in side for name in side[file]}
    return tuple(
        _row(section, file, name, [side.get(file, {}).get(name, ABSENT) for side in sides])
        for file, name in names
    )


def differing(found: Iterable[Row]) -> tuple[Row, ...]:
    """Return the rows whose sides are not all the same."""
    return tuple(row for row in found if row.differs)


def _row(section: Section, file: str, name: str, values: list[Any]) -> Row:
    change = relative = None
    if len(values) == 2 and all(_number(value) for value in values):
        with suppress(OverflowError):  # whole numbers beyond what a float can hold
            change = values[1] - values[0]
            if values[0] != 0 and math.isfinite(change):
                relative = change / abs(values[0])
    return Row(section, file, name, tuple(values), change, relative)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
