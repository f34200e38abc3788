"""Labels that exist only for some rows: which, how likely, and what the labelled ones stand for."""

from dataclasses import dataclass

from trueup.gate.arrays import Floats, Truths, np
from trueup.monitoring.performance.answers import Answers
from trueup.monitoring.performance.records import Coverage, ScoreBand

LEAST_PROPENSITY = 0.01  # a row that stands for more than a hundred others decides everything
LEAST_WORTH = 50.0  # rows that weighted ones must be worth
_BANDS = 10


@dataclass(frozen=True)
class Weighing:
    """The labelled rows that stand for all, each with its weight; or why none can."""

    rows: Truths
    weights: Floats | None = None
    reason: str = ""
    least: float | None = None
    worth: float | None = None


def is_selective(answers: Answers) -> bool:
    """Say whether it is declared that not every row gets its label."""
    return answers.observed is not None or answers.propensity is not None


def chances(answers: Answers) -> Floats:
    """Return how likely each row is to get its label: by itself, or because it is explored.

    Without a propensity, what ``observed_if`` names gets its label for certain.
    """
    rows = len(answers)
    by_itself = np.ones(rows) if answers.propensity is None else answers.propensity
    if answers.observed is not None:
        by_itself = np.where(answers.observed, by_itself, 0.0)
    drawn = explored(answers)
    share = float(drawn.mean()) if rows else 0.0
    return by_itself + (1 - by_itself) * share


def explored(answers: Answers) -> Truths:
    """Say which rows were drawn to be labelled whatever was answered."""
    if answers.explored is None:
        return np.zeros(len(answers), dtype=np.bool_)
    there: Truths = np.isfinite(answers.explored) & (answers.explored > 0)
    return there


def weighing(answers: Answers, labelled: Truths) -> Weighing:
    """Return inverse propensities (Horvitz and Thompson 1952, normalised as Hajek did).

    Refused where some rows hardly ever get a label: what is true of them nobody can know. Labels
    of rows that by the declaration could not get any are left out.
    """
    chance = chances(answers)
    rows = labelled & (chance > 0)
    if answers.observed is not None:
        rows &= answers.observed | explored(answers)
    if not len(answers):
        return Weighing(rows, reason="the window has no rows")
    least = float(chance.min())
    never = int((chance <= 0).sum())
    if never:
        return Weighing(
            rows,
            reason=f"{never:,} of {len(answers):,} rows never get a label, so that no weights make "
            "the others stand for them: explore some (serve.challenger.explore)",
            least=least,
        )
    if least < LEAST_PROPENSITY:
        small = int((chance < LEAST_PROPENSITY).sum())
        return Weighing(
            rows,
            reason=f"{small:,} rows get a label with a propensity below {LEAST_PROPENSITY:g} "
            f"(the least is {least:.2g}): few rows would stand for very many",
            least=least,
        )
    weights = 1 / chance[rows]
    worth = float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0
    if worth < LEAST_WORTH:
        reason = f"the weighted rows are worth {worth:.0f}, and {LEAST_WORTH:.0f} are asked for"
        return Weighing(rows, reason=reason, least=least, worth=worth)
    return Weighing(rows, weights, "", least, worth)


def coverage(answers: Answers, labelled: Truths, weighed: Weighing | None) -> Coverage:
    """Return of which rows there are labels, by bands of the score with equal counts of rows."""
    observed = np.ones(len(answers), dtype=np.bool_)
    if answers.observed is not None:
        observed = answers.observed | explored(answers)
    return Coverage(
        rows=len(answers),
        observed=int(observed.sum()),
        labelled=int(labelled.sum()),
        explored=int(explored(answers).sum()),
        by_score=_by_score(answers, observed, labelled),
        least_propensity=None if weighed is None else weighed.least,
        worth=None if weighed is None else weighed.worth,
    )


def score_of(answers: Answers) -> Floats:
    """Return one number a row to order rows by: the score, the number, or the highest score."""
    predicted = np.asarray(answers.predicted, dtype=np.float64)
    found: Floats = predicted if predicted.ndim == 1 else predicted.max(axis=1)
    return found


def _by_score(answers: Answers, observed: Truths, labelled: Truths) -> tuple[ScoreBand, ...]:
    if answers.task not in ("binary", "multiclass", "regression") or not len(answers):
        return ()
    score = score_of(answers)
    cuts = np.unique(np.quantile(score, np.linspace(0, 1, _BANDS + 1)[1:-1]))
    place = np.searchsorted(cuts, score, side="right")
    bands = []
    for band in range(len(cuts) + 1):
        mine = place == band
        if mine.any():
            low, high = float(score[mine].min()), float(score[mine].max())
            counts = (int((mine & each).sum()) for each in (mine, observed, labelled))
            bands.append(ScoreBand(low, high, *counts))
    return tuple(bands)
