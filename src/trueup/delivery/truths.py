"""The truth of a table, as numbers: 0 and 1, the places of classes, or the values themselves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.delivery.tables import column, listed, polars
from trueup.errors import WrongUsage

if TYPE_CHECKING:
    import polars as pl

USUAL = ("truth", "y_true", "actual")  # where no target is named, as in a predictions file


@dataclass(frozen=True)
class Truth:
    """The truth by row, NaN where it is not known; ``classes`` in the order of their places."""

    coded: Any
    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()
    absent: Any = None  # which rows never got a truth: null, which NaN is not


def truth_of(frame: "pl.DataFrame", task: str, target: str, shown_as: str) -> Truth:
    """Return the truth of a table: its target, or where none is named one of the usual columns."""
    name = _target(frame, target, shown_as)
    values = column(frame, name, "evaluate.target", shown_as)
    absent = values.is_null().to_numpy()
    if task in ("binary", "multiclass"):
        classes = classes_of(values)
        if task == "binary" and len(classes) > 2:
            raise WrongUsage(
                f"{name!r} has {len(classes)} values, and the task is binary: {listed(classes)}",
                remedy="Set task: multiclass, or give a target of two values.",
                place=shown_as,
            )
        known = classes if task == "multiclass" else _negative_first(classes)
        return Truth(codes(values, known), (name,), known, absent)
    return Truth(numbers(values, shown_as), (name,), absent=absent)


def _target(frame: "pl.DataFrame", target: str, shown_as: str) -> str:
    there = [name for name in USUAL if name in frame.columns]
    if target and (target in frame.columns or not there):
        return target
    if len(there) == 1:
        return there[0]
    raise WrongUsage(
        "it is not said which column is the truth",
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
    distinct = _plain(values).drop_nulls().unique().sort().to_list()
    return tuple(dict.fromkeys(class_name(each) for each in distinct))


def class_name(value: Any) -> str:
    """Return a class's name: 1, 1.0 and True are one class, and so are 0, 0.0 and False.

    >>> class_name(True), class_name(2.0), class_name("sport")
    ('1', '2', 'sport')
    """
    if isinstance(value, str):
        return {"true": "1", "false": "0"}.get(value.lower(), value)
    return str(int(value)) if value == int(value) else str(value)


def codes(values: "pl.Series", classes: tuple[str, ...]) -> Any:
    """Return each value's place among the classes, NaN where there is none."""
    pl = polars()
    plain = _plain(values)
    distinct = plain.drop_nulls().unique().to_list()
    places = {name: float(at) for at, name in enumerate(classes)}
    new = [places.get(class_name(each)) for each in distinct]
    found = plain.replace_strict(distinct, new, default=None, return_dtype=pl.Float64)
    return found.to_numpy()


def _plain(values: "pl.Series") -> "pl.Series":
    pl = polars()
    if values.dtype in (pl.Categorical, pl.Enum):
        return values.cast(pl.String)
    return values.fill_nan(None) if values.dtype.is_float() else values


def numbers(values: "pl.Series", shown_as: str) -> Any:
    """Return a column as numbers, NaN where it is null."""
    pl = polars()
    if not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
        raise WrongUsage(
            f"the column {values.name!r} of type {values.dtype} holds no numbers",
            remedy="Give numbers, or set the task that fits.",
            place=shown_as,
        )
    return values.cast(pl.Float64).to_numpy()
