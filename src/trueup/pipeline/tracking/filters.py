"""The small language of ``trueup runs``: filters, sorting, columns."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from operator import ge, gt, le, lt
from typing import Any

import msgspec

from trueup.errors import WrongUsage, did_you_mean
from trueup.pipeline.tracking.flat import named
from trueup.pipeline.tracking.listing import Run

FIELDS = ["id", "at", "status", "seconds", "project", "kind", "commit", "dirty", "branch", "user"]
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {">": gt, ">=": ge, "<": lt, "<=": le}
_FILTER = re.compile(
    r"\s*(?P<column>[^<>=!~\s].*?)\s*(?P<sign>>=|<=|!=|==|=|>|<|~)\s*(?P<value>.*?)\s*", re.S
)


class Filter(msgspec.Struct, frozen=True):
    """One condition; a run without a value in the column never meets it."""

    column: str
    sign: str  # = != < <= > >= or ~ (contains)
    value: str


def parse_filter(text: str) -> Filter:
    """Return ``metrics.roc_auc>0.7``, ``status=failed`` or ``branch~feature`` as a condition."""
    found = _FILTER.fullmatch(text)
    if not found:
        raise WrongUsage(
            f"{text[:80]!r} is no filter",
            remedy="Write COLUMN SIGN VALUE with one of = != < <= > >= ~ (contains),"
            " for example: --filter 'metrics.roc_auc>0.7'",
        )
    sign = "=" if found["sign"] == "==" else found["sign"]
    return Filter(found["column"], sign, found["value"])


def value_of(run: Run, column: str) -> Any:
    """Return what a run has in a column, None for nothing.

    Columns are the fields of a run, and ``metrics.NAME`` and ``params.NAME``, also as
    ``metrics.FILE:NAME`` where several files hold the same name.
    """
    if column in FIELDS:
        return getattr(run, column)
    kind, _, name = column.partition(".")
    files = run.metrics if kind == "metrics" else run.params if kind == "params" else {}
    for values in files.values():
        if name in values:
            return values[name]
    file, colon, name = name.rpartition(":")
    return files.get(file, {}).get(name) if colon else None


def known_columns(runs: Iterable[Run]) -> list[str]:
    """Return every column that one of the runs has a value in: fields first, then by name."""
    metrics: dict[str, None] = {}
    params: dict[str, None] = {}
    for run in runs:
        metrics |= dict.fromkeys(named(run.metrics))
        params |= dict.fromkeys(named(run.params))
    return [
        *FIELDS,
        *(f"metrics.{name}" for name in sorted(metrics)),
        *(f"params.{name}" for name in sorted(params)),
    ]


def check_columns(columns: Iterable[str], runs: Sequence[Run]) -> None:
    """Raise WrongUsage with the nearest name for a column that no run knows."""
    for column in columns:
        if column in FIELDS or any(value_of(run, column) is not None for run in runs):
            continue
        if not runs and column.startswith(("metrics.", "params.")):
            continue
        known = known_columns(runs)
        if column in known:
            continue  # there is such a name, and null under it
        shown = ", ".join(known[:30]) + (", ..." if len(known) > 30 else "")
        raise WrongUsage(
            f"no run has a column {column[:80]!r}",
            remedy=f"{did_you_mean(column, known)}Columns are: {shown}",
        )


def meets(run: Run, condition: Filter) -> bool:
    """Tell whether a run meets a condition: numbers are compared as numbers, moments as moments.

    ``id`` and ``commit`` are equal to any beginning of theirs.
    """
    value, wanted = value_of(run, condition.column), condition.value
    if value is None:
        return False
    if condition.sign == "~":
        return wanted.lower() in _as_text(value).lower()
    if condition.sign in ("=", "!="):
        return _equal(value, condition) == (condition.sign == "=")
    return _in_order(value, wanted, _ORDERED[condition.sign])


def ordered(runs: Iterable[Run], sort: Sequence[str]) -> list[Run]:
    """Return runs sorted by columns, ``-COLUMN`` from the greatest; those without a value last.

    Where columns say nothing, the newest comes first.
    """
    found = sorted(runs, key=lambda run: (run.at, run.id), reverse=True)
    for column in reversed(sort):
        name = column.removeprefix("-")
        down = column.startswith("-")
        has = [run for run in found if not _missing(value_of(run, name))]
        without = [run for run in found if _missing(value_of(run, name))]
        has.sort(key=partial(_rank_in, name), reverse=down)
        found = has + without
    return found


def _rank_in(column: str, run: Run) -> tuple[int, Any]:
    return _rank(value_of(run, column))


def _equal(value: Any, condition: Filter) -> bool:
    wanted = condition.value
    if condition.column in ("id", "commit"):
        return bool(wanted) and str(value).startswith(wanted)
    if isinstance(value, bool):
        return wanted.lower() == ("true" if value else "false")
    if isinstance(value, int | float):
        number = _number(wanted)
        return number is not None and (value == number or (value != value and number != number))
    return _as_text(value) == wanted


def _in_order(value: Any, wanted: str, compare: Callable[[Any, Any], bool]) -> bool:
    if isinstance(value, datetime):
        return compare(value, _moment(wanted))
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = _number(wanted)
        if number is None:
            raise WrongUsage(
                f"{wanted[:80]!r} is no number",
                remedy="<, <=, > and >= compare numbers with numbers, and dates with at",
            )
        return compare(value, number)
    return compare(_as_text(value), wanted)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise WrongUsage(
            f"{text[:80]!r} is no date", remedy="Write 2026-11-23 or 2026-11-23T09:15:00+01:00"
        ) from wrong
    return moment if moment.tzinfo else moment.astimezone()


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _rank(value: Any) -> tuple[int, Any]:
    """Return what values of different types can be sorted by: numbers, moments, then text."""
    if isinstance(value, int | float):
        return (0, value)
    if isinstance(value, datetime):
        return (1, value)
    return (2, _as_text(value))
