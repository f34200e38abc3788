"""From scores to probabilities, by what came true on the reference: isotonic, on cells of scores.

The reference's rows are counted in at most 512 cells of equal count, so that a calibration of
many resamples costs no more than of one.
"""

from dataclasses import dataclass

from trueup.gate.arrays import Floats, Whole, np

CELLS = 512


@dataclass(frozen=True)
class Curve:
    """A monotone line from score to probability; flat beyond its ends."""

    scores: Floats
    shares: Floats

    def at(self, scores: Floats) -> Floats:
        """Return the probabilities of scores."""
        found: Floats = np.interp(scores, self.scores, self.shares)
        return found


def cuts_of(scores: Floats, most: int = CELLS) -> Floats:
    """Return the inner bounds of cells; each distinct score is a cell where they are few."""
    distinct = np.unique(scores)
    if len(distinct) <= most:
        middles: Floats = (distinct[1:] + distinct[:-1]) / 2
        return middles
    return np.unique(np.quantile(scores, np.linspace(0, 1, most + 1)[1:-1]))


def cells_of(cuts: Floats, scores: Floats) -> Whole:
    """Return each score's cell."""
    found: Whole = np.searchsorted(cuts, scores, side="right").astype(np.int64)
    return found


def isotonic(scores: Floats, came: Floats, weights: Floats) -> Curve:
    """Return the closest rising line through cells, by pooling neighbours that fall.

    ``scores`` ascend and are the cells' means, ``came`` the shares that came true. Source: Barlow
    and others (1972), pool adjacent violators.
    """
    there = weights > 0
    means: list[float] = []
    heavy: list[float] = []
    places: list[float] = []
    for score, share, weight in zip(
        scores[there].tolist(), came[there].tolist(), weights[there].tolist(), strict=True
    ):
        means.append(share)
        heavy.append(weight)
        places.append(score)
        while len(means) > 1 and means[-2] >= means[-1]:
            both = heavy[-2] + heavy[-1]
            means[-2] = (means[-2] * heavy[-2] + means[-1] * heavy[-1]) / both
            places[-2] = (places[-2] * heavy[-2] + places[-1] * heavy[-1]) / both
            heavy[-2] = both
            for each in (means, heavy, places):
                each.pop()
    if not means:
        return Curve(np.array([0.0]), np.array([0.5]))
    return Curve(np.array(places), np.array(means))


def fitted(scores: Floats, truth: Floats, weights: Floats, cuts: Floats) -> Curve:
    """Return the calibration of rows; ``truth`` is 0 or 1."""
    places, count = cells_of(cuts, scores), len(cuts) + 1
    held: Floats = np.bincount(places, weights, minlength=count).astype(np.float64)
    least = np.maximum(held, 1e-300)
    centres = np.bincount(places, weights * scores, minlength=count) / least
    came = np.bincount(places, weights * truth, minlength=count) / least
    return isotonic(centres, came, held)


def gap(probabilities: Floats, truth: Floats, bins: int = 20) -> float:
    """Return how far probabilities are off, root mean square over bins of equal count.

    Less what chance alone would show: outcomes of right probabilities scatter too.
    """
    order = np.argsort(probabilities, kind="stable")
    bins = max(1, min(bins, len(order) // 50))
    squares = 0.0
    for rows in np.array_split(order, bins):
        said, came = probabilities[rows], truth[rows]
        chance = float((said * (1 - said)).sum()) / len(rows) ** 2
        squares += (float(said.mean() - came.mean()) ** 2 - chance) * len(rows)
    return float(np.sqrt(max(squares / len(order), 0.0)))
