"""What is captured of an answer, and which of its rows apart."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from trueup.captures.records import Captured, Matrix
from trueup.models.outputs import Outputs
from trueup.serving.rows import Rows
from trueup.serving.served import Served


def captured(
    served: Served, rows: Rows, ids: Sequence[str], outputs: Outputs, spent_s: float
) -> Captured:
    """Return rows as the live version has answered them now."""
    named = served.named
    flags = _words(rows) if rows.flags else {}
    inputs: Any = rows.given
    if served.fields.plain and rows.coded is not None:
        inputs = Matrix(served.fields.names, rows.coded.T)
    return Captured(
        named.model, named.version, named.digest, time.time_ns(), ids, inputs, outputs,
        flags, spent_s, environment=named.environment,
    )  # fmt: skip


def explored_apart(
    whole: Captured, explored: Sequence[int], propensity: float
) -> Iterator[Captured]:
    """Yield the rows that are as they are, and those that are explored as such."""
    if not explored:
        yield whole
        return
    chosen = whole if len(explored) == whole.rows else whole.only(list(explored))
    yield msgspec.structs.replace(chosen, role="explore", propensity=propensity)
    if len(explored) < whole.rows:
        apart = set(explored)
        yield whole.only([k for k in range(whole.rows) if k not in apart])


def _words(rows: Rows) -> dict[str, list[str]]:
    """Return a word a row for each flagged column; empty for nothing unusual."""
    found: dict[str, list[str]] = {}
    for flag in rows.flags:
        words = found.setdefault(flag.column, [""] * rows.count)
        for row in flag.rows:
            words[row] = flag.kind
    return found
