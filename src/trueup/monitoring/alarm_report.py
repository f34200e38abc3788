"""A window's check as a report: the verdict, what moved, and what stands behind the alarm."""

from trueup.monitoring.alarms import Alarm, Finding
from trueup.reporting.blocks import Cell, Check, Column, Report, Table, Text, Verdict
from trueup.reporting.wording import number

_COLUMNS = (
    Column("rank", "number"),
    Column("column"),
    Column("drift"),
    Column("effect", "number", digits=3),
    Column("measured", "number", digits=3),
    Column("at least", "number", digits=3),
    Column("score", "number", digits=3),
    Column("above", "number", digits=3),
    Column("by"),
    Column("nulls", "number", unit="%", digits=3),
    Column("expected", "number", unit="%", digits=3),
)


def alarm_report(alarm: Alarm) -> Report:
    """Return the report of one check; columns stand by effect times importance."""
    reasons = alarm.reasons or ("no column has drifted",)
    checks = tuple(_check(one) for one in alarm.findings)
    subject = f"window {alarm.window}" if alarm.window else "this window"
    return Report(
        "Drift",
        (
            Verdict(subject, "fail" if alarm.alarmed else "pass", reasons, checks),
            Table(_COLUMNS, tuple(map(_row, alarm.findings)), "Columns"),
            Text("\n".join(_notes(alarm))),
        ),
    )


def _check(one: Finding) -> Check:
    lower = max(one.shift.lower, one.null_shift.lower)
    says = f"{one.shift.effect} at least {number(lower, digits=3)}"
    return Check(one.name, "fail" if one.drifted else "pass", says, tolerated=not one.claimed)


def _row(one: Finding) -> tuple[Cell, ...]:
    word = "drifted" if one.drifted else "small" if one.significant else "no"
    return (
        one.rank,
        one.name,
        word,
        one.shift.corrected,
        one.shift.raw,
        one.shift.lower,
        one.score,
        one.threshold,
        one.strongest,
        100 * one.nulls,
        100 * one.nulls_expected,
    )


def _notes(alarm: Alarm) -> list[str]:
    """Return what the alarm rests on, in sentences."""
    support = alarm.support
    higher = alarm.exceeded_by
    if higher == 0:
        rank = f"None of the reference's {support.windows} windows scored as high."
    elif higher > 0:
        rank = f"{higher} of the reference's {support.windows} windows scored as high."
    else:
        rank = "Many of the reference's windows scored as high."
    notes = [f"The highest score is {number(alarm.score, digits=3)}. {rank}", support.says]
    if alarm.alarmed and not alarm.incident:
        notes.append("It belongs to an incident that began before.")
    if support.claimed and not alarm.claimed:
        notes.append("For this window no rate is claimed.")
    return notes
