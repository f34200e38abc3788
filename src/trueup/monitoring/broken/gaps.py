"""Nulls where there were none, or far more than there ever were; infinite numbers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from trueup.monitoring.broken.bounds import Bound, bound_of, surprise
from trueup.monitoring.broken.records import Finding, Limits
from trueup.monitoring.broken.windows import Basis, Pair, Window, since_block
from trueup.monitoring.profiles.profile import ABOVE, BELOW, NANS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEW = 5  # nulls that are an accident rather than a pipe


def nulls(window: Window, pair: Pair, limits: Limits, rate: float) -> Iterator[Finding]:
    """Yield a finding where the window's share of nulls is beyond the reference's.

    A value that is not a number (NaN) counts as a null.
    """
    hits, each = int(pair.now.missing.sum()), pair.now.rows()
    rows = int(each.sum())
    bound = bound_of(pair.before.missing, pair.before.rows(), rate, rows)
    if not rows or not bound.blocks:
        return
    needed = limits.nulls if bound.most else limits.new_nulls
    found = surprise(hits, rows, bound.at)
    if found <= -np.log(rate) or hits < _FEW or hits / rows - bound.usual < needed:
        return
    nans = int(pair.counted.profile.marks[:, pair.now_number, NANS].sum())
    kind = "not a number (NaN)" if nans > hits / 2 else "null"
    yield Finding(
        "nulls", pair.track.column, f"{hits:,} of {rows:,} rows are {kind}: {_before(bound)}",
        "certain" if hits == rows and bound.most < 1 else "very likely",
        hits / rows, bound.usual, bound.at, bound.why, hits, found,
        since=since_block(window, first_beyond(pair.now.missing, each, bound.at)),
    )  # fmt: skip


def infinite(basis: Basis, window: Window, pair: Pair) -> Iterator[Finding]:
    """Yield a finding where numbers are infinite that never were."""
    marks = pair.counted.profile.marks[:, pair.now_number][:, [BELOW, ABOVE]].sum(axis=1)
    before = basis.reference.profile.marks[:, pair.before_number][:, [BELOW, ABOVE]].sum()
    hits, rows = int(marks.sum()), int(pair.now.rows().sum())
    if hits and not before:
        yield Finding(
            "infinite", pair.track.column, f"{hits:,} of {rows:,} numbers are infinite", "certain",
            hits / rows, 0.0, 0.0, "the reference has no infinite number", hits, float(hits),
            since=since_block(window, int(np.flatnonzero(marks)[0])),
        )  # fmt: skip


def first_beyond(hits: "NDArray[np.int64]", rows: "NDArray[np.int64]", share: float) -> int:
    """Return the first block whose share is beyond what may be; else the one with most."""
    shares = hits / np.maximum(rows, 1)
    beyond = np.flatnonzero((shares > share) & (hits > 1))
    return int(beyond[0]) if len(beyond) else int(np.argmax(shares))


def _before(bound: Bound) -> str:
    if not bound.most:
        return "there were none"
    return f"there were {100 * bound.usual:.3g} % on average, {100 * bound.most:.3g} % at most"
