"""Two tables to look for drift in: 25 columns of floats, 5 of integers, 10 of words, seeded."""

from pathlib import Path
from typing import Any

import numpy as np

WORDS = (2, 5, 10, 20, 50, 100, 200, 300, 500, 1000)
MOVED = 5  # of the columns of floats have moved in the second table
_AT_ONCE = 1_000_000
_SEED = 20261123


def write_tables(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write both tables as parquet, a million rows at a time; return where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, name in enumerate(("reference", "current")):
        path = folder / f"{name}-{rows}.parquet"
        if not path.exists():
            _write(path, rows, number)
        found.append(path)
    return found[0], found[1]


def _write(path: Path, rows: int, number: int) -> None:
    import polars as pl

    if rows <= _AT_ONCE:
        _frame(rows, number, 0).write_parquet(path)
        return
    parts = path.with_suffix(".parts")
    parts.mkdir(exist_ok=True)
    for part, start in enumerate(range(0, rows, _AT_ONCE)):
        frame = _frame(min(_AT_ONCE, rows - start), number, part)
        frame.write_parquet(parts / f"{part:06}.parquet")
    pl.scan_parquet(parts / "*.parquet").sink_parquet(path, row_group_size=_AT_ONCE)
    for each in parts.iterdir():
        each.unlink()
    parts.rmdir()


def _frame(rows: int, number: int, part: int) -> Any:
    import polars as pl

    rng = np.random.default_rng([_SEED, number, part])
    columns: dict[str, Any] = {}
    shapes = (
        lambda: rng.normal(size=rows),
        lambda: rng.standard_exponential(rows),
        lambda: rng.random(rows),
        lambda: rng.standard_t(3, rows),
        lambda: rng.lognormal(size=rows),
    )
    for k in range(25):
        columns[f"float{k}"] = shapes[k % 5]() + (0.25 if number and k < MOVED else 0.0)
    for k in range(5):
        columns[f"integer{k}"] = rng.poisson(10.0 * (k + 1), rows)
    for k, words in enumerate(WORDS):
        names = pl.Series([f"word {one}" for one in range(words)])
        columns[f"word{k}"] = names.gather(rng.integers(0, words, rows))
    return pl.DataFrame(columns)
