"""Numbers in the project's metrics files, which any language may write, as points for rules."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from trueup.gate.names import is_metric


def measured_in(files: Mapping[str, Mapping[str, Any]], task: str = "") -> dict[str, float]:
    """Return each number by its dotted name, and by ``FILE:name``, which is always clear.

    A name that several files have is there with its file only. Names that are metrics of the task
    are left out: the rows say more of them than a file does. Truths and NaN are no numbers.

    >>> measured_in({"a.json": {"latency.p99": 8, "auc": 1}, "b.json": {"auc": 2}})
    {'a.json:latency.p99': 8.0, 'latency.p99': 8.0, 'a.json:auc': 1.0, 'b.json:auc': 2.0}
    """
    often = Counter(name for values in files.values() for name in values)
    found: dict[str, float] = {}
    for file, values in files.items():
        for name, value in values.items():
            number = _number(value)
            if number is None:
                continue
            found[f"{file}:{name}"] = number
            if often[name] == 1 and not (task and is_metric(name, task)):
                found[name] = number
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
