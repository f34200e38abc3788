"""The truth of a table, as numbers: 0 and 1, the places of classes, or the values themselves."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.delivery.tables import column, listed
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

USUAL = ("truth", "y_true", "actual")  # where no target is named, as in a predictions file


@dataclass(frozen=True)
class Truth:
    """The truth by row, NaN where it is not known; ``classes`` in the order of their places.

    Of several labels, ``coded`` has a column each.
    """

    coded: Any
    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()
    absent: Any = None  # which rows never got a truth: null, which NaN is not
    open: bool = False  # a label that no row lists is one all the same, and false everywhere

    def only(self, kept: Any) -> "Truth":
        """Return the rows that a mask names."""
        return Truth(self.coded[kept], self.columns, self.classes, self.absent[kept], self.open)


def truth_of(frame: "pl.DataFrame", task: str, target: str, shown_as: str) -> Truth:
    """Return the truth of a table: its target, or where none is named one of the usual columns.

    Of several labels: a column of lists, or a column TARGET_LABEL for each.
    """
    if task == "multilabel":
        from trueup.delivery.label_columns import truth_of_labels

        return truth_of_labels(frame, target, shown_as)
    name = target_in(frame.columns, target)
    if name is None:
        raise no_target(frame, target, shown_as)
    values = column(frame, name, "evaluate.target", shown_as)
    absent = values.is_null().to_numpy()
    if task not in ("binary", "multiclass"):
        return Truth(numbers(values, shown_as), (name,), absent=absent)
    classes = classes_of(values)
    if task == "binary":
        if len(classes) > 2:
            raise WrongUsage(
                f"{name!r} has {len(classes)} values, and the task is binary: {listed(classes)}",
                remedy="Set task: multiclass, or give a target of two values.",
                place=shown_as,
            )
        classes = _negative_first(classes)
    return Truth(codes(values, classes), (name,), classes, absent)


def target_in(columns: list[str], target: str) -> str | None:
    """Return the column that is the truth, or None where that is not clear.

    A predictions file may call the target ``truth``.
    """
    there = [name for name in USUAL if name in columns]
    if target and (target in columns or not there):
        return target
    return there[0] if len(there) == 1 else None


def no_target(frame: "pl.DataFrame", target: str, shown_as: str) -> WrongUsage:
    """Return the error of a table whose truth is not known by name."""
    said = (
        f"there is no column {target!r}" if target else "it is not said which column is the truth"
    )
    return WrongUsage(
        said,
        remedy=f"Write evaluate: {{target: COLUMN}}. It has: {listed(frame.columns)}",
        place=shown_as,
    )


def _negative_first(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return both classes of a binary task, so that the place of the positive one is 1."""
    if set(classes) <= {"0", "1"}:
        return ("0", "1")
    return classes if len(classes) == 2 else ("", *classes)


def classes_of(values: "pl.Series") -> tuple[str, ...]:
    """Return the names of a column's values, sorted by value as scikit-learn sorts classes."""
    distinct = plain(values).drop_nulls().unique().sort().to_list()
    return tuple(dict.fromkeys(class_name(each) for each in distinct))


def class_name(value: Any) -> str:
    """Return a class's name: 1, 1.0 and True are one class, and so are 0, 0.0 and False.

    >>> class_name(True), class_name(2.0), class_name("sport")
    ('1', '2', 'sport')
    """
    if isinstance(value, str):
        return {"true": "1", "false": "0"}.get(value.lower(), value)
    if isinstance(value, int | float) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return str(value)


def codes(values: "pl.Series", classes: tuple[str, ...], other: float | None = None) -> Any:
    """Return each value's place among the classes, else ``other``; NaN where it is null."""
    import polars as pl

    values = plain(values)
    distinct = values.drop_nulls().unique().to_list()
    places = {name: float(at) for at, name in enumerate(classes)}
    new = [places.get(class_name(each), other) for each in distinct]
    if not distinct:
        return pl.Series([None] * len(values), dtype=pl.Float64).to_numpy()
    return values.replace_strict(distinct, new, default=None, return_dtype=pl.Float64).to_numpy()


def plain(values: "pl.Series") -> "pl.Series":
    """Return categories as text, and NaN as null."""
    import polars as pl

    if values.dtype in (pl.Categorical, pl.Enum):
        return values.cast(pl.String)
    return values.fill_nan(None) if values.dtype.is_float() else values


def numbers(values: "pl.Series", shown_as: str) -> Any:
    """Return a column as numbers, NaN where it is null."""
    import polars as pl

    if not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
        raise WrongUsage(
            f"the column {values.name!r} of type {values.dtype} holds no numbers",
            remedy="Give numbers, or set the task that fits.",
            place=shown_as,
        )
    return values.cast(pl.Float64).to_numpy()
