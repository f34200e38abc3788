"""The e-detector behind the port: for each column a bounded number a window, and one promise.

What it looks at: of numbers, the share of rows above the reference's median; of truths, the share
that holds; of texts, the share of the reference's most frequent word. The mean of the columns'
evidence is an e-detector as well, so that one promise covers all of them without correction.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trueup.errors import NotProven
from trueup.monitoring.calibration.records import Plan
from trueup.monitoring.detectors.e_detector import (
    LEAST_BLOCKS,
    EDetector,
    EState,
    PromiseUnsupported,
    e_detector,
)
from trueup.monitoring.detectors.port import Kind, Look, Seen

if TYPE_CHECKING:
    import polars as pl

TOLERANCE = 0.05  # of a share: as far as it may move without any claim


class _Column(msgspec.Struct, frozen=True):
    split: float | str | None  # the median, or the word; None for truths
    detector: EDetector
    state: EState


class _State(msgspec.Struct, frozen=True):
    columns: dict[str, _Column]
    mean_blocks: float
    left_out: tuple[str, ...]
    format: int = 1


class EvidenceDetector:
    """Fires when the evidence against the reference's means is as high as the promise asks for.

    Columns whose windows remember each other, or whose mean the reference does not know well
    enough, are left out and named; without any other it refuses (PromiseUnsupported).
    """

    name = "e_detector"
    kind: Kind = "promised"

    def begin(self, windows: "Sequence[pl.DataFrame]", plan: Plan) -> bytes:
        """Return the state before the first window."""
        if len(windows) < LEAST_BLOCKS:
            raise PromiseUnsupported(
                f"{len(windows)} windows are too few for an e-detector",
                remedy=f"Give a reference of at least {LEAST_BLOCKS} windows.",
            )
        mean_blocks = max(1 / plan.promise.expected(plan.pace.check_s), 2.0)
        columns: dict[str, _Column] = {}
        refused: dict[str, PromiseUnsupported] = {}
        for name in windows[0].columns:
            split = _split(windows, name)
            if split == ():
                continue
            shares = [_share(window, name, split) for window in windows]
            there = np.array([one for one in shares if one is not None])
            if len(there) < LEAST_BLOCKS:
                continue
            try:
                made = e_detector(there, mean_blocks, TOLERANCE)
            except PromiseUnsupported as error:
                refused[name] = error
                continue
            columns[name] = _Column(split, made, made.begin())
        if not columns:
            why = next(iter(refused.values()), None)
            raise PromiseUnsupported(
                why.problem if why else "no column has numbers, truths or texts in enough windows",
                remedy=why.remedy if why else "Name another detector.",
            )
        return msgspec.msgpack.encode(_State(columns, mean_blocks, tuple(refused)))

    def look(self, state: bytes, window: "pl.DataFrame", *, keep: bool = False) -> Seen:
        """Return the evidence after a window; once it has fired it begins anew."""
        before = _decoded(state)
        after = {name: _updated(one, window, name) for name, one in before.columns.items()}
        evidence = math.fsum(one.state.evidence for one in after.values()) / len(after)
        fired = evidence >= before.mean_blocks
        leading = max(after, key=lambda name: after[name].state.evidence)
        says = [f"most of the evidence is of {leading}"] if fired else []
        if before.left_out:
            says.append(f"left out, as they remember: {', '.join(before.left_out[:5])}")
        if fired:
            after = {
                name: msgspec.structs.replace(one, state=one.detector.begin())
                for name, one in after.items()
            }
        kept = msgspec.structs.replace(before, columns=after)
        look = Look((("evidence", evidence / before.mean_blocks),), fired, tuple(says))
        return Seen(msgspec.msgpack.encode(kept), look)


def evidence_detector(name: str) -> EvidenceDetector:
    """Return the e-detector; it goes by one name."""
    return EvidenceDetector()


def _split(windows: "Sequence[pl.DataFrame]", name: str) -> Any:
    """Return what a column is split by; an empty tuple for a column that cannot be."""
    import polars as pl

    column = pl.concat([window.get_column(name) for window in windows]).drop_nulls()
    if column.dtype == pl.Boolean:
        return None
    if column.dtype.is_numeric():
        median = column.cast(pl.Float64).drop_nans().median()
        return () if median is None else float(str(median))
    if column.dtype in (pl.String, pl.Categorical, pl.Enum) and len(column):
        counts = column.cast(pl.String).alias("word").value_counts()
        return str(counts.sort(["count", "word"], descending=[True, False])["word"][0])
    return ()


def _share(window: "pl.DataFrame", name: str, split: Any) -> float | None:
    """Return a number from 0 to 1; None where the window has nothing of the column."""
    import polars as pl

    if name not in window.columns:
        return None
    column = window.get_column(name).drop_nulls()
    if isinstance(split, float):
        column = column.cast(pl.Float64).drop_nans()
        found = (column > split).cast(pl.Float64) + 0.5 * (column == split).cast(pl.Float64)
    elif split is None:
        found = column.cast(pl.Float64)
    else:
        found = (column.cast(pl.String) == split).cast(pl.Float64)
    return float(str(found.mean())) if len(found) else None


def _updated(one: _Column, window: "pl.DataFrame", name: str) -> _Column:
    share = _share(window, name, one.split)
    if share is None:
        return one
    return msgspec.structs.replace(one, state=one.detector.update(one.state, share))


def _decoded(state: bytes) -> _State:
    try:
        return msgspec.msgpack.decode(state, type=_State)
    except msgspec.DecodeError as error:
        raise NotProven(
            f"this is no state of e_detector: {error}",
            remedy="Begin anew with: trueup monitor rebase MODEL --why REASON",
        ) from error
