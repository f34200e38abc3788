"""Every detector that can be named, and tables for them to look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
import polars as pl

from trueup.integrations.offers import DETECTORS
from trueup.monitoring.calibration.records import DAY_S, Plan, Promise
from trueup.monitoring.detectors.naming import BUILT_IN, Catalogue
from trueup.monitoring.detectors.port import Detector

CATALOGUE = Catalogue(DETECTORS)
FUNCTION = "checks:far"
RIVER = tuple(one.name for one in DETECTORS if one.needs == "river" and find_spec("river"))
NAMES = (*(one.name for one in BUILT_IN), FUNCTION, *RIVER)  # Evidently's is slow
PLAN = Plan(promise=Promise(1, 10 * DAY_S))


def far(reference: pl.DataFrame, window: pl.DataFrame) -> Any:
    """Return how far the means of two columns are from each other, as a project would write it."""
    away = {name: abs(_mean(reference, name) - _mean(window, name)) for name in ("a", "b")}
    return {"scores": away, "drifted": max(away.values()) > 1, "html": "<p>far</p>"}


def _mean(table: pl.DataFrame, name: str) -> float:
    return float(str(table[name].mean()))


@contextmanager
def detector(name: str) -> Iterator[Detector]:
    """Give a newly made detector."""
    with CATALOGUE.opened([name], lambda _: far) as found:
        yield found[name]


def window(rng: np.random.Generator, shift: float = 0.0, rows: int = 60) -> pl.DataFrame:
    """Return numbers, truths and words, whose first column, truths and words can be shifted."""
    words = rng.choice(list("abc"), rows, p=[0.5 - 0.2 * shift / 2, 0.3, 0.2 + 0.2 * shift / 2])
    return pl.DataFrame(
        {
            "a": rng.normal(shift, 1, rows),
            "b": rng.normal(0, 1, rows),
            "wrong": rng.random(rows) < 0.2 + 0.2 * shift,
            "word": words.tolist(),
        }
    )


def windows(seed: int, count: int, shift: float = 0.0, rows: int = 60) -> list[pl.DataFrame]:
    """Return windows that are alike."""
    rng = np.random.default_rng(seed)
    return [window(rng, shift, rows) for _ in range(count)]
