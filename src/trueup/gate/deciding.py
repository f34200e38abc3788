"""From evidence to a finding: pass, fail or inconclusive, with every number and the reason."""

import math
from collections.abc import Sequence

import msgspec

from trueup.gate.bounds import Bounds, detectable, power_at, rows_to_decide
from trueup.gate.evidence import Evidence
from trueup.gate.rules import Rule
from trueup.gate.slicing import Part
from trueup.gate.verdict import Finding, Interval
from trueup.gate.wording import REASONS, says

OUTRIGHT = ("at_least", "at_most")


def found(rule: Rule, part: Part | None, word: str, reason: str) -> Finding:
    """Return a finding without numbers."""
    finding = Finding(
        rule=rule.position,
        metric=rule.metric,
        question=rule.question,
        word="inconclusive",
        reason=reason,
        says=REASONS[reason],
        slice=part.name if part else "",
        versus=rule.versus,
        evidence=rule.evidence,
        on_inconclusive=rule.on_inconclusive,
        limit=limit_of(rule),
        rows=part.rows if part else 0,
        events=part.events if part else None,
    )
    return msgspec.structs.replace(finding, word=word)


def limit_of(rule: Rule) -> float | None:
    """Return what the estimate is compared with: the margin below zero, or the value itself."""
    if rule.limit is None or rule.question in OUTRIGHT:
        return rule.limit
    return 0.0 if rule.question == "better" else -rule.limit


def measured(rule: Rule, part: Part, evidence: Evidence) -> Finding:
    """Return a finding with what was measured, not yet judged."""
    finding = found(rule, part, "inconclusive", evidence.reason or "interval")
    outright = rule.question in OUTRIGHT
    estimate = evidence.bounds.estimate if evidence.bounds else evidence.candidate
    if not outright and evidence.bounds is None:
        estimate = math.nan
    return msgspec.structs.replace(
        finding,
        candidate=known(evidence.candidate),
        other=known(evidence.other),
        estimate=known(estimate),
        blocks=evidence.blocks,
        discordant=evidence.discordant,
        design_effect=known(evidence.design_effect),
    )


def known(value: float | None) -> float | None:
    """Return a number, or None for one that JSON cannot hold."""
    return float(value) if value is not None and math.isfinite(value) else None


def bounded(finding: Finding, bounds: Bounds, alpha: float) -> Finding:
    """Return the finding with its interval, its method, and what it could have detected."""
    lower, upper, method = bounds.between(alpha)
    limit = finding.limit
    power = None
    if finding.question in ("non_inferior", "harm") and limit is not None:
        power = known(power_at(bounds, 0.0, limit, alpha))
    return msgspec.structs.replace(
        finding,
        interval=Interval(known(lower), known(upper), round(1 - 2 * alpha, 12)),
        alpha=alpha,
        method=method,
        detectable=known(detectable(bounds, alpha)),
        power=power,
        rows_to_decide=None
        if limit is None
        else rows_to_decide(bounds, limit, finding.rows, alpha),
    )


def decided(finding: Finding, bounds: Bounds, alpha: float, claims: int = 1) -> Finding:
    """Return the finding with its word; a failing claim is one of so many (Bonferroni)."""
    lower, upper, _ = bounds.between(alpha)
    failing = bounds.between(alpha / claims) if claims > 1 else (lower, upper, "")
    limit = finding.limit or 0.0
    if finding.question == "at_most":
        passes, fails = upper <= limit, failing[0] > limit
    elif finding.question == "better":
        passes, fails = lower > limit, failing[1] < limit
    elif finding.question == "at_least":
        passes, fails = lower >= limit, failing[1] < limit
    else:
        passes, fails = lower > limit, failing[1] < limit
    word, reason = ("pass", "shown") if passes else ("fail", "refuted")
    if not passes and not fails:
        word, reason = "inconclusive", "interval"
    return spoken(finding, word, reason)


def pointed(finding: Finding, value: float) -> Finding:
    """Return the finding of a plain threshold, which proves nothing and says so."""
    limit = finding.limit or 0.0
    passes = value <= limit if finding.question == "at_most" else value >= limit
    if finding.question == "better":
        passes = value > limit
    word, reason = ("pass", "point_reached") if passes else ("fail", "point_missed")
    plain = msgspec.structs.replace(finding, estimate=known(value), evidence="point")
    return spoken(plain, word, reason)


def spoken(finding: Finding, word: str, reason: str) -> Finding:
    """Return the finding with word and reason, and the sentence that says them."""
    named = msgspec.structs.replace(finding, word=word, reason=reason)
    if word in ("pass", "fail"):
        named = msgspec.structs.replace(named, rows_to_decide=None)
    return msgspec.structs.replace(named, says=says(named))


def holm(tails: Sequence[float]) -> list[float]:
    """Return the tails corrected for their number (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(tails)), key=lambda at: tails[at])
    corrected, highest = [0.0] * len(tails), 0.0
    for place, at in enumerate(order):
        highest = max(highest, min(1.0, (len(tails) - place) * tails[at]))
        corrected[at] = highest
    return corrected


def without_harm(
    findings: Sequence[Finding], bounds: Sequence[Bounds], alpha: float
) -> list[Finding]:
    """Return the findings of slices searched for harm: fail where one is shown, else pass."""
    tails = [
        each.tail(finding.limit or 0.0) for finding, each in zip(findings, bounds, strict=True)
    ]
    judged = []
    for finding, tail, corrected in zip(findings, tails, holm(tails), strict=True):
        shown = msgspec.structs.replace(finding, harm=tail, harm_corrected=corrected)
        if corrected <= alpha:
            judged.append(spoken(shown, "fail", "harm_shown"))
        else:
            judged.append(spoken(shown, "pass", "no_harm_shown"))
    return judged
