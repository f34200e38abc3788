"""Skew as a report and as a record."""

from typing import Any

import msgspec

from trueup.monitoring.skew import ColumnSkew, Skew
from trueup.reporting.blocks import Block, Check, Column, Report, Table, Text, Verdict
from trueup.reporting.wording import duration, number

_REASONS = 12
_COLUMNS = (
    Column("column"),
    Column("exact", "number"),
    Column("tolerable", "number"),
    Column("different", "number"),
    Column("share", "number", unit="%", digits=3),
    Column("null served", "number"),
    Column("null computed", "number"),
    Column("largest", "number", digits=4),
    Column("how"),
    Column("mend"),
)
_EXAMPLES = (Column("column"), Column("id"), Column("served"), Column("computed"))


def skew_report(found: Skew, subject: str, table: str) -> Report:
    """Return the report of what was compared; ``table`` is what the pipeline computes."""
    skewed = [one for one in found.columns if one.is_skewed]
    blocks: list[Block] = [
        Verdict(
            f"{subject}: {found.rows:,} served rows against {table}",
            "fail" if skewed else "pass",
            tuple(map(_reason, skewed[:_REASONS])) or ("no column is skewed",),
            tuple(
                Check(one.name, "fail" if one.is_skewed else "pass", _reason(one))
                for one in found.columns
            ),
        ),
        Table(_COLUMNS, tuple(map(_row, found.columns)), "Columns", "no column is in both"),
    ]
    examples = tuple(
        (one.name, each.id, each.served, each.computed)
        for one in found.columns
        for each in one.examples
    )
    if examples:
        blocks.append(Table(_EXAMPLES, examples, "Examples"))
    blocks.append(Text("\n".join(_notes(found))))
    return Report("Skew", tuple(blocks))


def skew_record(found: Skew, subject: str, table: str) -> dict[str, Any]:
    """Return it as what is stored and what JSON shows."""
    return {
        "format": found.format,
        "model": subject,
        "table": table,
        "skewed": found.is_skewed,
        **{name: value for name, value in msgspec.to_builtins(found).items() if name != "format"},
    }


def _reason(one: ColumnSkew) -> str:
    how = f", {one.how}" if one.how else ""
    mend = f" (computed by {one.pipe.stage} in {one.pipe.output})" if one.pipe else ""
    share = number(100 * one.share, digits=3)
    return f"{one.name}: {one.different:,} of {one.rows:,} values differ ({share} %){how}{mend}"


def _row(one: ColumnSkew) -> tuple[str | float | int | None, ...]:
    return (
        one.name, one.exact, one.tolerable, one.different, 100 * one.share, one.null_served,
        one.null_computed, one.largest, one.how or None,
        f"{one.pipe.stage}: {one.pipe.output}" if one.pipe else None,
    )  # fmt: skip


def _notes(found: Skew) -> list[str]:
    limits = found.limits
    notes = [
        f"Numbers within {limits.relative:g} of each other"
        + (f", or {limits.absolute:g}," if limits.absolute else "")
        + " are tolerable, as float32 rounds them; a column is skewed where more than "
        f"{number(100 * limits.share, digits=3)} % of its values differ.",
        f"{found.only_served:,} served ids are not in the table, {found.only_computed:,} of the "
        "table were not served.",
    ]
    if found.only_served_examples:
        notes.append(f"Not in the table: {', '.join(found.only_served_examples)}.")
    if found.repeated:
        notes.append(f"{found.repeated:,} rows had an id that came again; the last counts.")
    if found.not_compared:
        notes.append(f"Not compared, as the table lacks them: {', '.join(found.not_compared)}.")
    late = found.lateness
    if late:
        said = [_late(each) for each in (late.median_s, late.p95_s, late.most_s)]
        notes.append(
            f"Served after their row's time, by the median {said[0]}, 95 % within {said[1]}, at "
            f"most {said[2]}"
            + (
                f"; of rows that differ, {_late(late.median_different_s)}."
                if late.median_different_s is not None
                else "."
            )
        )
    return notes


def _late(seconds: float) -> str:
    return f"{'-' if seconds < 0 else ''}{duration(abs(seconds))}"
