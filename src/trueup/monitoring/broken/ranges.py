"""Numbers far outside what they ever were, of a sign they never had, or that stand for none."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from trueup.monitoring.broken.records import Finding, Limits, Since
from trueup.monitoring.broken.windows import Basis, Pair, Window, extremes_of, since_block
from trueup.monitoring.profiles.grids import NumberTrack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MARGIN = 3.0  # times as far as a block of the reference ever went beyond those before it
_LEAST = 3.0  # or so many times the whole range, which twice the scale does not reach
_LEAST_ROWS = 100  # of a reference, before its extremes say anything
_NEAR_ZERO = 0.01  # of the range: a column that begins there is bounded by zero
_PLACEHOLDERS = frozenset(
    sign * value
    for sign in (1.0, -1.0)
    for value in (99, 999, 9999, 99999, 999999, 9999999, 99.9, 999.9, 9999.0, 2147483647)
) | {-2147483648.0}
_SMALL = frozenset((-9.0, -1.0))

_MOSTLY = 0.5  # of the rows outside, that are one placeholder
_FEW = 2
_PLACEHELD = 0.001  # of all rows


def ranges(basis: Basis, window: Window, pair: Pair, limits: Limits) -> Iterator[Finding]:
    """Yield what is wrong with the lowest and the highest numbers, if anything: one finding."""
    track = pair.track
    if not isinstance(track, NumberTrack) or track.measure == "length":
        return
    before = np.array(extremes_of(basis.reference, pair.before_number))
    now = np.array(extremes_of(pair.counted, pair.now_number))
    if not np.isfinite([*before, *now]).all() or pair.before.counts.sum() < _LEAST_ROWS:
        return
    found = (
        _placeholder(window, pair, before)
        or _sign(window, pair, before, now)
        or _far(basis, window, pair, before, now)
    )
    if found is not None:
        yield found


def _placeholder(window: Window, pair: Pair, before: "Floats") -> Finding | None:
    """Return a finding where a number such as -999 stands for one that is not known."""
    seen = window.survey.columns.get(pair.track.column) if window.survey else None
    if seen is None:
        return None
    rows = int(pair.now.rows().sum())
    counts = pair.now.counts.sum(axis=0)
    for side, extreme in ((0, seen.lowest), (-1, seen.highest)):
        if not extreme or extreme.value not in _PLACEHOLDERS | _SMALL:
            continue
        is_low, bound = side == 0, float(before[side])
        if not (extreme.value < bound if is_low else extreme.value > bound):
            continue
        enough = max(_FEW, _PLACEHELD * rows, _MOSTLY * int(counts[side]))
        if extreme.rows < enough or not _is_apart(extreme.value, before):
            continue
        return Finding(
            "range", pair.track.column,
            f"{extreme.rows:,} rows are {extreme.value:.6g}, which looks as if it stood for "
            "a number that is not known",
            "very likely", extreme.value, 0.0, bound,
            f"the reference is {before[0]:.6g} to {before[1]:.6g}", extreme.rows,
            float(extreme.rows), (f"{extreme.value:.6g}",), _since(window, pair, is_low),
        )  # fmt: skip
    return None


def _is_apart(value: float, before: "Floats") -> bool:
    """Say whether a number is too far from the reference to be one more of its kind."""
    if value in _SMALL:
        return bool(before[0] >= 0)
    width = float(before[1] - before[0])
    return bool(min(abs(value - before[0]), abs(value - before[1])) >= 0.1 * width)


def _sign(
    window: Window,
    pair: Pair,
    before: "Floats",
    now: "Floats",
) -> Finding | None:
    """Return a finding where a column that begins at zero has negative numbers."""
    low, high = before
    begins_at_zero = 0 <= low <= _NEAR_ZERO * (high - low)
    hits = int(pair.now.counts[:, 0].sum())
    rows = int(pair.now.rows().sum())
    if not begins_at_zero or now[0] >= 0 or hits < max(_FEW, _PLACEHELD * rows):
        return None
    return Finding(
        "range", pair.track.column, f"{hits:,} rows are below zero, down to {now[0]:.6g}",
        "very likely", float(now[0]), float(low), 0.0,
        f"no row of the reference is, which begins at {low:.6g}", hits, float(hits),
        (f"{now[0]:.6g}",), _since(window, pair, True),
    )  # fmt: skip


def _far(
    basis: Basis,
    window: Window,
    pair: Pair,
    before: "Floats",
    now: "Floats",
) -> Finding | None:
    """Return a finding where numbers are beyond the range by more than the range is wide."""
    width = float(before[1] - before[0])
    if not width:
        return None
    low, high = float(before[0] - now[0]), float(now[1] - before[1])
    reach = max(low, high) / width
    usual = usual_reach(basis.reference.profile.extremes[:, pair.before_number])
    limit = max(_LEAST, _MARGIN * usual)
    if reach <= limit:
        return None
    side = 0 if low > high else 1
    outside = int(pair.now.counts[:, -side].sum())
    word = "below" if side == 0 else "above"
    return Finding(
        "range", pair.track.column,
        f"numbers reach {now[side]:.6g}, {reach:.3g} times the reference's range {word} it",
        "likely", reach, usual, limit,
        f"the reference is {before[0]:.6g} to {before[1]:.6g}, and a block of it went at most "
        f"{usual:.3g} ranges beyond those before",
        outside, reach / limit, (f"{now[side]:.6g}",), _since(window, pair, side == 0),
    )  # fmt: skip


def usual_reach(extremes: "Floats") -> float:
    """Return how far a block of the later half went beyond all before it, in their ranges."""
    there = extremes[np.isfinite(extremes).all(axis=1)]
    if len(there) < 4:
        return 0.0
    low, high = np.minimum.accumulate(there[:, 0]), np.maximum.accumulate(there[:, 1])
    width = np.maximum(high[:-1] - low[:-1], 1e-300)
    beyond = np.maximum(there[1:, 1] - high[:-1], low[:-1] - there[1:, 0]) / width
    later = beyond[len(there) // 2 :]
    return max(0.0, float(later.max(initial=0.0)))


def _since(window: Window, pair: Pair, is_low: bool) -> Since:
    there = np.flatnonzero(pair.now.counts[:, 0 if is_low else -1])
    return since_block(window, int(there[0]) if len(there) else 0)
