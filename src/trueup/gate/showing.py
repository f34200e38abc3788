"""A verdict as a report: refusals first, then rules, slices, traps, and what was left out."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from trueup.gate import drawing
from trueup.gate.verdict import Finding, Verdict
from trueup.gate.wording import BRIEFLY, REASONS, asked, asked_briefly
from trueup.reporting.blocks import Block, Cell, Check, Column, Report, Table, Text
from trueup.reporting.blocks import Verdict as VerdictBlock

_SHORT = 12  # of a digest
_MOST_REASONS, _MOST_SLICES = 8, 20
_POOLED = ("few_rows", "few_events", "few_groups")  # reasons why a slice joins the rest
_MEASURED = (
    Column("result"),
    Column("estimate", "number", digits=4),
    Column("interval", "number"),
)
_MORE = (
    Column("rule"),
    Column("candidate", "number", digits=4),
    Column("compared with", "number", digits=4),
    Column("limit", "number", digits=4),
    Column("detects", "number", digits=2),
    Column("power", "number", digits=2),
    Column("rows", "number"),
    Column("blocks", "number"),
    Column("design effect", "number", digits=3),
    Column("by"),
    Column("because"),
)


def verdict_report(
    verdict: Verdict, subject: str, names: Mapping[str, str] | None = None
) -> Report:
    """Return the report of a verdict about a subject, such as ``flight-late, candidate``.

    Names are those of models by digest (``flights/late/3``). Curves and further numbers are
    details, which a page shows.
    """
    rules = [each for each in verdict.findings if not each.slice]
    sliced = [each for each in verdict.findings if each.slice]
    told = tuple(_told(verdict))
    blocks: list[Block] = [
        VerdictBlock(subject, verdict.word, told, tuple(_checks(verdict))),
        Text("\n".join(_versus(verdict, names or {}))),
    ]
    if rules:
        blocks += [_rules(rules), *drawing.forest(rules)]
    for _, each in groupby(sliced, lambda one: (one.rule, one.question, one.versus)):
        blocks += _slices(sorted(each, key=_by_harm))
    if verdict.traps:
        rows = tuple((trap.kind.replace("_", " "), trap.word, trap.says) for trap in verdict.traps)
        blocks.append(Table((Column("trap"), Column("leads to"), Column("what")), rows, "Traps"))
    blocks += [*drawing.curves(verdict), Text("\n".join(_notes(verdict)))]
    blocks += [_numbers(verdict), _digests(verdict, names or {})]
    return Report(f"Gate: {subject}", tuple(blocks))


def _told(verdict: Verdict) -> Iterator[str]:
    """Yield the reasons, each with what follows from it."""
    before = {"pass": "", "inconclusive": "not decided: ", "fail": "refused: "}[verdict.word]
    if verdict.mode != "enforce" and verdict.word == "fail":
        before = f"would be refused (mode: {verdict.mode}): "
    if verdict.no_change:
        yield "no change: it predicts what the champion predicts, so nothing is promoted"
    reasons = [
        each
        for each in dict.fromkeys(verdict.reasons)  # rules may be open for one and the same
        if not (verdict.no_change and each == REASONS["no_change"])
    ]
    for reason in reasons[:_MOST_REASONS]:
        yield f"{before}{reason}"
    if (more := len(reasons) - _MOST_REASONS) > 0:
        yield f"and {more} more, which are below"
    if verdict.no_change:
        return
    if verdict.word == "inconclusive" and verdict.on_inconclusive == "person":
        yield "a person may approve it: trueup approve"
    elif verdict.word == "inconclusive" and verdict.on_inconclusive == "promote":
        yield "may be promoted all the same, as on_inconclusive: promote says"


def _versus(verdict: Verdict, names: Mapping[str, str]) -> Iterator[str]:
    """Yield whom the candidate is compared with, and how those predictions were come by."""
    champion = verdict.digests.get("champion", "")
    if champion:
        had = verdict.had.get("champion", "")
        how = f"; its predictions: {had}" if had else ""
        yield f"Versus champion {_named(champion, names)}{how}."
    elif any(each.versus == "champion" for each in verdict.findings):
        known = any(each.other is not None for each in verdict.findings)
        unknown = any(each.reason == "no_bucket" for each in verdict.findings)
        none = f"{REASONS['no_bucket'].capitalize()}." if unknown else "There is no champion yet."
        yield "Versus the champion." if known else none
    if any(each.versus == "anchor" for each in verdict.findings):
        had = verdict.had.get("anchor", "")
        how = f"; its predictions: {had}" if had else ""
        yield f"Beside it the anchor, the last version that was shown to be better{how}."
    use, planned = verdict.spending.use, verdict.spending.reuse
    spent = f"candidate {use} of {planned} on them"
    if verdict.basis == "trial":
        yield "Judged on its trial: rows of live traffic that both have answered."
        spent = f"look {use} of {planned}"
    yield f"{verdict.rows} rows, {_blocks(verdict)}; {spent}."
    yield from _left_out(verdict)
    yield from verdict.notes


def _named(digest: str, names: Mapping[str, str]) -> str:
    short = digest[:_SHORT]
    return f"{names[digest]} ({short})" if digest in names else short


def _checks(verdict: Verdict) -> Iterator[Check]:
    """Yield each rule or slice, and each trap, as one check."""
    for each in verdict.findings:
        word = "not judged" if each.word == "not_judged" else each.word
        where = f" of {each.slice}" if each.slice else ""
        name = f"{each.metric}{where}, {asked(each)}"
        yield Check(name, word, each.says, each.on_inconclusive == "promote")
    for trap in verdict.traps:
        yield Check(f"trap: {trap.kind.replace('_', ' ')}", trap.word, trap.says)


def _rules(findings: Sequence[Finding]) -> Table:
    rows = tuple((each.metric, asked_briefly(each), *_row(each)) for each in findings)
    return Table((Column("metric"), Column("asked"), *_MEASURED), rows, "Rules")


def _slices(findings: Sequence[Finding]) -> Iterator[Block]:
    """Yield the table of one rule's slices and their picture, the most harmed first."""
    first = findings[0]
    column = first.slice.partition("=")[0]
    title = f"{first.metric} for each {column}, {asked(first)}"
    judged = [each for each in findings if each.word != "not_judged"]
    rows = tuple((each.slice, *_row(each), each.rows) for each in judged[:_MOST_SLICES])
    columns = (Column("slice"), *_MEASURED, Column("rows", "number"))
    yield Table(columns, rows, title, empty="no slice could be judged")
    said = list(_aside(findings))
    if len(judged) > len(rows):
        said.append(f"{len(judged) - len(rows)} more slices are less harmed.")
    if said:
        yield Text("\n".join(said))
    yield from drawing.slices(title, findings)


