"""Judge a candidate: rules and a comparison in, a verdict out; the same again for the same."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce

import msgspec

from trueup.errors import WrongUsage
from trueup.gate.bounds import Bounds, detectable
from trueup.gate.catalogue import metric_named
from trueup.gate.comparing import Comparison
from trueup.gate.curves import curves_of
from trueup.gate.deciding import (
    OUTRIGHT,
    bounded,
    decided,
    found,
    measured,
    pointed,
    spoken,
    without_harm,
)
from trueup.gate.evidence import Evidence, View, measure
from trueup.gate.grouping import by_group, by_query, called, in_scale, is_scaled
from trueup.gate.grouping import whole as whole_table
from trueup.gate.metrics import Metric
from trueup.gate.names import is_metric
from trueup.gate.resampling import resamples_for
from trueup.gate.rules import Rule, Rules, missing_margin
from trueup.gate.slicing import Part, parts, whole
from trueup.gate.verdict import Basis, Finding, LeftOut, Standing, Trap, Verdict, Word, sealed
from trueup.gate.wording import says_together

_STRICT: tuple[Standing, ...] = ("promote", "person", "block")


def judge(rules: Rules, comparison: Comparison) -> Verdict:
    """Return the verdict: pass where all rules pass, fail where one fails, else inconclusive.

    WrongUsage for rules that cannot be asked of these rows: an unknown metric, a slice that is
    not there, a comparison without a margin (the error then names one that can be detected).
    """
    findings = [each for rule in rules.rules for each in _judged(rule, rules, comparison)]
    findings += _against_anchor(rules, comparison)
    word = _word(findings, comparison.traps)
    if comparison.no_change and word == "pass":
        word = "inconclusive"
    return sealed(
        Verdict(
            word=word,
            reasons=_reasons(findings, comparison),
            findings=tuple(findings),
            traps=comparison.traps,
            on_inconclusive=_standing(findings, rules, comparison),
            no_change=comparison.no_change,
            mode=rules.mode,
            confidence=rules.confidence,
            alpha=rules.alpha,
            spending=rules.spending,
            rows=len(comparison.table),
            blocks=comparison.blocks.kind,
            left_out=comparison.left_out,
            seed=comparison.seed,
            resamples=resamples_for(rules.alpha),
            joint_power=_joint_power(findings),
            digests=dict(comparison.circumstances.digests),
            had=dict(comparison.circumstances.had),
            notes=comparison.circumstances.notes,
            curves=curves_of(comparison, [rule.metric for rule in rules.rules]),
            basis=comparison.circumstances.basis,
        )
    )


def undecided(rules: Rules, why: str, digests: Mapping[str, str], basis: Basis = "test") -> Verdict:
    """Return the verdict where the rows may not even be looked at: inconclusive, and why."""
    return sealed(
        Verdict(
            word="inconclusive",
            reasons=(why,),
            findings=(),
            on_inconclusive="block",
            mode=rules.mode,
            confidence=rules.confidence,
            alpha=rules.alpha,
            spending=rules.spending,
            rows=0,
            blocks="rows",
            left_out=LeftOut(),
            seed=0,
            resamples=0,
            digests=dict(digests),
            basis=basis,
        )
    )


def _judged(rule: Rule, rules: Rules, comparison: Comparison) -> list[Finding]:
    """Return the findings of one rule: one, or one for each slice."""
    if _is_point(rule, comparison):
        return [_point(rule, comparison.circumstances.measured[rule.metric])]
    if why := comparison.circumstances.cannot(rule):
        lacking = found(rule, None, "inconclusive", "rows_lack")
        each = f" for each {rule.each}" if rule.each else ""
        return [msgspec.structs.replace(lacking, says=f"{rule.metric}{each}: {why}")]
    if (reason := _cannot(rule, comparison)) is not None:
        word = "not_judged" if reason == "no_champion" else "inconclusive"
        return [found(rule, None, word, reason)]
    if not rule.each:
        return [_whole(rule, rules, comparison)]
    return _slices(rule, rules, comparison)


def _is_point(rule: Rule, comparison: Comparison) -> bool:
    """Say whether a rule is about a single number that was measured elsewhere, such as a latency.

    A metric that the rows give is measured on them, whatever a file says of it.
    """
    measured_there = rule.metric in comparison.circumstances.measured
    return not rule.per and measured_there and not is_metric(rule.metric, comparison.table.task)


def _point(rule: Rule, value: float) -> Finding:
    if rule.question not in OUTRIGHT or rule.each:
        raise WrongUsage(
            f"{rule.metric} is one number of a metrics file, which no rows or slices lie behind",
            remedy="Ask at_least or at_most of it; or compare a metric of the rows.",
        )
    if math.isnan(value):
        return spoken(
            found(rule, None, "inconclusive", "not_measured"), "inconclusive", "not_measured"
        )
    shown = msgspec.structs.replace(found(rule, None, "fail", "point_missed"), candidate=value)
    return pointed(shown, value)


def _cannot(rule: Rule, comparison: Comparison) -> str | None:
    """Return why a rule cannot be judged at all."""
    if rule.question not in OUTRIGHT:
        if comparison.circumstances.champion == "not_comparable":
            return "champion_not_comparable"
        if comparison.circumstances.champion == "no_bucket":
            return "no_bucket"
        if rule.versus not in comparison.table.predicted:
            return "no_champion"
        if comparison.no_change:
            return "no_change"
    return "few_rows" if not len(comparison.table) else None


def _whole(rule: Rule, rules: Rules, comparison: Comparison) -> Finding:
    part = whole(rule, comparison, rules.alpha)
    finding, bounds = _measured(rule, part, comparison)
    if rule.limit is None:
        raise missing_margin(rule, None if bounds is None else detectable(bounds, rules.alpha))
    return _decided(finding, bounds, rules, comparison)


def _decided(
    finding: Finding, bounds: Bounds | None, rules: Rules, comparison: Comparison, claims: int = 1
) -> Finding:
    """Return the finding judged, unless reuse or unknown training rows leave it open."""
    if finding.evidence == "point":
        value = finding.estimate if finding.estimate is not None else _difference(finding)
        return finding if value is None else pointed(finding, value)
    if bounds is None:
        return spoken(finding, "inconclusive", finding.reason)
    if rules.spending.exhausted:
        return spoken(finding, "inconclusive", "reuse_exhausted")
    judged = decided(bounded(finding, bounds, rules.alpha), bounds, rules.alpha, claims)
    unknown = not comparison.left_out.seen_known and finding.question not in OUTRIGHT
    if unknown and judged.word == "pass":
        return spoken(judged, "inconclusive", "seen_unknown")
    return judged


def _difference(finding: Finding) -> float | None:
    if finding.question in OUTRIGHT or finding.candidate is None or finding.other is None:
        return finding.candidate
    return finding.candidate - finding.other


def _slices(rule: Rule, rules: Rules, comparison: Comparison) -> list[Finding]:
    """Return the findings of all slices; those too small are named and do not count."""
    if rule.limit is None:
        part = whole(rule, comparison, rules.alpha)
        bounds = _measured(rule, part, comparison)[1]
        raise missing_margin(rule, None if bounds is None else detectable(bounds, rules.alpha))
    pairs: list[tuple[Finding, Bounds]] = []
    aside: list[Finding] = []
    for part in parts(rule, comparison, rules.alpha):
        finding, bounds = _measured(rule, part, comparison)
        if bounds is None and not (rule.evidence == "point" and not part.reason):
            aside.append(spoken(finding, "not_judged", finding.reason))
        elif bounds is not None and rule.evidence == "interval":
            pairs.append((finding, bounds))
        else:
            aside.append(_decided(finding, None, rules, comparison))
    judged = _together(rule, rules, comparison, pairs)
    if not judged and all(each.word == "not_judged" for each in aside):
        judged = [found(rule, None, "inconclusive", "nothing_judged")]
    return [*judged, *aside]


def _together(
    rule: Rule, rules: Rules, comparison: Comparison, pairs: Sequence[tuple[Finding, Bounds]]
) -> list[Finding]:
    """Return slices judged together: failing is a claim among as many as there are slices."""
    if rule.question == "harm" and not rules.spending.exhausted:
        shown = [bounded(finding, each, rules.alpha) for finding, each in pairs]
        return without_harm(shown, [each for _, each in pairs], rules.alpha)
    claims = max(1, len(pairs))
    return [_decided(finding, each, rules, comparison, claims) for finding, each in pairs]


def _measured(rule: Rule, part: Part, comparison: Comparison) -> tuple[Finding, Bounds | None]:
    """Return what was measured; a part too small is measured and has no bounds."""
    metric, view = _metric(rule, part.view, comparison)
    other = rule.versus if rule.question not in OUTRIGHT else None
    evidence = measure(metric, view, "candidate", other)
    if part.reason:
        evidence = _without_bounds(evidence, part.reason)
    finding = measured(rule, part, evidence)
    if rule.evidence == "point" and other and evidence.other is not None:
        apart = evidence.candidate - evidence.other
        finding = msgspec.structs.replace(finding, estimate=apart if metric.higher else -apart)
    return finding, evidence.bounds


def _without_bounds(evidence: Evidence, reason: str) -> Evidence:
    return Evidence(
        evidence.candidate, evidence.other, None, reason, evidence.blocks, evidence.discordant
    )


def _metric(rule: Rule, view: View, comparison: Comparison) -> tuple[Metric, View]:
    """Return the metric and its rows: those of the table, or one a query or group."""
    table, blocks = view.table, view.blocks
    if rule.per:
        call = comparison.circumstances.calls[rule.metric]
        if call.per == "table":
            return whole_table(rule.metric, call), view
        if call.per == "group":
            table, blocks = by_group(call, table, blocks)
        return called(rule.metric, call), View(
            table, blocks, view.seed, view.resamples, view.effect
        )
    metric = metric_named(rule.metric, table.task)
    if table.task == "ranking":
        table, blocks = by_query(rule.metric, table, blocks)
    elif is_scaled(rule.metric, table.task):
        table, blocks = in_scale(rule.metric, table, blocks)
    return metric, View(table, blocks, view.seed, view.resamples, view.effect)


def _against_anchor(rules: Rules, comparison: Comparison) -> Iterator[Finding]:
    """Yield, for each comparison over all rows, the same with the last version shown better.

    Many promotions, each a little worse within its margin, would else add up unseen.
    """
    if "anchor" not in comparison.table.predicted or comparison.no_change:
        return
    for rule in rules.rules:
        if rule.question in OUTRIGHT or rule.each or rule.evidence == "point":
            continue
        margin = rules.margin_total
        if margin is None:
            margin = 2 * (rule.limit or 0.0)
        if rule.versus == "champion" and margin > 0:
            asked = msgspec.structs.replace(
                rule, position=-1, question="non_inferior", limit=margin, versus="anchor"
            )
            yield _whole(asked, rules, comparison)


def _word(findings: Sequence[Finding], traps: Sequence[Trap]) -> Word:
    words = {each.word for each in findings} | {each.word for each in traps}
    if "fail" in words:
        return "fail"
    return "inconclusive" if "inconclusive" in words or "pass" not in words else "pass"


def _standing(findings: Sequence[Finding], rules: Rules, comparison: Comparison) -> Standing:
    """Return what an inconclusive verdict leads to: the strictest of what is open."""
    if comparison.no_change:
        return "block"
    asked = [each.on_inconclusive for each in findings if each.word == "inconclusive"]
    if any(trap.word == "inconclusive" for trap in comparison.traps) or not asked:
        asked.append(rules.on_inconclusive)
    return reduce(lambda one, two: max(one, two, key=_STRICT.index), asked)


def _reasons(findings: Sequence[Finding], comparison: Comparison) -> tuple[str, ...]:
    """Return the reasons in sentences, what fails first; a pass says what was shown."""
    said = [trap.says for trap in comparison.traps]
    words = {each.word for each in findings} | {each.word for each in comparison.traps}
    word = next((word for word in ("fail", "inconclusive") if word in words), "")
    said += [each.says for each in findings if each.word == word] if word else _shown(findings)
    if comparison.circumstances.champion == "not_comparable" and comparison.circumstances.why:
        said.append(comparison.circumstances.why)
    return tuple(dict.fromkeys(said))  # rules may be open for one and the same reason


def _shown(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what a pass has shown: each rule's sentence, and one for all slices of a rule."""
    passed = [each for each in findings if each.word == "pass"]
    yield from (each.says for each in passed if not each.slice)
    for rule in dict.fromkeys((each.rule, each.question) for each in passed if each.slice):
        slices = [each for each in passed if each.slice and (each.rule, each.question) == rule]
        yield slices[0].says if len(slices) == 1 else says_together(slices)


def _joint_power(findings: Sequence[Finding]) -> float | None:
    """Return how often all slices would pass together if both models were equally good."""
    powers = [
        each.power
        for each in findings
        if each.slice and each.question == "non_inferior" and each.power is not None
    ]
    return reduce(lambda one, two: one * two, powers) if powers else None
