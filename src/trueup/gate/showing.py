"""A verdict as a report: what was asked, what came out, slices, traps, and what was left out."""

from collections.abc import Sequence

from trueup.gate.verdict import Finding, Verdict
from trueup.gate.wording import REASONS
from trueup.reporting.blocks import Block, Cell, Check, Column, Report, Table, Text
from trueup.reporting.blocks import Verdict as VerdictBlock

_COLUMNS = (
    Column("rule"),
    Column("result"),
    Column("candidate", "number", digits=4),
    Column("other", "number", digits=4),
    Column("estimate", "number", digits=4),
    Column("lower", "number", digits=4),
    Column("upper", "number", digits=4),
    Column("limit", "number", digits=4),
    Column("detects", "number", digits=2),
    Column("why"),
)


def verdict_report(verdict: Verdict, subject: str) -> Report:
    """Return the report of a verdict about a subject, such as ``flight-late, candidate``."""
    blocks: list[Block] = [
        VerdictBlock(subject, verdict.word, verdict.reasons, tuple(_checks(verdict)))
    ]
    rules = [each for each in verdict.findings if not each.slice]
    slices = [each for each in verdict.findings if each.slice]
    if rules:
        blocks.append(_table("Rules", rules))
    if slices:
        blocks.append(_table("Slices", slices))
    if verdict.traps:
        rows = tuple((trap.kind, trap.word, trap.says) for trap in verdict.traps)
        columns = (Column("trap"), Column("leads to"), Column("what"))
        blocks.append(Table(columns, rows, "Traps"))
    blocks.append(Text("\n".join(_notes(verdict))))
    return Report(f"Gate: {subject}", tuple(blocks))


def _checks(verdict: Verdict) -> list[Check]:
    """Return each rule or slice, and each trap, as one check."""
    found = [
        Check(
            _asked(each),
            "not judged" if each.word == "not_judged" else each.word,
            each.says,
            each.on_inconclusive == "promote",
        )
        for each in verdict.findings
    ]
    return found + [Check(f"trap {trap.kind}", trap.word, trap.says) for trap in verdict.traps]


def _table(title: str, findings: Sequence[Finding]) -> Table:
    return Table(_COLUMNS, tuple(_row(finding) for finding in findings), title)


def _row(finding: Finding) -> tuple[Cell, ...]:
    interval = finding.interval
    return (
        _asked(finding),
        finding.word.replace("_", " "),
        finding.candidate,
        finding.other,
        finding.estimate,
        interval.lower if interval else None,
        interval.upper if interval else None,
        finding.limit,
        finding.detectable,
        REASONS[finding.reason],
    )


def _asked(finding: Finding) -> str:
    asked = finding.question.replace("_", " ")
    where = f", {finding.slice}" if finding.slice else ""
    point = ", a point" if finding.evidence == "point" else ""
    return f"{finding.metric}{where}: {asked} {finding.versus}".rstrip() + point


def _notes(verdict: Verdict) -> list[str]:
    """Return what stands below the tables: how, on what, at which error, and from which seed."""
    level = f"{(1 - 2 * verdict.alpha) * 100:.4g} %"
    spending = verdict.spending
    return [
        f"{verdict.rows} rows, {_blocks(verdict)}.",
        *_left_out(verdict),
        f"Intervals are two-sided at {level}: each bound errs in at most {verdict.alpha:.4g} of "
        f"cases. This is candidate {spending.use} of {spending.reuse} on these rows.",
        *_harm(verdict),
        *_joint(verdict),
        f"Seed {verdict.seed}, {verdict.resamples} resamples, verdict {verdict.digest[:16]}.",
    ]


def _blocks(verdict: Verdict) -> str:
    words = {
        "rows": "taken as independent: neither time nor group is declared",
        "time": "resampled by blocks of time",
        "group": "resampled by group",
        "two_way": "resampled by time and by group",
    }
    effects = [
        each.design_effect
        for each in verdict.findings
        if each.design_effect is not None and not each.slice and verdict.blocks != "rows"
    ]
    effect = f"; design effect up to {max(effects):.3g}" if effects else ""
    return words[verdict.blocks] + effect


def _left_out(verdict: Verdict) -> list[str]:
    left, said = verdict.left_out, []
    if left.seen:
        said.append(f"{left.seen} rows that a model was trained on are left out.")
    if not left.seen_known:
        said.append("It is not known which rows the models were trained on.")
    if left.unlabelled:
        said.append(f"{left.unlabelled} rows that never got a truth are left out.")
    if left.unusable:
        said.append(f"{left.unusable} rows without truth or prediction are left out.")
    return said


def _harm(verdict: Verdict) -> list[str]:
    lowest = [
        (each.interval.lower, each.slice)
        for each in verdict.findings
        if each.reason == "no_harm_shown" and each.interval and each.interval.lower is not None
    ]
    if not lowest:
        return []
    bound, where = min(lowest)
    return [f"The largest harm to a slice that is not excluded: {bound:+.4g} ({where})."]


def _joint(verdict: Verdict) -> list[str]:
    if verdict.joint_power is None:
        return []
    return [
        f"If both models were equally good, all slices would pass in {verdict.joint_power:.0%}."
    ]