def _aside(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield which slices are not judged, and what became of their rows."""
    aside = [each for each in findings if each.word == "not_judged"]
    whole = all(not each.slice.endswith("=(rest)") for each in aside)
    for reason in dict.fromkeys(each.reason for each in aside):
        names = [each.slice.partition("=")[2] for each in aside if each.reason == reason]
        some = ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
        together = ", but together as (rest)" if whole and reason in _POOLED else ""
        yield f"Not judged alone{together} ({REASONS[reason]}): {some}."


def _row(finding: Finding) -> tuple[Cell, ...]:
    signed = finding.question not in ("at_least", "at_most")
    estimate = None if finding.estimate is None else _number(finding.estimate, signed=signed)
    interval = BRIEFLY.get(finding.reason, finding.reason.replace("_", " "))
    if finding.interval is not None:
        lower, upper = finding.interval.lower, finding.interval.upper
        low = "-inf" if lower is None else _number(lower, signed=signed)
        high = "inf" if upper is None else _number(upper, signed=signed)
        interval = f"{low} to {high}"
    return finding.word.replace("_", " "), estimate, interval


def _number(value: float, *, signed: bool) -> str:
    return f"{value:+.3g}" if signed else f"{value:.4g}"


def _by_harm(finding: Finding) -> tuple[bool, float]:
    """Return what sorts slices: judged ones first, by how far they are on the wrong side."""
    estimate = finding.estimate if finding.estimate is not None else 0.0
    worse = -estimate if finding.question == "at_most" else estimate
    return finding.word == "not_judged", worse


def _numbers(verdict: Verdict) -> Table:
    rows = tuple(
        (
            f"{each.metric}{f' of {each.slice}' if each.slice else ''}, {asked(each)}",
            each.candidate,
            each.other,
            each.limit,
            each.detectable,
            each.power,
            each.rows or None,
            each.blocks or None,
            each.design_effect,
            each.method or None,
            REASONS[each.reason],
        )
        for each in verdict.findings
    )
    return Table(_MORE, rows, "More numbers", detail=True)


def _digests(verdict: Verdict, names: Mapping[str, str]) -> Table:
    facts = {name: digest for name, digest in verdict.digests.items() if digest}
    rows = [(name, names.get(digest), digest) for name, digest in facts.items()]
    rows.append(("verdict", None, verdict.digest))
    return Table(
        (Column("what"), Column("name"), Column("digest")), tuple(rows), "Digests", detail=True
    )


def _notes(verdict: Verdict) -> Iterator[str]:
    """Yield what stands below the tables: at which error, how much harm is left, which seed."""
    level = f"{(1 - 2 * verdict.alpha) * 100:.4g} %"
    yield (
        f"Intervals are two-sided at {level}: each bound errs in at most {verdict.alpha:.4g} of"
        " cases. A difference is candidate less the other, turned so that more is better."
    )
    yield from _harm(verdict)
    if verdict.joint_power is not None:
        power = f"{verdict.joint_power:.0%}"
        yield f"If both models were equally good, all slices would pass in {power} of cases."
    resamples = f"{verdict.resamples} resamples"
    yield f"Seed {verdict.seed}, {resamples}, verdict {verdict.digest[:_SHORT]}."


def _blocks(verdict: Verdict) -> str:
    words = {
        "rows": "taken as independent (neither time nor group is declared)",
        "time": "resampled by blocks of time",
        "group": "resampled by group",
        "two_way": "resampled by time and by group",
    }
    effects = [
        each.design_effect
        for each in verdict.findings
        if each.design_effect is not None and not each.slice and verdict.blocks != "rows"
    ]
    blocks = [each.blocks for each in verdict.findings if each.blocks and not each.slice]
    count = f", {max(blocks)} of them" if blocks and verdict.blocks != "rows" else ""
    effect = f", design effect up to {max(effects):.3g}" if effects else ""
    return words[verdict.blocks] + count + effect


def _left_out(verdict: Verdict) -> Iterator[str]:
    left = verdict.left_out
    if left.seen:
        yield f"{left.seen} rows that a model was trained on are left out."
    if not left.seen_known:
        yield "It is not known which rows the models were trained on."
    if left.unlabelled:
        got = "have no label yet" if verdict.basis == "trial" else "never got a truth"
        yield f"{left.unlabelled} rows that {got} are left out."
    if left.unusable:
        yield f"{left.unusable} rows without truth or prediction are left out."


def _harm(verdict: Verdict) -> Iterator[str]:
    lowest = [
        (each.interval.lower, each.slice)
        for each in verdict.findings
        if each.reason == "no_harm_shown" and each.interval and each.interval.lower is not None
    ]
    if lowest and min(lowest)[0] < 0:
        bound, where = min(lowest)
        yield f"The largest harm to a slice that is not excluded: {-bound:.4g} ({where})."
