"""Two tables to look for drift in: 25 columns of floats, 5 of integers, 10 of words, seeded."""

from pathlib import Path
from typing import Any

import numpy as np

WORDS = (2, 5, 10, 20, 50, 100, 200, 300, 500, 1000)
MOVED = 5  # of the columns of floats have moved in the second table
AT_ONCE = 1_000_000
WRITTEN = 4  # million rows at most; more rows are the same files by further names
_SEED = 20261123


def write_tables(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write both tables, if they are not there; return where they are.

    Up to a million rows each is a parquet file, beyond that a folder of such files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, name in enumerate(("reference", "current")):
        path = folder / (f"{name}-{rows}.parquet" if rows <= AT_ONCE else f"{name}-{rows}")
        if not path.exists():
            _write(path, rows, number)
        found.append(path)
    return found[0], found[1]


def _write(path: Path, rows: int, number: int) -> None:
    if rows <= AT_ONCE:
        _frame(rows, number, 0).write_parquet(path)
        return
    unfinished = path.with_suffix(".unfinished")
    unfinished.mkdir(exist_ok=True)
    for part in range(-(-rows // AT_ONCE)):
        file, many = unfinished / f"{part:06}.parquet", min(AT_ONCE, rows - part * AT_ONCE)
        if part < WRITTEN or many < AT_ONCE:
            _frame(many, number, part).write_parquet(file)
        else:
            file.symlink_to(f"{part % WRITTEN:06}.parquet")
    unfinished.rename(path)


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
