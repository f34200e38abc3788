"""All checks of a window for broken data, and what is left for drift to speak of."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from trueup.monitoring.broken.amounts import row_count
from trueup.monitoring.broken.frozen import frozen
from trueup.monitoring.broken.gaps import infinite, nulls
from trueup.monitoring.broken.ranges import ranges
from trueup.monitoring.broken.records import Broken, Finding, Limits, ordered
from trueup.monitoring.broken.shapes import duplicate_ids, missing_columns, types
from trueup.monitoring.broken.units import explained, unit
from trueup.monitoring.broken.unseen import unseen
from trueup.monitoring.broken.windows import Basis, Pair, Window, pairs
from trueup.monitoring.cells import Cells

_BOUNDED = 3  # checks that count rows: each has its part of the rate, a column
_DEFAULT = Limits()


def broken(basis: Basis, window: Window, limits: Limits = _DEFAULT) -> Broken:
    """Return what is broken of a window, measured against its reference."""
    matched = pairs(basis, window)
    rate = limits.rate / max(1, _BOUNDED * len(matched))
    found = [
        *missing_columns(basis, window),
        *types(basis, window),
        *duplicate_ids(basis, window, limits),
        *row_count(basis, window, limits),
    ]
    for pair in matched:
        found += _of_column(basis, window, pair, limits, rate)
    rows = window.survey.rows if window.survey else 0
    if window.counted is not None:
        rows = int(window.counted.profile.rows.sum())
    return Broken(
        ordered([_hidden(one, limits) for one in _once(found)]),
        rows,
        len(basis.reference.grid.columns),
        limits,
        tuple(_not_checked(basis, window)),
        window.name,
    )


def sound(cells: Iterable[Cells], columns: Iterable[str], found: Broken) -> tuple[Cells, ...]:
    """Return the columns that drift is judged on: those in which nothing is broken.

    ``columns`` names the column of each of the cells, of which it may have several.
    """
    return tuple(
        one for one, column in zip(cells, columns, strict=True) if column not in found.names
    )


def _of_column(
    basis: Basis, window: Window, pair: Pair, limits: Limits, rate: float
) -> Sequence[Finding]:
    """Return what is wrong with a column; of numbers in another unit, not also their range."""
    still = list(frozen(basis, window, pair, limits, rate))
    units = [] if still else list(unit(basis, window, pair))
    found = [
        *nulls(window, pair, limits, rate),
        *infinite(basis, window, pair),
        *still,
        *units,
        *unseen(window, pair, limits, rate),
    ]
    if pair.track.column not in explained(units):
        found += ranges(basis, window, pair, limits)
    return found


def _once(found: Iterable[Finding]) -> list[Finding]:
    """Return each check's strongest finding of a column, which may have several tracks."""
    best: dict[tuple[str, str], Finding] = {}
    for one in found:
        key = (one.check, one.column)
        if key not in best or one.strength > best[key].strength:
            best[key] = one
    return list(best.values())


def _hidden(one: Finding, limits: Limits) -> Finding:
    return msgspec.structs.replace(one, examples=()) if one.column in limits.redact else one


def _not_checked(basis: Basis, window: Window) -> Iterator[str]:
    if window.survey is None:
        yield "units, runs of equal values and placeholders: the rows themselves are not at hand"
    if window.survey is None or window.survey.ids is None:
        yield "repeated ids: no id column is known"
    if window.span is None:
        yield "the number of rows: it is not known from when to when the window reaches"
    elif not basis.reference.is_timed:
        yield "the number of rows: the reference's rows have no time"
