"""Evidently's DataDriftPreset as a detector: each column is measured as Evidently sees fit.

It tests columns one by one and fires where half of them have drifted, whatever their number; so
its scores are what it measures, and how far they go without drift is for calibration to say.
"""

import math
import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.errors import WrongUsage
from trueup.integrations.evidently.session import (
    Compared,
    Session,
    Tables,
    evidently_python,
    split,
)
from trueup.monitoring.calibration.records import Plan
from trueup.monitoring.detectors.port import Artefact, Kind, Look, Seen
from trueup.monitoring.detectors.tables import packed, unpacked

if TYPE_CHECKING:
    import polars as pl

_LEAST_P = 1e-300
_MOST_SAID = 5


class EvidentlyDrift:
    """A window against the reference; the page that Evidently makes of it is kept.

    A column's score is Evidently's distance, or the negative logarithm (base 10) of its p-value.
    Which of them depends on the reference's rows; where it changes between windows, nothing is
    calibrated. Its process is started by the first look; leave the ``with`` block to end it.
    """

    name = "evidently.data_drift"
    kind: Kind = "batch"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._session = Session(evidently_python(environ), environ)

    def __enter__(self) -> "EvidentlyDrift":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._session.close()

    def begin(self, windows: "Sequence[pl.DataFrame]", plan: Plan) -> bytes:
        """Return the reference; WrongUsage where no column can be compared."""
        if not any(split(windows)):
            raise WrongUsage(
                f"{self.name} compares numbers, texts and truths, and no column has any",
                remedy="Name another detector under monitor.drift.detectors",
            )
        return packed(windows)

    def look(self, state: bytes, window: "pl.DataFrame", *, keep: bool = False) -> Seen:
        """Return what Evidently says of the window."""
        import polars as pl

        reference = _ordered(pl.concat(unpacked(state)))
        numbers, words = split([reference])
        absent = [name for name in (*numbers, *words) if name not in window.columns]
        if absent or not len(window):
            what = f"{', '.join(absent)} is missing" if absent else "there are no rows"
            raise WrongUsage(f"{self.name} cannot look: {what}", remedy="Give whole windows.")
        tables = Tables(reference, _ordered(window.select(reference.columns)), numbers, words)
        found, page = self._session.compare(tables, page=keep)
        shown = (Artefact(f"{self.name}.html", "text/html", page),) if page else ()
        return Seen(state, msgspec.structs.replace(_look(found), artefacts=shown))


def evidently_drift(name: str) -> EvidentlyDrift:
    """Return DataDriftPreset, in this Python or in the one that the environment names."""
    return EvidentlyDrift(os.environ)


def _ordered(table: "pl.DataFrame") -> Any:
    """Return the rows in an order of their own, as some of Evidently's methods draw from them."""
    return table[table.hash_rows(0).arg_sort()]


def _look(found: Compared) -> Look:
    scores = tuple(
        (
            f"{one.name} ({one.method})",
            -math.log10(max(one.value, _LEAST_P)) if one.is_p_value else one.value,
        )
        for one in found.columns
    )
    drifted = [one for one in found.columns if one.has_drifted]
    says = [
        f"{one.name}: {one.method} {one.value:.3g}, its threshold is {one.threshold:g}"
        for one in drifted[:_MOST_SAID]
    ]
    more = len(drifted) - _MOST_SAID
    if more > 0:
        says.append(f"and {more} more columns")
    return Look(scores, found.share >= found.limit, tuple(says))
