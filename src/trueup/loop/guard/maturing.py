"""Labels that are not all there: from the future, still to come, no longer coming, chosen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from trueup.loop.guard.records import Finding, Limits
from trueup.loop.guard.rows import Known, Rows, known_us, us
from trueup.monitoring.broken.bounds import bound_of, surprise
from trueup.monitoring.maturity import COMPLETE, NEVER, MaturityCurve
from trueup.reporting.wording import duration

if TYPE_CHECKING:
    import polars as pl

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
_LEAST_COME = 0.01  # a label that stands for a hundred others at most
_BANDS = 10
_LEAST_OF_BAND = 30  # rows
_LEAST_DAYS = 14  # that say what is usual
_NEWEST = 0.25  # of the days, that are compared with those before


def as_of(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield rows with a truth, and labels, of after the moment which is decided for."""
    if {rows.time, rows.target} <= set(rows.table.columns):
        late = us(rows.table[rows.time]) > rows.now_us
        late &= rows.table[rows.target].is_not_null().to_numpy()
        if late.any():
            yield _future(int(late.sum()), rows, known, rows.time, "rows are of a time")
    frame = rows.labelled
    if frame is not None and frame["labelled_at"].null_count() < frame.height:
        late = known_us(frame["labelled_at"]) > rows.now_us
        late &= known_us(frame["labelled_at"]) != NEVER
        trained = int((late & frame["trained"].to_numpy()).sum())
        if trained:
            yield _future(trained, rows, known, rows.target, "labels were said")


def _future(count: int, rows: Rows, known: Known, column: str, what: str) -> Finding:
    return Finding(
        "as_of", f"{count:,} {what} after {rows.now:%Y-%m-%d %H:%M %Z}, for which is decided",
        True, "Let the stage cut at the moment that it is given (loop.retrain.params: "
        "{prepare.until: now})",
        column=column, pipe=known.pipes.get(column), measured=float(count), limit=0.0,
        why="a model that has seen the future cannot be judged", rows=count,
    )  # fmt: skip


def maturity(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where many labels are still to come of rows as young as those trained on.

    Of each row that is there, as many are missing as its age says (maturity_curve): those that
    come late need not be like those that came early.
    """
    frame = rows.labelled
    if frame is None or not frame.height:
        return
    curve = rows.curve
    after_s = mature_after_s(known, curve)
    trained = frame.filter("trained")
    if after_s is None or not curve.ages_s or not trained.height:
        return
    ages_s = (rows.now_us - us(trained["at"])) / _SECOND_US
    young = ages_s < after_s
    come = np.maximum(curve.come_by(ages_s[young]), _LEAST_COME)
    missing = float((1 / come - 1).sum())
    share = missing / trained.height
    if share <= limits.late:
        return
    yield Finding(
        "maturity",
        f"{int(young.sum()):,} of {trained.height:,} rows are younger than {duration(after_s)}, "
        f"and about {missing:,.0f} labels of rows like them are still to come", True,
        f"Train on rows that are at least {duration(after_s)} old",
        column=rows.target, pipe=known.pipes.get(rows.target), measured=share, usual=0.0,
        limit=limits.late, rows=int(young.sum()),
        why=f"labels count as complete when {COMPLETE:.0%} have come",
    )  # fmt: skip


def mature_after_s(known: Known, curve: MaturityCurve) -> float | None:
    """Return from which age on labels are complete: as declared, else as the labels show."""
    declared = known.labels.mature_after
    return declared if declared is not None else curve.age_s(COMPLETE)


def label_gap(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where, of the newest days that are mature, fewer labels came than before."""
    mature = mature_rows(rows, known)
    if mature is None or not mature.height:
        return
    days = us(mature["at"]) // _DAY_US
    places, codes = np.unique(days, return_inverse=True)
    missing = mature["truth"].is_null().to_numpy()
    each = np.bincount(codes).astype(np.int64)
    hits = np.bincount(codes, missing).astype(np.int64)
    newest = max(1, int(len(places) * _NEWEST))
    if len(places) - newest < _LEAST_DAYS:
        return
    bound = bound_of(hits[:-newest], each[:-newest], limits.rate, int(each[-newest:].sum()))
    found, count = int(hits[-newest:].sum()), int(each[-newest:].sum())
    is_chance = surprise(found, count, bound.at) <= -np.log(limits.rate)
    if is_chance or found / count - bound.usual < limits.gap:
        return
    yield Finding(
        "label_gap",
        f"of the newest {newest} days that are mature, {found:,} of {count:,} rows have no "
        f"label; before, {bound.usual:.1%} had none", True,
        "Mend what sends the labels, or leave these days out",
        column=rows.target, measured=found / count, usual=bound.usual, limit=bound.at,
        why=bound.why, rows=found,
    )  # fmt: skip


def selection(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where labels come of some answers and hardly of others.

    Declared (labels.observed_if, labels.propensity) it is told; undeclared it stops: a model that
    learns from what it has itself chosen to be labelled confirms itself.
    """
    mature = mature_rows(rows, known)
    if mature is None:
        return
    declared = known.labels.observed_if is not None or known.labels.propensity is not None
    bands = _bands(mature)
    if len(bands) < 2:
        return
    shares = [came / count for _, _, count, came in bands]
    whole = sum(came for *_, came in bands) / sum(count for _, _, count, _ in bands)
    low, high, count, came = bands[int(np.argmin(shares))]
    ratio = came / count / max(shares)
    said = surprise(count - came, count, 1 - whole)
    if ratio >= limits.selection or said <= -np.log(limits.rate / len(bands)):
        return
    explored = int(mature["propensity"].is_not_null().sum())
    yield Finding(
        "selection",
        f"labels come of {came / count:.0%} of the rows with a score of {low:.3g} to {high:.3g}, "
        f"and of {max(shares):.0%} elsewhere"
        + (" (declared)" if declared else "")
        + (f"; {explored:,} rows were explored" if explored else ""),
        not declared,
        "Explore some rows (serve.challenger.explore) and weigh them, and declare which rows "
        "get labels: monitor.performance.labels.observed_if",
        column=rows.target, measured=ratio, usual=1.0, limit=limits.selection,
        why="bands with equal counts of rows, by score", rows=count - came,
    )  # fmt: skip


def _bands(mature: "pl.DataFrame") -> list[tuple[float, float, int, int]]:
    """Return the lowest and highest score of each band, its rows, and those with a label."""
    there = mature.filter(mature["score"].is_not_null())
    if there.height < _BANDS * _LEAST_OF_BAND:
        return []
    score, has = there["score"].to_numpy(), there["truth"].is_not_null().to_numpy()
    cuts = np.unique(np.quantile(score, np.linspace(0, 1, _BANDS + 1)[1:-1]))
    place = np.searchsorted(cuts, score, side="right")
    found = []
    for band in range(len(cuts) + 1):
        mine = place == band
        if mine.sum() >= _LEAST_OF_BAND:
            low, high = float(score[mine].min()), float(score[mine].max())
            found.append((low, high, int(mine.sum()), int(has[mine].sum())))
    return found


def mature_rows(rows: Rows, known: Known) -> "pl.DataFrame | None":
    """Return what was predicted and is old enough to have its label; None if no age is known."""
    import polars as pl

    frame = rows.labelled
    if frame is None or not frame.height:
        return None
    after_s = mature_after_s(known, rows.curve)
    if after_s is None:
        return None
    old = pl.Series(rows.now_us - us(frame["at"]) >= after_s * _SECOND_US)
    return frame.filter(old)
