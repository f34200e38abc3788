"""Who answers a request: the live version or the challenger; and which rows are explored.

Pure: a hash decides, so every replica, and the same replica after a restart, decides alike. It is
salted with the model's name: whoever meets one model's challenger meets another's by chance.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from blake3 import blake3

from trueup.captures.erasures import text_of
from trueup.models.outputs import Outputs

Purpose = Literal["share", "explore"]
_WHOLE = 2.0**64


class Routing(msgspec.Struct, frozen=True):
    """How a challenger gets traffic, and which share of rows is explored."""

    model: str  # project/model
    share: float = 0.0  # of the keys whose requests the challenger answers
    sticky_by: str = ""  # the column whose values are the keys; none: ids are
    shadow: bool = False  # who does not answer predicts the same rows afterwards
    explore: float = 0.0  # of the ids whose label must be brought, whatever was answered


class Choice(msgspec.Struct, frozen=True):
    """What was decided of one request."""

    challenger: bool = False  # it answers
    explored: tuple[int, ...] = ()  # rows
    mixed: bool = False  # some rows are the challenger's by their key and some are not


def drawn(model: str, purpose: Purpose, key: str) -> float:
    """Return where a key lies between 0 and 1: anywhere, but always at the same place.

    >>> drawn("shop/sale", "share", "N1") == drawn("shop/sale", "share", "N1")
    True
    """
    text = f"{model}\0{purpose}\0{key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake3(text).digest(8)) / _WHOLE


def chosen(routing: Routing, ids: Sequence[str], keys: Sequence[Any] | None = None) -> Choice:
    """Decide who answers all rows of a request, and which of them are explored.

    One version answers a request. Where a key decides, that is the challenger only if the keys
    of all rows are in its share: a key outside of it never meets the challenger, and one inside
    meets the live version only in mixed company. Else the first id decides for all rows. A row
    without a key has its id for one.

    A key that is in a share is in every larger one: raising it takes the challenger from nobody.
    """
    explored = _explored(routing, ids) if routing.explore else ()
    if not routing.share:
        return Choice(explored=explored)
    named = ids[:1] if keys is None else [_key(one, ids[k]) for k, one in enumerate(keys)]
    inside = [drawn(routing.model, "share", one) < routing.share for one in dict.fromkeys(named)]
    return Choice(all(inside), explored, any(inside) and not all(inside))


class Disagreement(msgspec.Struct, frozen=True):
    """How far two versions' answers to the same rows lie apart."""

    rows: int
    decided: int  # rows that have a decision to differ in
    differing: int  # of them
    difference: float  # of scores or numbers, without sign, a row's columns averaged; summed
    scored: int  # rows that have such


def disagreement(one: Outputs, other: Outputs) -> Disagreement:
    """Compare answers to the same rows: decisions by equality, scores and numbers by distance."""
    rows = len(next(iter(one.values()), ()))
    decisions, numbers = parted(one, other)
    differs = np.zeros(rows, dtype=bool)
    for name in decisions:
        differs |= np.asarray(one[name] != other[name], dtype=bool)
    apart = np.zeros(rows)
    for name in numbers:
        apart += np.abs(np.asarray(one[name], float) - np.asarray(other[name], float))
    known = np.isfinite(apart)
    return Disagreement(
        rows,
        rows if decisions else 0,
        int(differs.sum()),
        float(apart[known].sum()) / max(1, len(numbers)),
        int(known.sum()) if numbers else 0,
    )


def parted(one: Outputs, other: Outputs) -> tuple[list[str], list[str]]:
    """Return the outputs of both that are decisions, and those that are scores or numbers."""
    both = [name for name in one if name in other]
    kinds = {name: {one[name].dtype.kind, other[name].dtype.kind} for name in both}
    numbers = [name for name in both if kinds[name] <= {"f"}]
    decisions = [name for name in both if name.startswith("prediction") and not kinds[name] & {"f"}]
    return decisions, numbers


def _explored(routing: Routing, ids: Sequence[str]) -> tuple[int, ...]:
    share, model = routing.explore, routing.model
    return tuple(k for k, one in enumerate(ids) if drawn(model, "explore", one) < share)


def _key(value: Any, row_id: str) -> str:
    """Return a key as text: 5, 5.0 and "5" are one; a missing one is the row's id."""
    if value is None or value != value or value == "":
        return row_id
    return text_of(value)
