"""Rows that a model has answered, with the labels that have come: what performance is told of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trueup.errors import WrongUsage
from trueup.gate.arrays import Floats, NDArray, Truths, Whole, np
from trueup.gate.metrics import Task
from trueup.gate.rows import Rows, Table, array, prepared

NEVER = np.iinfo(np.int64).max  # when a label came that has not come


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Columns of one length; times are whole microseconds since 1970.

    ``predicted`` is what the gate takes for a candidate: the probability of ``positive`` for two
    classes, (rows, classes) in the order of ``classes`` for more, numbers else. ``labelled_at``
    is NEVER where no label has come, and the truth there is not looked at. ``observed`` are rows
    of which a label can come at all, ``propensity`` how likely it then is; ``explored`` is the
    share with which a row was drawn to be labelled whatever was answered, nan where it was not.
    """

    task: Task
    at: Whole
    predicted: Any
    truth: Any = None
    labelled_at: Whole | None = None
    classes: tuple[Any, ...] = ()
    positive: Any = None
    observed: Truths | None = None
    propensity: Floats | None = None
    explored: Floats | None = None
    inputs: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    group: Any = None

    def __len__(self) -> int:
        return len(self.at)

    def __post_init__(self) -> None:
        """Refuse columns of different lengths, which would be paired wrongly."""
        columns = {name: getattr(self, name) for name in _COLUMNS} | dict(self.inputs)
        for name, column in columns.items():
            if column is not None and len(column) != len(self):
                raise WrongUsage(
                    f"{name} has {len(column)} rows, the times {len(self)}",
                    remedy="Give every column of the answers the same rows.",
                )

    def only(self, rows: Truths | Whole | slice) -> "Answers":
        """Return some of the rows."""
        there = {name: getattr(self, name) for name in _COLUMNS}
        chosen: dict[str, Any] = {
            name: None if each is None else each[rows] for name, each in there.items()
        }
        chosen["inputs"] = {name: each[rows] for name, each in self.inputs.items()}
        return replace(self, **chosen)

    def labelled(self, now: int) -> Truths:
        """Say which rows had their label at a moment; what came later is not looked at."""
        if self.truth is None:
            return np.zeros(len(self), dtype=np.bool_)
        if self.labelled_at is None:
            return np.ones(len(self), dtype=np.bool_)
        known: Truths = self.labelled_at <= now
        return known


_COLUMNS = (
    *("at", "predicted", "truth", "labelled_at"),
    *("observed", "propensity", "explored", "group"),
)


def cohorts(answers: Answers, window: int) -> Iterator[tuple[int, Answers]]:
    """Yield when each window begins, and the rows captured in it; both in microseconds.

    By the time of capture alone: in which order labels or rows have arrived changes nothing.
    """
    if not len(answers):
        return
    place = answers.at // window
    order = np.argsort(answers.at, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(place[order]) != 0))
    for rows in np.split(order, starts[1:]):
        yield int(place[rows[0]]) * window, answers.only(rows)


def table_of(answers: Answers) -> Table:
    """Return rows that all have a truth as the gate sees them; rows without prediction are gone."""
    rows = Rows(
        task=answers.task,
        truth=answers.truth,
        candidate=answers.predicted,
        classes=answers.classes,
        positive=answers.positive,
    )
    table = prepared(rows)
    if answers.task == "binary":
        return replace(table, truth=table.truth.astype(np.bool_))
    return table


def whole(answers: Answers) -> Answers:
    """Return the rows that have a finite prediction; the gate and all estimates take no others."""
    predicted = array(answers.predicted)
    if predicted.dtype.kind != "f":
        return answers
    there = np.isfinite(predicted)
    there = there if there.ndim == 1 else there.all(axis=1)
    return answers if there.all() else answers.only(there)
