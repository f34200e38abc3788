"""The model's own voice coming back as truth: its predictions, its writing, its actions."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from trueup.loop.guard.maturing import mature_rows
from trueup.loop.guard.records import Finding, Limits
from trueup.loop.guard.rows import CLASSES, SERVED, Known, Rows
from trueup.monitoring.broken.bounds import surprise

if TYPE_CHECKING:
    import polars as pl

_LEAST = 50  # rows of a part that is looked at on its own
_MOSTLY = 0.5  # of the predictions must not be whole numbers
_SOURCES = 20  # that are looked at, those with the most rows first
_NEAR = 0.05  # of the score, on either side of where the decision changes
_LEAST_BESIDE = 100  # rows on either side
_SURELY = 4.0  # standard errors


def own_predictions(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield parts of the rows whose truth is what was predicted more often than a model is right.

    Parts are all rows, the newest quarter, and the rows of each source of labels.
    """
    import polars as pl

    frame = rows.labelled
    if frame is None:
        return
    both = frame.filter(pl.col("truth").is_not_null() & pl.col("predicted").is_not_null())
    parts = [one for one in _parts(both) if one[1].height >= _LEAST]
    judged = _classes if rows.task in CLASSES else _numbers
    for source, part, which in parts:
        found = judged(part, known, limits, len(parts))
        if found is None:
            continue
        says, measured, usual, limit, why = found
        yield Finding(
            "own_predictions", which + says, True,
            "Find out who writes predictions where the truth belongs, and leave these labels out",
            column=rows.target, source=source, pipe=known.pipes.get(rows.target),
            measured=measured, usual=usual, limit=limit, why=why, rows=part.height,
        )  # fmt: skip
        if not source:
            return  # the parts would only repeat it


