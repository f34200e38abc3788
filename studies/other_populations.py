"""Pairs of models of numbers, of several classes and of rankings whose true metrics are known."""

import math
from functools import cache
from typing import Any

import numpy as np

from studies.settings import Family, Setting, noise, pair
from trueup.gate.rows import Rows

_SPREAD = 2.0  # of the truth, in standard deviations of the champion's errors


def _errors(setting: Setting, scale: float, standard: Any) -> Any:
    """Return errors: normal, or drawn out to a kurtosis of about 6 with heavy tails."""
    power = 1.5 if setting.family == "heavy_regression" else 1.0
    return scale * np.sign(standard) * np.abs(standard) ** power


def _moment(power: float) -> float:
    """Return the mean of such a power of a standard normal's absolute value."""
    return 2 ** (power / 2) * math.gamma((power + 1) / 2) / math.sqrt(math.pi)


def _of_numbers(setting: Setting, scale: float) -> dict[str, float]:
    power = 1.5 if setting.family == "heavy_regression" else 1.0
    mean, square = scale * _moment(power), scale**2 * _moment(2 * power)
    return {
        "mae": mean,
        "rmse": math.sqrt(square),
        "pinball@0.9": mean / 2,  # errors are symmetric
        "r2": 1 - square / _SPREAD**2,
    }


def _draw_numbers(setting: Setting, scale: float, rng: np.random.Generator) -> Rows:
    drawn, truth = noise(setting, rng), _SPREAD * rng.normal(size=setting.rows)
    return Rows(
        task="regression",
        truth=truth,
        candidate=truth - _errors(setting, scale, drawn.candidate),
        champion=truth - _errors(setting, 1.0, drawn.champion),
        **drawn.columns,
    )


_CHAMPION = 0.3
CLASSES = np.array([0.5, 0.3, 0.15, 0.05])
_REST = np.array([0.6, 0.3, 0.1])  # how what is left is dealt to the wrong classes, in any order


@cache
def _grid() -> tuple[Any, Any]:
    z = np.linspace(-9, 9, 200_001)
    weight = np.exp(-(z**2) / 2)
    return z, weight / weight.sum()


def _of_classes(setting: Setting, quality: float) -> dict[str, float]:
    z, weight = _grid()
    given = 1 / (1 + np.exp(-(z + quality)))  # the true class's probability
    # given > 0.6 (1 - given), solved, so that no grid point is counted on the wrong side
    right = 0.5 * (1 + math.erf((quality - math.log(_REST[0])) / math.sqrt(2)))
    wrong = (1 - right) / (len(CLASSES) - 1)
    claimed = CLASSES * right + (1 - CLASSES) * wrong
    squares = (1 - given) ** 2 * (1 + (_REST**2).sum())
    return {
        "accuracy": right,
        "balanced_accuracy": right,
        "f1_macro": float((2 * CLASSES * right / (CLASSES + claimed)).mean()),
        "log_loss": -float((weight * np.log(given)).sum()),
        "brier_score_loss": float((weight * squares).sum()),
    }


def _draw_classes(setting: Setting, quality: float, rng: np.random.Generator) -> Rows:
    drawn = noise(setting, rng)
    truth = np.searchsorted(np.cumsum(CLASSES)[:-1], rng.random(setting.rows), side="right")
    orders = np.argsort(rng.random((setting.rows, len(_REST))), axis=1)

    def predicted(latent: Any) -> Any:
        given = 1 / (1 + np.exp(-latent))
        shares = np.empty((setting.rows, len(CLASSES)))
        wrong = np.arange(len(CLASSES))[None, :] != truth[:, None]
        shares[wrong] = ((1 - given)[:, None] * _REST[orders]).ravel()
        shares[~wrong] = given
        return shares

    return Rows(
        task="multiclass",
        truth=truth,
        candidate=predicted(quality + drawn.candidate),
        champion=predicted(_CHAMPION + drawn.champion),
        classes=tuple(range(len(CLASSES))),
        **drawn.columns,
    )


DOCUMENTS = 10  # of a query, one of them relevant


def _of_queries(setting: Setting, shift: float) -> dict[str, float]:
    z, weight = _grid()
    above = 0.5 * np.array([math.erfc((x + shift) / math.sqrt(2)) for x in z[::20]])
    weight = weight[::20] / weight[::20].sum()
    others = DOCUMENTS - 1
    place = [
        float((weight * math.comb(others, k) * above**k * (1 - above) ** (others - k)).sum())
        for k in range(DOCUMENTS)
    ]
    gains = 1 / np.log2(np.arange(DOCUMENTS) + 2)
    return {
        "ndcg": float(gains @ place),
        "ndcg@5": float(gains[:5] @ place[:5]),
        "map": float((1 / np.arange(1, DOCUMENTS + 1)) @ place),
    }


def _draw_queries(setting: Setting, shift: float, rng: np.random.Generator) -> Rows:
    drawn = noise(setting, rng)
    others = pair(setting, rng.normal(size=(3, setting.rows, DOCUMENTS - 1)))
    scores = [
        np.concatenate([(relevant + at)[:, None], rest], axis=1).ravel()
        for relevant, at, rest in zip(
            (drawn.candidate, drawn.champion), (shift, 1.5), others, strict=True
        )
    ]
    truth = np.tile(np.arange(DOCUMENTS) == 0, setting.rows).astype(np.float64)
    time = drawn.columns.get("time")
    return Rows(
        task="ranking",
        truth=truth,
        candidate=scores[0],
        champion=scores[1],
        group=np.repeat(np.arange(setting.rows), DOCUMENTS),
        time=None if time is None else np.repeat(time, DOCUMENTS),
    )


NUMBERS = Family(
    {"mae": "at_most", "rmse": "at_most", "pinball@0.9": "at_most", "r2": "at_least"},
    _of_numbers,
    _draw_numbers,
    (1.0, 1.05, 0.9),
)
SEVERAL = Family(
    {
        "accuracy": "at_least",
        "balanced_accuracy": "at_least",
        "f1_macro": "at_least",
        "log_loss": "at_most",
        "brier_score_loss": "at_most",
    },
    _of_classes,
    _draw_classes,
    (_CHAMPION, _CHAMPION - 0.1, _CHAMPION + 0.2),
)
RANKINGS = Family(
    {"ndcg": "at_least", "ndcg@5": "at_least", "map": "at_least"},
    _of_queries,
    _draw_queries,
    (1.5, 1.35, 1.8),
)
