"""Verdicts as the registry keeps them: one that is known already, a new one recorded."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trueup.delivery.points import agrees
from trueup.delivery.subject import Subject
from trueup.errors import NotProven, WrongUsage
from trueup.registry.evidence import JudgedFor, evidence_of, record_of, verdict_of
from trueup.registry.history import History
from trueup.registry.records import Basis, Evidence, Judged
from trueup.registry.verdicts import keep_verdict, read_verdict
from trueup.store.scopes import TRUSTED

if TYPE_CHECKING:
    from trueup.gate.verdict import Verdict

_REST = "(rest)"


def known(
    subject: Subject,
    history: History,
    digests: Mapping[str, str],
    points: Mapping[str, float],
    basis: Basis = "test",
) -> "tuple[Verdict, Evidence] | None":
    """Return the verdict that was given on exactly these digests and points, if there is one."""
    if digests["champion"] == digests["model"]:
        return promoted_on(subject, history)
    for evidence in reversed(history.judged.get(digests["model"], ())):
        judged = (evidence.champion, evidence.data, evidence.rules, evidence.code)
        wanted = (digests["champion"], digests["data"], digests["rules"], digests["code"])
        if judged != wanted or evidence.basis != basis or evidence.scope != TRUSTED:
            continue
        verdict = _read(subject, evidence.verdict)
        if verdict is not None and agrees(verdict, points):
            return verdict, evidence
    return None


def promoted_on(subject: Subject, history: History) -> "tuple[Verdict, Evidence]":
    """Return the verdict that the live champion was promoted on; it is not judged against itself.

    WrongUsage where it was promoted without one.
    """
    promotion = history.standing(subject.environment).promotions[-1]
    evidence = history.evidence(promotion)
    verdict = _read(subject, evidence.verdict) if evidence else None
    if evidence is not None and verdict is not None:
        return verdict, evidence
    named = f"{subject.name}/{promotion.version} is the champion of {subject.environment}"
    if evidence is not None:
        raise WrongUsage(
            f"{named}, and the verdict {evidence.verdict[:12]} that it was promoted on is lost or"
            " damaged",
            remedy="Restore it from a copy of the bucket; see: trueup doctor --bucket",
        )
    raise WrongUsage(
        f"{named}, and was promoted without a verdict ({promotion.why or promotion.grounds})",
        remedy="Judge another version; the champion is what it is compared with.",
    )


def record(subject: Subject, verdict: "Verdict") -> Evidence:
    """Keep a verdict in the scope that this writer has; where that is trusted, in the history.

    Only there it may lead to a promotion.
    """
    scope = subject.scope
    evidence = evidence_of(verdict, JudgedFor(subject.environment, scope.name, verdict.basis))
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
    verdict = _read(subject, promotions[-1].verdict)
    if verdict is None:
        return {}
    values: dict[str, set[str]] = {}
    for finding in verdict.findings:
        column, _, value = finding.slice.partition("=")
        if value and value != _REST:
            values.setdefault(column, set()).add(value)
    return {column: sorted(there) for column, there in values.items()}


def _read(subject: Subject, digest: str) -> "Verdict | None":
    """Return a trusted verdict; None where it is lost or damaged: it can be given again."""
    try:
        return verdict_of(read_verdict(subject.registry.bucket, TRUSTED, digest), digest)
    except NotProven:
        return None
