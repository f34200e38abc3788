"""Small streams of daily counts for tests."""

from typing import Any

import numpy as np

from trueup.monitoring.cells import Cells

EDGES = np.linspace(-2.5, 2.5, 15)


def numbers(name: str, effects: Any, rng: np.random.Generator, rows: int = 1000) -> Cells:
    """Return days of standard normals whose mean is each day's effect."""
    values = rng.normal(size=(len(effects), rows)) + np.asarray(effects)[:, None]
    cells = np.searchsorted(EDGES, values, side="right")
    counts = np.stack([np.bincount(day, minlength=len(EDGES) + 1) for day in cells])
    return Cells(name=name, counts=counts, missing=np.zeros(len(counts), int), edges=EDGES)


def categories(
    name: str, shares: Any, days: int, rng: np.random.Generator, rows: int = 1000
) -> Cells:
    """Return days of categories; the last cell is what the vocabulary does not know."""
    labels = (*(f"v{at}" for at in range(len(shares) - 1)), "(rest)")
    counts = rng.multinomial(rows, shares, size=days)
    return Cells(name=name, counts=counts, missing=np.zeros(days, int), labels=labels)


def following(correlation: float, days: int, rng: np.random.Generator) -> Any:
    """Return a chain of standard normals."""
    steps = rng.normal(size=days)
    for day in range(1, days):
        steps[day] *= np.sqrt(1 - correlation**2)
        steps[day] += correlation * steps[day - 1]
    return steps


def stable(days: int, seed: int = 0, columns: int = 5, day: float = 0.05) -> list[Cells]:
    """Return columns in which nothing moves but the day's effect, the last one of categories."""
    rng = np.random.default_rng(seed)
    found = [numbers(f"x{at}", day * rng.normal(size=days), rng, 500) for at in range(columns - 1)]
    return [*found, categories("kind", [0.6, 0.3, 0.1, 0.0], days, rng, 500)]
