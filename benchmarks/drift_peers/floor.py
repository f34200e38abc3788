"""The least that any tool must do: read tables column by column, and count each column once."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow.compute as pc  # type: ignore # not in this environment
import pyarrow.parquet as pq  # type: ignore # not in this environment


def count(path: str, name: str) -> None:
    """Read one column and count it."""
    column = pq.ParquetFile(path).read(columns=[name]).column(0)
    if str(column.type) in ("string", "large_string", "string_view"):
        pc.value_counts(column)
    else:
        np.histogram(column.to_numpy(), 256)


for path in sys.argv[1:]:
    names = pq.ParquetFile(path).schema_arrow.names
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(count, [path] * len(names), names))
