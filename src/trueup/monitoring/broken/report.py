"""What is broken of a window, as a report and as a record."""

from typing import Any

import msgspec

from trueup.monitoring.broken.records import Broken, Finding, Since
from trueup.reporting.blocks import Block, Check, Column, Report, Table, Text, Verdict
from trueup.reporting.wording import moment

_REASONS = 12
_COLUMNS = (
    Column("column"),
    Column("check"),
    Column("sure"),
    Column("what"),
    Column("since"),
    Column("mend"),
    Column("examples"),
)
_LIMITS = (
    Column("column"),
    Column("check"),
    Column("measured", "number", digits=4),
    Column("usual", "number", digits=4),
    Column("limit", "number", digits=4),
    Column("where the limit comes from"),
)


def broken_report(found: Broken) -> Report:
    """Return the report: the verdict, each finding, and where its limit comes from."""
    return Report("Broken data", broken_blocks(found))


def broken_blocks(found: Broken) -> tuple[Block, ...]:
    """Return the same as blocks, for a report that shows more."""
    subject = f"{found.window}: " if found.window else ""
    reasons = [f"{named(one)}: {one.says}{_mend(one)}" for one in found.findings[:_REASONS]]
    more = len(found.findings) - _REASONS
    blocks: list[Block] = [
        Verdict(
            f"{subject}{found.rows:,} rows, {found.columns} columns",
            "fail" if found.is_broken else "pass",
            (*reasons, *([f"and {more} more"] if more > 0 else []))
            if found.is_broken
            else ("nothing is broken",),
            tuple(
                Check(f"{one.check} of {named(one)}", "fail", one.says) for one in found.findings
            ),
        )
    ]
    if found.findings:
        blocks += [
            Table(_COLUMNS, tuple(map(_row, found.findings)), "Broken"),
            Table(_LIMITS, tuple(map(_limit, found.findings)), "Limits", detail=True),
        ]
    blocks.append(Text("\n".join(_notes(found))))
    return tuple(blocks)


def broken_record(found: Broken) -> dict[str, Any]:
    """Return it as what is stored and what JSON shows."""
    return {
        "format": found.format,
        "broken": found.is_broken,
        "window": found.window,
        "rows": found.rows,
        "columns": found.columns,
        "findings": [msgspec.to_builtins(one) for one in found.findings],
        "apart_from_drift": sorted(found.names),
        "not_checked": found.not_checked,
        "limits": msgspec.to_builtins(found.limits),
    }


def named(one: Finding) -> str:
    """Return what a finding is about."""
    return one.column or "the table"


def _mend(one: Finding) -> str:
    return f" (mend: {one.pipe.stage}, which makes {one.pipe.output})" if one.pipe else ""


def _row(one: Finding) -> tuple[str | None, ...]:
    mend = f"{one.pipe.stage}: {one.pipe.output}" if one.pipe else None
    return (
        named(one), one.check.replace("_", " "), one.sure, one.says, _since(one.since), mend,
        ", ".join(one.examples) or None,
    )  # fmt: skip


def _limit(one: Finding) -> tuple[str | float | None, ...]:
    return (
        named(one), one.check.replace("_", " "), one.measured, one.usual, one.limit, one.why,
    )  # fmt: skip


def _since(since: Since) -> str | None:
    said = [f"row {since.row:,}"] if since.row is not None else []
    said += [moment(since.at)] if since.at is not None else []
    return ", ".join(said) or None


def _notes(found: Broken) -> list[str]:
    notes = [
        f"Corruption is looked for with a share of its own: at most {found.limits.rate:.3g} of "
        "sound windows may be called broken by the checks that count rows; the others go by what "
        "the reference has shown, with a margin."
    ]
    if found.names:
        notes.append("Of columns that are broken, drift says nothing.")
    notes += [f"Not checked: {one}." for one in found.not_checked]
    return notes
