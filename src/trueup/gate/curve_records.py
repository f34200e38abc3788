"""What a verdict keeps to be drawn later: small, exact counts; needs no NumPy to be read."""

import msgspec

BINS = 15  # of a calibration, of equal width: those of the calibration error


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """Rows at or above each of some falling scores: the ROC and the precision-recall curve."""

    hits: tuple[int, ...]  # positives; from 0 to all of them
    false_alarms: tuple[int, ...]  # negatives


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """Rows whose claimed probability lies in one bin: what was claimed, and what came."""

    rows: int
    claimed: float
    came: float


class Spread(msgspec.Struct, frozen=True, array_like=True):
    """Rows of similar prediction: means, and deciles of truth less prediction."""

    rows: int
    predicted: float
    truth: float
    low: float  # the first decile
    middle: float
    high: float  # the ninth


class Confusion(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows by truth (down) and decision (across)."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    threshold: float | None = None


class ModelCurves(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is drawn of one model's predictions; what its task does not have stays empty."""

    ranking: Ranking | None = None
    calibration: tuple[Claim, ...] = ()
    confusions: tuple[Confusion, ...] = ()
    spreads: tuple[Spread, ...] = ()
