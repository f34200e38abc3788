"""What a window's event holds beside drift and broken data, as blocks of its report."""

from trueup.monitoring.detectors.report import detector_blocks
from trueup.monitoring.watching.events import Checked, Compared
from trueup.reporting.blocks import Block, Column, Table

_SKEW = (
    Column("column"),
    Column("rows", "number", digits=15),
    Column("different", "number", digits=15),
    Column("share", "number", unit="%", digits=3),
)


def beside_blocks(check: Checked) -> list[Block]:
    """Return what detectors said of a window, and what of it is not what the pipeline computes."""
    blocks: list[Block] = []
    if check.detected is not None:
        findings = check.detected.findings
        blocks += detector_blocks(findings, f"Detectors in {check.window.name}")
    if check.skew is not None:
        blocks.append(_skew(check.skew, check.window.name))
    return blocks


def _skew(found: Compared, window: str) -> Table:
    rows = tuple(
        (name, found.rows, count, 100 * count / max(found.rows, 1))
        for name, count in found.different.items()
    )
    lacking = f"; it lacks {found.absent:,} more" if found.absent else ""
    empty = found.why or f"{found.rows:,} rows are what {found.table} has{lacking}"
    return Table(_SKEW, rows, f"{window} as served and as in {found.table}", empty=empty)
