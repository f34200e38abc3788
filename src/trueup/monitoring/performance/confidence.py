"""What a metric is expected to be, from how sure the model is: CBPE, for two classes and more.

Kivimaki, Bialek, Kuberski and Nurminen 2025 (arXiv 2505.05295): with probabilities that are right,
a row without truth is so much of a row of each truth. What the metric then is on these parts is
computed by the gate's own definition of it, so that estimate and realised value are one quantity.
"""

from dataclasses import dataclass
from typing import Any

from trueup.gate.arrays import Floats, Truths, Whole, np
from trueup.gate.blockwise import estimate
from trueup.gate.metrics import Labels, Metric
from trueup.monitoring.performance.recalibrating import (
    Curve,
    cells_of,
    cuts_of,
    gap,
    isotonic,
)
from trueup.monitoring.performance.weighing import weighted

FOLDS = 5
_BLOCKS = 100  # of neighbouring rows, that are drawn again together


@dataclass(frozen=True)
class Known:
    """Reference rows in the order of time: scores (rows, columns), and which came true of each.

    Two classes have one column, that of the positive one.
    """

    scores: Floats
    truth: Truths  # of the columns' shape
    predicted: Any  # as the gate's metrics take it
    classes: int

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def blocks(self) -> Whole:
        """Return each row's block of neighbours."""
        numbers: Whole = np.arange(len(self)) * min(_BLOCKS, len(self)) // max(len(self), 1)
        return numbers

    @property
    def folds(self) -> Whole:
        """Return each row's fold: long stretches of time, as what is to come will be."""
        numbers: Whole = np.arange(len(self)) * FOLDS // max(len(self), 1)
        return numbers

    @property
    def codes(self) -> Any:
        """Return the truth as the gate's metrics take it."""
        return self.truth[:, 0] if self.classes == 2 else self.truth.argmax(axis=1)


@dataclass(frozen=True)
class Calibration:
    """A curve for each column of scores; None: scores are probabilities as they are."""

    curves: tuple[Curve, ...] | None

    def at(self, scores: Floats) -> Floats:
        """Return probabilities of the scores' shape; those of several classes sum to 1."""
        if self.curves is None:
            return np.clip(scores, 0.0, 1.0)
        found = np.stack([one.at(scores[:, k]) for k, one in enumerate(self.curves)], axis=1)
        if found.shape[1] == 1:
            return found
        total = found.sum(axis=1, keepdims=True)
        return np.where(total > 0, found / np.where(total > 0, total, 1.0), 1 / found.shape[1])


AS_THEY_ARE = Calibration(None)


@dataclass(frozen=True)
class Counted:
    """The reference by blocks and cells of each column: what any calibration is made of."""

    cuts: tuple[Floats, ...]
    rows: tuple[Floats, ...]  # (blocks, cells), weighted
    scores: tuple[Floats, ...]  # their sums
    came: tuple[Floats, ...]

    def calibration(self, blocks: Floats) -> Calibration:
        """Return the calibration where each block counts so often."""
        curves = []
        for rows, scores, came in zip(self.rows, self.scores, self.came, strict=True):
            held = blocks @ rows
            least = np.maximum(held, 1e-300)
            curves.append(isotonic(blocks @ scores / least, blocks @ came / least, held))
        return Calibration(tuple(curves))

    def resampled(self, count: int, seed: int) -> list[Calibration]:
        """Return calibrations of blocks drawn again."""
        many = len(self.rows[0])
        drawn = np.random.default_rng([seed, many]).integers(0, many, size=(count, many))
        return [
            self.calibration(np.bincount(each, minlength=many).astype(np.float64)) for each in drawn
        ]


def counted(known: Known, weights: Floats | None = None) -> Counted:
    """Return the reference's rows by blocks and cells; rows may count by weights."""
    blocks = known.blocks
    many = int(blocks.max(initial=0)) + 1
    heavy = np.ones(len(known)) if weights is None else weights
    cuts: list[Floats] = []
    rows: list[Floats] = []
    sums: list[Floats] = []
    came: list[Floats] = []
    for column in range(known.scores.shape[1]):
        scores = known.scores[:, column]
        cut = cuts_of(scores)
        width = len(cut) + 1
        at = blocks * width + cells_of(cut, scores)
        cuts.append(cut)
        each = (heavy, heavy * scores, heavy * known.truth[:, column])
        for kept, values in zip((rows, sums, came), each, strict=True):
            held = np.bincount(at, values, many * width).astype(np.float64)
            kept.append(held.reshape(many, width))
    return Counted(tuple(cuts), tuple(rows), tuple(sums), tuple(came))


@dataclass(frozen=True)
class Chosen:
    """Whether scores are recalibrated, and how far off they were and are on rows not fitted on."""

    recalibrated: bool
    gap_before: float
    gap: float
    out_of_fold: Floats  # probabilities of the reference's rows, none fitted on its own stretch


def chosen(known: Known, counts: Counted) -> Chosen:
    """Return the better of scores as they are and recalibrated, told by stretches left out."""
    folds, blocks = known.folds, known.blocks
    held = np.bincount(blocks)
    anew = np.empty_like(known.scores)
    for fold in range(int(folds.max(initial=0)) + 1):
        mine = folds == fold
        others = 2 * np.bincount(blocks[~mine], minlength=len(counts.rows[0])) > held
        calibration = counts.calibration(others.astype(np.float64))
        anew[mine] = calibration.at(known.scores[mine])
    bounded = bool((known.scores >= 0).all() and (known.scores <= 1).all())
    before = worst_gap(AS_THEY_ARE.at(known.scores), known.truth) if bounded else 1.0
    after = worst_gap(anew, known.truth)
    if bounded and before <= after:
        return Chosen(False, before, before, AS_THEY_ARE.at(known.scores))
    return Chosen(True, before, after, anew)


def worst_gap(probabilities: Floats, truth: Truths) -> float:
    """Return how far off probabilities are, as a share of the outcomes' own spread, at worst."""
    found = []
    for said, came in zip(probabilities.T, truth.T, strict=True):
        spread = float(np.sqrt(came.mean() * (1 - came.mean())))
        found.append(gap(said, came.astype(np.float64)) / max(spread, 1e-12))
    return max(found)


def expected(metric: Metric, predicted: Any, probabilities: Floats, classes: int) -> float:
    """Return what a metric is on rows whose truths are so likely."""
    rows = len(predicted)
    if classes == 2:
        share = probabilities[:, 0]
        truth: Any = np.arange(2 * rows) < rows
        parts = np.concatenate([share, 1 - share])
    else:
        truth = np.repeat(np.arange(classes), rows)
        parts = probabilities.T.reshape(-1)
    every = np.concatenate([predicted] * classes)
    return estimate(weighted(metric, parts, classes), Labels(truth, every, classes))


def drawn_truth(probabilities: Floats, classes: int, random: np.random.Generator) -> Any:
    """Return truths drawn as likely as said."""
    if classes == 2:
        return random.random(len(probabilities)) < probabilities[:, 0]
    edges = np.cumsum(probabilities, axis=1)[:, :-1]
    return (random.random(len(probabilities))[:, None] > edges).sum(axis=1)
