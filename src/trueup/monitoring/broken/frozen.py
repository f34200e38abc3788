"""Columns that stand still: one value where the reference always varied."""

from collections.abc import Iterator

import numpy as np

from trueup.monitoring.broken.bounds import bound_of, together
from trueup.monitoring.broken.records import Finding, Limits
from trueup.monitoring.broken.surveying import Run
from trueup.monitoring.broken.windows import Basis, Pair, Window, extremes_of, since_row
from trueup.monitoring.profiles.grids import NumberTrack

_LONGER = 3.0  # times the longest run of the reference
_OFTEN = 0.01  # of the reference's stretches, that have been at a bound for long
_SCALE_FREE = ("value", "word", "norm", "length")


def frozen(
    basis: Basis, window: Window, pair: Pair, limits: Limits, rate: float
) -> Iterator[Finding]:
    """Yield a finding where all rows, or a long run of them, have one value."""
    if pair.track.measure not in _SCALE_FREE or not _varies(basis, pair):
        return
    found = _whole(basis, window, pair, limits, rate) or _run(basis, window, pair, limits, rate)
    if found is not None:
        yield found


def _whole(basis: Basis, window: Window, pair: Pair, limits: Limits, rate: float) -> Finding | None:
    """Return a finding where the window has a single value."""
    rows = int(pair.now.counts.sum())
    usual_rows = int(np.median(pair.before.counts.sum(axis=1)))
    enough = max(limits.frozen_rows, _needed(pair, rate), min(usual_rows, 1000))
    if rows < enough or not _is_single(window, pair):
        return None
    value = _value(window, pair)
    if _rests(basis, pair, value, rows):
        return None
    shown = () if value is None else (value,)
    return Finding(
        "frozen", pair.track.column, f"all {rows:,} rows have one value", "certain",
        1.0, _top(pair), 1.0, _why(basis, pair), rows, float(rows), shown, since_row(window, 0),
    )  # fmt: skip


def _run(basis: Basis, window: Window, pair: Pair, limits: Limits, rate: float) -> Finding | None:
    """Return a finding where a run of rows is longer than chance and the reference allow."""
    seen = window.survey.columns.get(pair.track.column) if window.survey else None
    usual = basis.habits.longest.get(pair.track.column) if basis.habits else None
    run: Run | None = seen.longest if seen else None
    if run is None or usual is None:
        return None
    limit = max(limits.frozen_rows, _LONGER * usual, _needed(pair, rate))
    if run.rows <= limit or _rests(basis, pair, run.value, run.rows):
        return None
    why = f"the reference's longest run of one value has {usual:,} rows"
    return Finding(
        "frozen", pair.track.column, f"{run.rows:,} rows that follow each other have one value",
        "very likely", float(run.rows), float(usual), limit, why, run.rows, run.rows / limit,
        (run.value,), since_row(window, run.start),
    )  # fmt: skip


def _rests(basis: Basis, pair: Pair, value: str | None, rows: int) -> bool:
    """Say whether it is the reference's own bound, at which numbers stay for a while.

    As humidity stays at 100 per cent: where one of a hundred stretches of the reference, each as
    long as the run, had at that bound a third as many rows, so long a run is no news.
    """
    track, edges = pair.track, pair.before.edges
    if track.kind != "number" or track.measure != "value" or edges is None or value is None:
        return False
    bound = float(value)
    if bound not in extremes_of(basis.reference, pair.before_number):
        return False
    cell = int(np.searchsorted(edges, bound, side="right"))
    starts = together(pair.before.rows(), rows)
    hits = np.add.reduceat(pair.before.counts[:, cell], starts)
    return bool((hits >= rows / _LONGER).mean() >= _OFTEN)


def _varies(basis: Basis, pair: Pair) -> bool:
    """Say whether no block of the reference, if it has enough rows, had one value only."""
    profile, k = basis.reference.profile, pair.before_number
    rows = pair.before.counts.sum(axis=1)
    enough = rows >= max(2, int(np.median(rows)) // 2)
    if not enough.any():
        return False
    if isinstance(pair.track, NumberTrack):
        still = profile.extremes[:, k, 0] >= profile.extremes[:, k, 1]
    else:
        still = pair.before.counts.max(axis=1) == rows
    return not bool((still & enough).any())


def _is_single(window: Window, pair: Pair) -> bool:
    if isinstance(pair.track, NumberTrack):
        low, high = extremes_of(pair.counted, pair.now_number)
        return low == high
    counts = pair.now.counts.sum(axis=0)
    if int((counts > 0).sum()) != 1:
        return False
    rest = pair.counted.profile.rest.get(pair.now_number)
    return not counts[-1] or (rest is not None and rest.distinct() == 1)


def _value(window: Window, pair: Pair) -> str | None:
    if isinstance(pair.track, NumberTrack):
        return f"{extremes_of(pair.counted, pair.now_number)[0]:.6g}"
    place = int(np.argmax(pair.now.counts.sum(axis=0)))
    if place < len(pair.track.words):
        return pair.track.words[place]
    rest = pair.counted.profile.rest.get(pair.now_number)
    return rest.most_frequent(1)[0][0] if rest else None


def _top(pair: Pair) -> float:
    """Return the largest share of a cell: no value of the reference had a larger one."""
    counts = pair.before.counts.sum(axis=0)
    return float(counts.max() / max(1, counts.sum()))


def _needed(pair: Pair, rate: float) -> int:
    """Return how many rows of one value chance explains no more, were rows independent."""
    counts = pair.before.counts
    top = bound_of(counts.max(axis=1), counts.sum(axis=1), rate).at
    return int(np.ceil(np.log(rate) / np.log(min(max(top, 1e-6), 1 - 1e-6))))


def _why(basis: Basis, pair: Pair) -> str:
    return (
        f"it varied in all {basis.reference.blocks} blocks of the reference, where no value "
        f"had more than {100 * _top(pair):.3g} % of the rows"
    )
