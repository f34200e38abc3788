"""Which rows of a table stand for it: classes and scores, rare values, extremes, what is missing.

The same table gives the same rows. A facet is something that a row can show; rows are taken one
after the other, each time the one that shows most of what none has shown yet.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.models.tables import Column, Table

LOOKED_AT = 20_000  # rows of a table, evenly from first to last
POOL = 1_000  # rows that the model is asked about
_RARE = 4  # of a column's rarest words
_BINS = 10  # of scores and numbers that are answered
_CLASSES = 64

Facet = NDArray[Any]  # places of the rows that show it


def pool(inputs: Table, most: int = POOL) -> list[int]:
    """Return rows of which to ask the model: those that show what inputs can be, and others."""
    places = _evenly(inputs.rows, LOOKED_AT)
    usable = _finite(inputs, places)
    looked_at = _part(inputs, usable)
    shown = {int(facet[0]) for facet in _of_inputs(looked_at)}
    found = sorted(shown)[:most]
    others = _evenly(len(usable), max(0, most - len(found)))
    return [int(usable[k]) for k in sorted({*found, *others.tolist()})]


def chosen(inputs: Table, outputs: Table, most: int) -> list[int]:
    """Return at most so many rows, those that show most first."""
    usable = np.intersect1d(
        _finite(inputs, np.arange(inputs.rows)), _decided(outputs), assume_unique=True
    )
    if len(usable) == 0:
        return []
    of_outputs = list(_of_outputs(_part(outputs, usable)))
    of_inputs = list(_of_inputs(_part(inputs, usable)))
    # what is answered comes first: a class that is missing says nothing of half the model
    weights = np.array([len(of_inputs) + 1.0] * len(of_outputs) + [1.0] * len(of_inputs))
    shows = np.zeros((len(weights), len(usable)), dtype=bool)
    for k, facet in enumerate([*of_outputs, *of_inputs]):
        shows[k, facet] = True
    return [int(usable[k]) for k in _greedy(shows, weights, min(most, len(usable)))]


def _greedy(shows: NDArray[np.bool_], weights: NDArray[np.float64], most: int) -> Iterator[int]:
    taken = np.zeros(shows.shape[1], dtype=bool)
    for _ in range(most):
        worth = weights @ shows
        worth[taken] = -1.0
        best = int(np.argmax(worth))
        if worth[best] <= 0:
            break
        yield best
        taken[best] = True
        weights = np.where(shows[:, best], 0.0, weights)
    rest = np.flatnonzero(~taken)
    yield from rest[_evenly(len(rest), most - int(taken.sum()))].tolist()


def _of_outputs(outputs: Table) -> Iterator[Facet]:
    for column in outputs.columns().values():
        if column.dtype.kind != "f":
            values = column.tolist()
            for word, _ in Counter(values).most_common(_CLASSES):
                yield _places([one == word for one in values])
            continue
        missing = np.isnan(column)
        if missing.any():
            yield np.flatnonzero(missing)
        order = np.flatnonzero(~missing)[np.argsort(column[~missing], kind="stable")]
        for part in np.array_split(order, _BINS) if len(order) else ():
            if len(part):
                yield part
        if len(order):
            yield order[:1]
            yield order[-1:]


def _of_inputs(inputs: Table) -> Iterator[Facet]:
    for column in inputs.columns().values():
        missing = _missing(column)
        if missing.any():
            yield np.flatnonzero(missing)
        present = np.flatnonzero(~missing)
        if len(present) == 0:
            continue
        if column.dtype.kind in "biufM":
            values = column[present]
            yield present[values == values.min()]
            yield present[values == values.max()]
        else:
            yield from _of_words(column, present)


def _of_words(column: Column, present: NDArray[np.int64]) -> Iterator[Facet]:
    words = [str(one) for one in column[present].tolist()]
    counts = Counter(words)
    ordered = sorted(counts, key=lambda one: (counts[one], one))
    known = sorted(counts)
    longest = max(known, key=len)
    wanted = [*ordered[:_RARE], ordered[-1], known[0], known[-1], longest]
    for word in dict.fromkeys(wanted):
        yield present[_places([one == word for one in words])]


def _finite(inputs: Table, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows that a request can have: JSON has no word for infinity."""
    good = np.ones(len(places), dtype=bool)
    for column in inputs.columns().values():
        if column.dtype.kind == "f":
            good &= ~np.isinf(column[places])
    return places[good]


def _decided(outputs: Table) -> NDArray[np.int64]:
    """Return the rows whose answers are finite and whose class is no matter of the last bit."""
    good = np.ones(outputs.rows, dtype=bool)
    columns = outputs.columns()
    for name, column in columns.items():
        if column.dtype.kind != "f":
            continue
        good &= ~np.isinf(column)
        if name == "score":
            good &= ~(np.abs(column - 0.5) < 1e-4)
    scores = [one for name, one in columns.items() if name.startswith("score_")]
    if len(scores) > 1 and all(one.dtype.kind == "f" for one in scores):
        first_two = np.sort(np.column_stack(scores), axis=1)[:, -2:]
        good &= ~(first_two[:, 1] - first_two[:, 0] < 1e-4)
    return np.flatnonzero(good)


def _part(table: Table, places: NDArray[np.int64]) -> Table:
    return Table({name: column[places] for name, column in table.columns().items()})


def _missing(column: Column) -> NDArray[np.bool_]:
    if column.dtype.kind == "O":
        return np.array([one is None or one != one for one in column.tolist()], dtype=bool)
    if column.dtype.kind in "Mm":
        return np.asarray(np.isnat(column), dtype=bool)
    return np.asarray(column != column, dtype=bool)


def _evenly(rows: int, most: int) -> NDArray[np.int64]:
    if rows <= most:
        return np.arange(rows)
    return np.linspace(0, rows - 1, most).astype(np.int64) if most > 0 else np.arange(0)


def _places(marks: Sequence[bool]) -> NDArray[np.int64]:
    return np.flatnonzero(np.array(marks, dtype=bool))
