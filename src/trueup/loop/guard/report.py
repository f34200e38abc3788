"""The guard's verdict as a report, and as what the loop writes down of it."""

from trueup.loop.events import Finding as Told
from trueup.loop.guard.records import Finding, Guarded
from trueup.reporting.blocks import Block, Check, Column, Report, Table, Text, Verdict

_REASONS = 12
_MOST_TOLD = 20
_LETTERS = 300
_FOUND = (
    Column("check"),
    Column("where"),
    Column("what"),
    Column("stops"),
    Column("mend"),
    Column("remedy"),
)
_EVIDENCE = (
    Column("check"),
    Column("where"),
    Column("measured", "number", digits=4),
    Column("usual", "number", digits=4),
    Column("limit", "number", digits=4),
    Column("rows", "number"),
    Column("where the limit comes from"),
    Column("examples"),
)


def guard_report(found: Guarded) -> Report:
    """Return the report of a verdict."""
    return Report("May the model learn from this?", guard_blocks(found))


def guard_blocks(found: Guarded) -> tuple[Block, ...]:
    """Return the same as blocks, for a report that shows more."""
    stopping = found.stopping
    shown = [_reason(one) for one in stopping[:_REASONS]]
    if len(stopping) > _REASONS:
        shown.append(f"and {len(stopping) - _REASONS} more")
    blocks: list[Block] = [
        Verdict(
            f"{found.model + ': ' if found.model else ''}{found.rows:,} rows to learn from",
            "pass" if found.go else "fail",
            tuple(shown) or ("nothing speaks against a retrain",),
            tuple(
                Check(f"{_words(one)} of {where(one)}", "fail" if one.stops else "pass", one.says)
                for one in found.findings
            ),
        )
    ]
    if found.findings:
        blocks += [
            Table(_FOUND, tuple(map(_row, found.findings)), "Found"),
            Table(_EVIDENCE, tuple(map(_evidence, found.findings)), "Evidence", detail=True),
        ]
    notes = [f"Not checked: {one}." for one in found.not_checked]
    notes += [f"Accepted: {_reason(one)}." for one in found.findings if one.accepted]
    if notes:
        blocks.append(Text("\n".join(notes)))
    return tuple(blocks)


def told(found: Guarded) -> tuple[Told, ...]:
    """Return findings as the loop's event keeps them, those that stop first, a bounded number."""
    return tuple(
        Told(one.check, one.says[:_LETTERS], one.stops, one.column, one.mend)
        for one in found.findings[:_MOST_TOLD]
    )


def where(one: Finding) -> str:
    """Return what a finding is about."""
    return one.column or "the table"


def _reason(one: Finding) -> str:
    mend = f" (mend {one.mend})" if one.mend else ""
    said = one.says if one.check == "broken_data" else f"{where(one)}: {one.says}"
    return f"{said}{mend}"


def _words(one: Finding) -> str:
    return one.check.replace("_", " ")


def _row(one: Finding) -> tuple[str | None, ...]:
    stops = "yes" if one.stops else "accepted" if one.accepted else "no"
    return _words(one), where(one), one.says, stops, one.mend or None, one.remedy


def _evidence(one: Finding) -> tuple[str | float | None, ...]:
    return (
        _words(one), where(one), one.measured, one.usual, one.limit, one.rows, one.why or None,
        ", ".join(one.examples) or None,
    )  # fmt: skip
