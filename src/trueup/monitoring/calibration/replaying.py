"""Many windows scored at once, as a check would one by one: for studies and backtests."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trueup.monitoring.calibration.expecting import conditioned, windowed
from trueup.monitoring.calibration.watching import scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trueup.monitoring.calibration.records import Threshold
    from trueup.monitoring.cells import Cells

    Floats = NDArray[np.float64]


def replayed(
    threshold: "Threshold", columns: "Sequence[Cells]", phases: Sequence[str] = ()
) -> "Floats":
    """Return each column's score in each window over what is significant, (windows, columns).

    Above 1 a column is significant. Columns come in the threshold's order; without context.
    """
    found = []
    for stored, cells in zip(threshold.columns, columns, strict=True):
        counts, missing = windowed(cells, threshold.plan.pace)
        values = [[float(each == phase) for phase in threshold.phases] for each in phases]
        known = np.array(values).reshape(len(counts) if threshold.phases else 1, -1)
        conditions = conditioned(known, np.array(threshold.centres)).values
        found.append(scores(stored, conditions, counts, missing).max(axis=1) / stored.at)
    return np.stack(found, axis=1)
