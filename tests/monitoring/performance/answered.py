"""Answers whose truth is drawn as the scores say, or not, to test performance with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from trueup.monitoring.performance.answers import Answers

HOUR = 3_600_000_000
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(days: float) -> datetime:
    return EPOCH + timedelta(days=days)


def binary(rows: int, days: float, seed: int = 0, **changed: Any) -> Answers:
    """Return rows of two classes, evenly over days from 1970 on; their scores are right."""
    random = np.random.default_rng(seed)
    scores = random.beta(0.8, 1.2, rows)
    given: dict[str, Any] = {
        "task": "binary",
        "at": (np.arange(rows) * (days * DAY / rows)).astype(np.int64),
        "predicted": scores,
        "truth": (random.random(rows) < scores).astype(np.int64),
        "classes": (0, 1),
        "positive": 1,
    }
    return Answers(**{**given, **changed})


def several(rows: int, days: float, seed: int = 0) -> Answers:
    """Return the same with three classes."""
    random = np.random.default_rng(seed)
    scores = random.dirichlet([0.7, 0.9, 1.1], rows)
    truth = (random.random(rows)[:, None] > np.cumsum(scores, axis=1)[:, :-1]).sum(axis=1)
    at = (np.arange(rows) * (days * DAY / rows)).astype(np.int64)
    return Answers(task="multiclass", at=at, predicted=scores, truth=truth, classes=(0, 1, 2))


def numbers(rows: int, days: float, seed: int = 0, low: float = 0.0) -> Answers:
    """Return a regression whose error grows with its input, which begins at ``low``."""
    random = np.random.default_rng(seed)
    x = random.uniform(low, 4.0, rows)
    truth = 3 * x + random.normal(0, 0.2 + x, rows)
    at = (np.arange(rows) * (days * DAY / rows)).astype(np.int64)
    return Answers(task="regression", at=at, predicted=3 * x, truth=truth, inputs={"x": x})