def _parts(both: "pl.DataFrame") -> "Iterator[tuple[str, pl.DataFrame, str]]":
    yield "", both, ""
    yield "", both.tail(both.height // 4), "of the newest quarter, "
    counts = both["source"].drop_nulls().value_counts(sort=True).head(_SOURCES)
    for source, _ in counts.iter_rows():
        if source:
            yield source, both.filter(both["source"] == source), f"of what {source!r} said, "


_Echo = tuple[str, float, float, float, str]


def _classes(part: "pl.DataFrame", known: Known, limits: Limits, parts: int) -> _Echo | None:
    """Say whether far fewer answers are wrong than the version's own scores expect."""
    wrong, count = int((part["truth"] != part["predicted"]).sum()), part.height
    expected = [each for each in (known.usual_error, _by_scores(part)) if each is not None]
    if not expected:
        if wrong:
            return None
        return (
            f"all {count:,} truths are what was predicted",
            1.0,
            1.0,
            1.0,
            "nobody is always right",
        )
    usual = min(expected)
    limit = limits.agreement * usual
    if surprise(count - wrong, count, 1 - limit) <= -math.log(limits.rate / parts):
        return None
    says = (
        f"{count - wrong:,} of {count:,} truths are what was predicted, where about "
        f"{1 - usual:.1%} are usual"
    )
    why = f"at least {limits.agreement:.0%} of the wrong answers that are usual"
    return says, 1 - wrong / count, 1 - usual, 1 - limit, why


def _by_scores(part: "pl.DataFrame") -> float | None:
    """Return which share of answers would be wrong if scores were probabilities."""
    there = part.filter(part["score"].is_not_null())
    if there.height < part.height or not set(part["predicted"].unique()) <= {"0", "1"}:
        return None
    score = there["score"].to_numpy()
    if len(score) == 0 or score.min() < 0 or score.max() > 1:
        return None
    yes = (there["predicted"] == "1").to_numpy()
    return float(np.where(yes, 1 - score, score).mean())


def _numbers(part: "pl.DataFrame", known: Known, limits: Limits, parts: int) -> _Echo | None:
    """Say whether numbers are equal to the last digit; whole predictions are equal by chance."""
    truth, said = part["truth"].to_numpy(), part["predicted"].to_numpy()
    broken = said != np.round(said)
    if broken.mean() < _MOSTLY:
        return None
    same = int(((truth == said) & broken).sum())
    share = same / len(truth)
    if share <= limits.equal_numbers:
        return None
    says = f"{same:,} of {len(truth):,} truths are the predicted number to the last digit"
    return says, share, 0.0, limits.equal_numbers, "measured numbers hardly ever are"


def early_labels(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield labels said before the outcome could be known; batch predictions may be of the past."""
    import polars as pl

    frame = rows.labelled
    if frame is None:
        return
    served = frame.filter(
        pl.col("labelled_at").is_not_null()
        & pl.col("truth").is_not_null()
        & pl.col("role").is_in(SERVED).fill_null(value=True)
    )
    if not served.height:
        return
    delay_s = (served["labelled_at"] - served["at"]).dt.total_microseconds().to_numpy() / 1e6
    least_s = known.known_after_s or 0.0
    soon = delay_s < least_s
    count = int(soon.sum())
    share = count / served.height
    if share <= limits.early:
        return
    sources = served.filter(pl.Series(soon))["source"].drop_nulls().value_counts(sort=True)
    source = str(sources[0, 0]) if sources.height else ""
    after = f"less than {least_s:g} s after" if least_s else "before"
    yield Finding(
        "early_labels",
        f"{count:,} of {served.height:,} labels were said {after} their prediction, when the "
        "outcome could not be known", True,
        "Look at the clock and the query of whoever says the labels",
        column=rows.target, source=source, measured=share, usual=0.0, limit=limits.early,
        why="clocks differ; more than that is no clock", rows=count,
    )  # fmt: skip


def own_source(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield labels that the model itself has said."""
    frame = rows.labelled
    if frame is None or not known.own:
        return
    own = {one.casefold() for one in known.own}
    for source, count in frame.filter("trained")["source"].drop_nulls().value_counts().iter_rows():
        if source.casefold() in own:
            yield Finding(
                "own_source", f"{count:,} labels were said by {source!r}, which is the model", True,
                "Leave these labels out: a model is no witness of its own",
                column=rows.target, source=source, measured=float(count), usual=0.0, limit=0.0,
                why="no label may come from what it judges", rows=count,
            )  # fmt: skip


def own_actions(rows: Rows, known: Known, limits: Limits) -> Iterator[Finding]:
    """Yield a finding where outcomes follow from what was done upon the model's answers.

    Declared: learning from them needs explored rows, or a column that says what was done.
    Undeclared it shows where the decision changes: rows just beside it are alike in all but that.
    """
    if known.influences:
        yield from _declared(rows, known)
    found = _jump(rows, known)
    if found is None:
        return
    jump, error, count = found
    if abs(jump) <= limits.jump or abs(jump) <= _SURELY * error:
        return
    yield Finding(
        "own_actions",
        f"just beside the place where the decision changes, the share of the class jumps by "
        f"{jump:+.0%} (standard error {error:.1%}, {count:,} rows)", not known.influences,
        "Find out what is done upon a decision; record it as a column, explore, or declare that "
        "predictions influence outcomes",
        column=rows.target, measured=abs(jump), usual=0.0, limit=max(limits.jump, _SURELY * error),
        why="rows beside the decision differ in nothing else", rows=count,
    )  # fmt: skip


def _declared(rows: Rows, known: Known) -> Iterator[Finding]:
    recorded = [one for one in known.actions if one in rows.table.columns]
    frame = rows.labelled
    explored = 0
    if frame is not None:
        explored = int((frame["propensity"].is_not_null() & frame["truth"].is_not_null()).sum())
    there = bool(recorded) or explored >= _LEAST
    says = "it is declared that predictions influence outcomes"
    if recorded:
        says += f"; what was done is recorded in {', '.join(recorded)}"
    elif explored:
        says += f"; {explored:,} labelled rows were explored"
    yield Finding(
        "own_actions", says, not there,
        "Explore some rows (serve.challenger.explore), or record what was done as a column",
        column=rows.target, measured=float(explored), limit=float(_LEAST), rows=rows.table.height,
        why="without either, a model learns what its predecessor has brought about",
    )  # fmt: skip


def _jump(rows: Rows, known: Known) -> tuple[float, float, int] | None:
    """Return by how much the share of class 1 jumps, beyond its slope, where the decision changes.

    A regression discontinuity: one slope, two levels, within a narrow band of scores.
    """
    import polars as pl

    mature = mature_rows(rows, known) if rows.task == "binary" else None
    if mature is None:
        return None
    both = mature.filter(
        pl.col("score").is_not_null()
        & pl.col("truth").is_in(["0", "1"])
        & pl.col("predicted").is_in(["0", "1"])
    )
    yes = (both["predicted"] == "1").to_numpy()
    score = both["score"].to_numpy()
    if not yes.any() or yes.all() or score[yes].min() < score[~yes].max():
        return None  # no threshold: the decision is no function of the score
    at = (score[yes].min() + score[~yes].max()) / 2
    near = np.abs(score - at) <= _NEAR
    yes, score = yes[near], score[near]
    if min(yes.sum(), (~yes).sum()) < _LEAST_BESIDE:
        return None
    came = (both["truth"] == "1").to_numpy()[near].astype(np.float64)
    design = np.column_stack([np.ones(len(score)), score - at, yes])
    inverse = np.linalg.pinv(design.T @ design)
    fitted = inverse @ design.T @ came
    off = came - design @ fitted
    spread = inverse @ (design.T @ (design * (off**2)[:, None])) @ inverse
    return float(fitted[2]), math.sqrt(max(float(spread[2, 2]), 0.0)), len(score)
