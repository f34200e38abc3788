"""Verdicts as the registry keeps them: one that is known already, a new one recorded."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trueup.delivery.subject import Subject
from trueup.errors import NotProven
from trueup.registry.evidence import JudgedFor, evidence_of, record_of, verdict_of
from trueup.registry.history import History
from trueup.registry.records import Evidence, Judged
from trueup.registry.verdicts import keep_verdict, read_verdict
from trueup.store.scopes import TRUSTED

if TYPE_CHECKING:
    from trueup.gate.verdict import Verdict

_REST = "(rest)"


def known(
    subject: Subject, history: History, digests: Mapping[str, str]
) -> "tuple[Verdict, Evidence] | None":
    """Return the verdict that was given on exactly these digests, where this scope may read it."""
    for evidence in reversed(history.judged.get(digests["model"], ())):
        judged = (evidence.champion, evidence.data, evidence.rules, evidence.code)
        wanted = (digests["champion"], digests["data"], digests["rules"], digests["code"])
        if judged != wanted or evidence.basis != "test" or evidence.scope != TRUSTED:
            continue
        try:
            body = read_verdict(subject.registry.bucket, evidence.scope, evidence.verdict)
            return verdict_of(body, evidence.verdict), evidence
        except NotProven:
            continue  # lost or damaged: it is judged again
    return None


def record(subject: Subject, verdict: "Verdict") -> Evidence:
    """Keep a verdict in the scope that this writer has; where that is trusted, in the history.

    Only there it may lead to a promotion.
    """
    scope = subject.scope
    evidence = evidence_of(verdict, JudgedFor(subject.environment, scope.name))
    if scope.is_trusted:
        stamp = subject.stamp
        event = Judged(at=stamp.at, by=stamp.by, evidence=evidence)
        subject.registry.judge(subject.name, event, record_of(verdict))
    else:
        keep_verdict(subject.registry.bucket, scope.name, record_of(verdict))
    return evidence


def slices_before(subject: Subject, history: History) -> dict[str, list[str]]:
    """Return the values of each slice column that the champion's own verdict was given on."""
    promotions = history.standing(subject.environment).promotions
    if not promotions or not promotions[-1].verdict:
        return {}
    try:
        body = read_verdict(subject.registry.bucket, TRUSTED, promotions[-1].verdict)
        verdict = verdict_of(body, promotions[-1].verdict)
    except NotProven:
        return {}
    values: dict[str, set[str]] = {}
    for finding in verdict.findings:
        column, _, value = finding.slice.partition("=")
        if value and value != _REST:
            values.setdefault(column, set()).add(value)
    return {column: sorted(there) for column, there in values.items()}
