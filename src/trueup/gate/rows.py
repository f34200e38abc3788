"""The prediction table: one row a prediction, its truth, and what the row depends on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trueup.errors import WrongUsage
from trueup.gate.arrays import Truths, Whole, np
from trueup.gate.metrics import Labels, Task

MODELS = ("candidate", "champion", "anchor")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A prediction table. Columns are anything NumPy reads as an array, of one length.

    ``candidate``, ``champion`` and ``anchor`` are predictions: the probability of ``positive``
    for a binary task, (rows, classes) probabilities or labels for more classes, (rows, labels)
    for several labels, numbers else. ``seen``: rows that a model was trained, tuned, stopped or
    calibrated on; ``unlabelled``: rows that never got a truth, such as cancelled flights. Both
    are left out and counted; a truth that is NaN otherwise is a trap. ``names`` are those of the
    classes where ``classes`` are numbers. ``scale`` gives, for the length of a season, how hard
    each row of a forecast is: see grouping.in_scale.
    """

    task: Task
    truth: Any
    candidate: Any
    champion: Any = None
    anchor: Any = None
    ids: Any = None
    time: Any = None
    group: Any = None
    slices: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[Any, ...] = ()
    positive: Any = None
    seen: Any = None
    unlabelled: Any = None
    names: tuple[str, ...] = ()
    scale: Callable[[int], Any] | None = None


@dataclass(frozen=True)
class Table:
    """Rows made ready: arrays of known types, every row with truth and finite predictions."""

    task: Task
    truth: Any
    predicted: Mapping[str, Any]  # by model
    classes: int
    ids: Any = None
    days: Whole | None = None
    group: Whole | None = None
    slices: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()  # of the classes, as their numbers count them
    scale: Callable[[int], Any] | None = None  # of all rows, those left out among them
    at: Whole | None = None  # which of all rows these are

    def __len__(self) -> int:
        return len(self.truth)

    def labels(self, model: str) -> Labels:
        """Return what a metric sees of one model."""
        return Labels(self.truth, self.predicted[model], self.classes)

    def only(self, kept: Truths | Whole) -> "Table":
        """Return the rows that a mask or positions name."""
        return replace(
            self,
            truth=self.truth[kept],
            predicted={name: each[kept] for name, each in self.predicted.items()},
            ids=None if self.ids is None else self.ids[kept],
            days=None if self.days is None else self.days[kept],
            group=None if self.group is None else self.group[kept],
            slices={name: each[kept] for name, each in self.slices.items()},
            features={name: each[kept] for name, each in self.features.items()},
            at=None if self.at is None else self.at[kept],
        )


def array(column: Any) -> Any:
    """Return a column of any library as a NumPy array."""
    if hasattr(column, "to_numpy"):
        return column.to_numpy()
    return np.asarray(column)


def numbered(column: Any) -> tuple[Whole, int]:
    """Return each value's number, and how many values there are."""
    values, codes = np.unique(_comparable(array(column)), return_inverse=True)
    return codes.reshape(-1).astype(np.int64), len(values)


def _comparable(column: Any) -> Any:
    return column if column.dtype != object else np.array([str(each) for each in column])


def days(time: Any) -> Whole:
    """Return each row's day, counted from 1970; numbers are taken as seconds."""
    moments = array(time)
    if moments.dtype == object:
        moments = moments.astype("datetime64[us]")
    if np.issubdtype(moments.dtype, np.datetime64):
        if np.isnat(moments).any():
            raise WrongUsage("some rows have no time", remedy="Give each test row its time.")
        counted: Whole = moments.astype("datetime64[D]").astype(np.int64)
        return counted
    numbers: Whole = np.floor(moments.astype(np.float64) / 86400).astype(np.int64)
    return numbers


