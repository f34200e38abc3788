"""What detectors came to in a window, as tables: those without a promise stand apart."""

from collections.abc import Sequence

from trueup.monitoring.detectors.findings import Finding
from trueup.reporting.blocks import Block, Cell, Column, Table

_COLUMNS = (
    Column("detector"),
    Column("says"),
    Column("score", "number", digits=3),
    Column("above", "number", digits=3),
    Column("of"),
    Column("notes"),
)


def detector_blocks(findings: Sequence[Finding], title: str = "Detectors") -> tuple[Block, ...]:
    """Return a table of the detectors that may alarm by themselves, and one of the others."""
    claimed = [one for one in findings if one.standing in ("calibrated", "promised")]
    others = [one for one in findings if one not in claimed]
    blocks: list[Block] = []
    if claimed:
        blocks.append(Table(_COLUMNS, tuple(map(_row, claimed)), title))
    if others:
        apart = "Uncalibrated detectors: they set off nothing unless the policy names them"
        blocks.append(Table(_COLUMNS, tuple(map(_row, others)), apart))
    return tuple(blocks)


def _row(one: Finding) -> tuple[Cell, ...]:
    at = one.at or None
    return (one.detector, _verdict(one), one.score, at, one.strongest, "; ".join(one.says))


def _verdict(one: Finding) -> str:
    if one.standing in ("refused", "failed"):
        return one.standing
    if one.counts:
        return "drifted"
    if one.fired or one.significant:
        return "fired, which does not count"
    return "quiet"
