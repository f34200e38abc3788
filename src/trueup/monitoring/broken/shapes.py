"""Columns that are missing or of another type, and ids that came more than once."""

from collections.abc import Iterator

from trueup.errors import did_you_mean
from trueup.monitoring.broken.bounds import surprise
from trueup.monitoring.broken.records import Finding, Limits
from trueup.monitoring.broken.windows import Basis, Window, is_of, since_row
from trueup.monitoring.profiles.grids import Kind

_WORDS: dict[Kind | None, str] = {
    "number": "numbers",
    "text": "text",
    "boolean": "true or false",
    "time": "times",
    "vector": "vectors",
    "nothing": "nothing",
    None: "of no known type",
}
_MOSTLY = 0.99


def missing_columns(basis: Basis, window: Window) -> Iterator[Finding]:
    """Yield each column of the reference that did not come."""
    for name in basis.reference.grid.columns:
        if name in window.kinds:
            continue
        others = [one for one in window.kinds if one not in basis.reference.grid.columns]
        near = did_you_mean(name, others).strip()
        yield Finding(
            "missing_column", name, f"the column is missing{'. ' + near if near else ''}",
            "certain", 0.0, 1.0, 1.0, "the reference has it", strength=float("inf"),
        )  # fmt: skip


def types(basis: Basis, window: Window) -> Iterator[Finding]:
    """Yield each column whose values are of another kind than the reference's."""
    grid = basis.reference.grid
    for name in grid.columns:
        before, now = grid.kind(name), window.kinds.get(name)
        if name not in window.kinds or is_of(now, before) or before == "nothing":
            continue
        seen = window.survey.columns.get(name) if window.survey else None
        dtype = f" ({seen.dtype})" if seen else ""
        said = f"was {_WORDS[before]}, and is {_WORDS[now]}{dtype}"
        if seen and before == "number" and now == "text" and seen.numeric >= _MOSTLY:
            said += ": numbers, written as text"
        yield Finding(
            "type", name, said, "certain", 1.0, 0.0, 0.0, "a column keeps its type",
            rows=window.survey.rows if window.survey else 0,
            examples=seen.examples if seen else (),
        )  # fmt: skip


def duplicate_ids(basis: Basis, window: Window, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where more ids came again than the reference's do."""
    ids = window.survey.ids if window.survey else None
    if ids is None or not ids.repeated:
        return
    usual = basis.habits.repeated if basis.habits else 0.0
    least = 2 * usual
    if usual and surprise(ids.repeated, ids.rows, least) <= -_log(limits.rate):
        return
    share = ids.repeated / ids.rows
    why = f"of the reference's rows {usual:.3g} had an id that was there before"
    yield Finding(
        "duplicate_ids", "", f"{ids.repeated:,} of {ids.rows:,} rows have an id that came before",
        "very likely" if usual else "certain", share, usual, least, why, ids.repeated,
        share, ids.examples, since_row(window, ids.first or 0),
    )  # fmt: skip


def _log(rate: float) -> float:
    from math import log

    return log(rate)
