"""A conversion as a report: what was compared, within which bounds, and how it came out."""

from trueup.models.conversions import Conversion, Measured
from trueup.reporting.blocks import Block, Column, Report, Table, Text


def conversion_report(record: Conversion, name: str) -> Report:
    """Return the comparison's numbers beside their bounds, then the reasons or the notes."""
    columns = (
        Column("compared on"),
        Column("rows", "number"),
        Column("largest difference", "number", digits=3),
        Column("rows that differ", "number", unit="%", digits=4),
        Column("other class", "number", unit="%", digits=4),
    )
    bounds = record.bounds
    rows = (
        _row("evaluation data", record.sample),
        _row("thresholds, categories, missing values", record.probes),
        ("at most", None, bounds.difference, bounds.differing * 100, bounds.decisions * 100),
    )
    blocks: list[Block] = [Table(columns, rows)]
    count, probed = record.thresholds.thresholds, record.thresholds.probed
    if count:
        blocks.append(
            Text(f"{probed} of {count} thresholds approached to one ulp, in double and single.")
        )
    blocks += [Text(f"refused: {why}") for why in record.refused]
    blocks += [Text(f"note: {note}") for note in record.notes]
    return Report(f"{name} as {record.to.upper()}", tuple(blocks))


def _row(name: str, measured: Measured) -> tuple[str | float | None, ...]:
    return (
        name,
        measured.rows,
        measured.difference if measured.rows else None,
        measured.differing * 100 if measured.rows else None,
        measured.decisions * 100 if measured.rows else None,
    )