def prepared(rows: Rows) -> Table:
    """Return the rows as arrays of known types; WrongUsage where a column does not fit."""
    truth, classes = _truth(rows)
    predicted = {
        name: _prediction(rows, array(column), classes)
        for name in MODELS
        if (column := getattr(rows, name)) is not None
    }
    table = Table(
        rows.task,
        truth,
        predicted,
        len(classes) or 2,
        None if rows.ids is None else array(rows.ids),
        None if rows.time is None else days(rows.time),
        None if rows.group is None else numbered(rows.group)[0],
        {name: _comparable(array(column)) for name, column in rows.slices.items()},
        {name: array(column) for name, column in rows.features.items()},
        rows.names or _names(rows, classes),
        rows.scale,
        None if rows.scale is None else np.arange(len(truth)),
    )
    _same_length(table)
    return table


def _same_length(table: Table) -> None:
    columns = {
        **table.predicted,
        **table.slices,
        **table.features,
        **{"id": table.ids, "time": table.days, "group": table.group},
    }
    for name, column in columns.items():
        if column is not None and len(column) != len(table):
            raise WrongUsage(
                f"{name} has {len(column)} rows, the truth {len(table)}",
                remedy="Give every column of the prediction table the same rows.",
            )


def _truth(rows: Rows) -> tuple[Any, tuple[Any, ...]]:
    truth = array(rows.truth)
    if rows.task == "multilabel":
        known = not np.issubdtype(truth.dtype, np.floating) or not np.isnan(truth).any()
        return truth.astype(np.bool_) if known else truth, tuple(range(truth.shape[1]))
    if rows.task not in ("binary", "multiclass"):
        return truth.astype(np.float64), ()
    truth = _comparable(truth)
    missing = _missing(truth)
    classes = rows.classes or tuple(np.unique(truth[~missing]).tolist())
    if rows.task == "binary":
        return _binary_truth(rows, truth, missing, classes), classes
    known = np.searchsorted(np.array(classes), truth[~missing])
    coded = np.full(len(truth), -1, dtype=np.int64)
    coded[~missing] = known
    return coded, classes


def _binary_truth(rows: Rows, truth: Any, missing: Truths, classes: tuple[Any, ...]) -> Any:
    if len(classes) > 2:
        raise WrongUsage(
            f"the truth of a binary task has {len(classes)} values",
            remedy="Set task: multiclass, or give a target of two values.",
        )
    positive = _positive(rows, classes)
    coded = np.where(missing, np.nan, (truth == positive).astype(np.float64))
    return coded if missing.any() else coded.astype(np.bool_)


def _positive(rows: Rows, classes: tuple[Any, ...]) -> Any:
    if rows.positive is not None:
        return rows.positive
    return 1 if set(classes) <= {0, 1} else classes[-1]


def _names(rows: Rows, classes: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the names of the classes; of two, the positive one is the second."""
    if rows.task != "binary":
        return tuple(str(each) for each in classes)
    positive = _positive(rows, classes)
    there = {each == positive: str(each) for each in classes}
    return there.get(False, f"not {positive}"), there.get(True, str(positive))


def _missing(column: Any) -> Truths:
    floating = np.issubdtype(column.dtype, np.floating)
    missing: Truths = np.isnan(column) if floating else np.zeros(len(column), dtype=np.bool_)
    return missing


def _prediction(rows: Rows, column: Any, classes: tuple[Any, ...]) -> Any:
    if rows.task == "binary" and column.ndim == 2 and column.shape[1] == 2:
        column = column[:, 1]
    if rows.task == "multiclass" and column.ndim == 1:
        known = np.array(classes)
        places = np.clip(np.searchsorted(known, column), 0, len(known) - 1)
        other = len(known)  # a label that no row has
        found = np.where(known[places] == column, places, other)
        return np.where(_missing(column), np.nan, found) if _missing(column).any() else found
    if not (np.issubdtype(column.dtype, np.number) or column.dtype == np.bool_):
        raise WrongUsage(
            f"predictions of a {rows.task} task are no numbers but {column.dtype}",
            remedy="Give probabilities or scores, not names of classes.",
        )
    return column.astype(np.float64)
