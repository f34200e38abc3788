"""What a table's columns are: the target, the id and the time; and what kind of target it is."""

import re
from collections.abc import Sequence
from datetime import datetime

from trueup.project.beginning.hints import Hints
from trueup.project.beginning.tables import Table

_USUAL = ("target", "label", "y", "class", "outcome", "truth", "y_true", "actual")
_USUAL_WEIGHT = 2
_ID = re.compile(r"(.+[_ ])?(id|uuid|guid|key)|[a-z].*Id|[A-Za-z].*ID")
_TIME = re.compile(
    r"(.+_)?(time|timestamp|datetime|ts)|(.+_)?date|.+_at|(event|created|scheduled|updated).*"
)
_NOT_TIME = re.compile(r"birth|dob|duration|elapsed|expir|delta|spent|_of_day")
_LEAST_DAYS = 20  # with fewer, blocks of days say little
_MOST_CLASSES = 30
_CLASSIFYING = ("binary", "multiclass")


def target_of(columns: Sequence[str], hints: Hints) -> str:
    """Return the column that is the target, as scripts or its name tell; empty unless clear.

    Without columns, the name that scripts give it.
    """
    weights = {name: hints.targets.get(name, 0) for name in columns or hints.targets}
    for name in columns:
        weights[name] += _USUAL_WEIGHT if name.lower() in _USUAL else 0
    best = max(weights.values(), default=0)
    leading = [name for name, weight in weights.items() if weight == best]
    return leading[0] if best > 0 and len(leading) == 1 else ""


def id_of(table: Table, others: Sequence[Table], target: str) -> str:
    """Return the column that names each row; none if unsure.

    A column whose every value is in a training table numbers the rows of each table anew.
    """
    named = [name for name in table.columns if _ID.fullmatch(name) and name != target]
    for name in sorted(named, key=lambda name: (name.lower() != "id", table.columns.index(name))):
        values = table.values(name)
        distinct = set(values)
        if not values or "" in distinct or len(distinct) < len(values):
            continue
        if not any(distinct <= set(other.values(name)) for other in others):
            return name
    return ""


def time_of(table: Table, target: str) -> tuple[str, str]:
    """Return the column of each row's time, and what to say of the choice; either may be empty.

    It reads as a time in each row, on days enough. Of several the first: they mostly go together,
    and rows that do are worth fewer than they are.
    """
    named = [name for name in table.columns if _is_time(name) and name != target]
    days = {name: found for name in named if (found := _days(table.values(name)))}
    fitting = [name for name, count in days.items() if count >= _LEAST_DAYS]
    if len(fitting) > 1:
        return fitting[0], f"{fitting[0]} is taken as the time of a row, not {fitting[1]}"
    if fitting or not days:
        return "".join(fitting), ""
    few = next(iter(days))
    return "", (
        f"{few} lies on {days[few]} {'day' if days[few] == 1 else 'days'} only, too few to judge"
        " by, so rows are taken as independent"
    )


def task_of(values: Sequence[str], hints: Hints, measured: Sequence[str]) -> str:
    """Return the task, as the target's values tell; where they do not, as scripts and metrics do.

    measured are the tasks that the metrics which were found belong to.
    """
    distinct = {value for value in values if value}
    regresses = hints.kind == "regressor" or (
        hints.kind is None and bool(measured) and set(measured) == {"regression"}
    )
    if not distinct:
        return _untold(hints, measured)
    if len(distinct) == 2 and not regresses:
        return "binary"
    if not all(map(_is_number, distinct)):
        return "multiclass" if 2 < len(distinct) <= len(values) / 2 else ""
    if regresses:
        return "regression"
    if hints.kind == "classifier" or (measured and set(measured) <= set(_CLASSIFYING)):
        return "multiclass" if 2 < len(distinct) <= max(_MOST_CLASSES, len(values) / 20) else ""
    fractions = any(float(value) != int(float(value)) for value in distinct)
    return "regression" if fractions and len(distinct) > _MOST_CLASSES else ""


def _untold(hints: Hints, measured: Sequence[str]) -> str:
    tasks = set(measured)
    if len(tasks) == 1:
        return measured[0]
    return "regression" if hints.kind == "regressor" else ""


def _is_time(name: str) -> bool:
    lower = name.lower()
    return bool(_TIME.fullmatch(lower)) and not _NOT_TIME.search(lower)


def _days(values: Sequence[str]) -> int:
    """Return on how many days the times lie; 0 if one of them is none."""
    found = set()
    for value in values:
        try:
            found.add(datetime.fromisoformat(value).date())
        except ValueError:
            return 0
    return len(found)


def _is_number(text: str) -> bool:
    try:
        return float(text) - float(text) == 0  # neither NaN nor infinite
    except ValueError:
        return False
