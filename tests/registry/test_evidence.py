"""From the gate's verdict to evidence, and its record in the bucket."""

import msgspec
import pytest

from tests.registry.events import AT, CI, PROD, digest, registered, request
from trueup.errors import NotProven
from trueup.gate.spending import Spending
from trueup.gate.verdict import Finding, Interval, LeftOut, Verdict, sealed
from trueup.registry.evidence import JudgedFor, evidence_of, record_of, verdict_of
from trueup.registry.records import Judged
from trueup.registry.registry import Registry
from trueup.registry.verdicts import read_verdict
from trueup.store.memory import MemoryBucket


def finding(metric: str, lower: float | None, **other: object) -> Finding:
    found = Finding(
        rule=0,
        metric=metric,
        question="non_inferior",
        word="pass",
        reason="shown",
        says="",
        versus="champion",
        estimate=0.02,
        interval=Interval(lower, 0.1, 0.9),
    )
    return msgspec.structs.replace(found, **other)


def verdict(*findings: Finding, **other: object) -> Verdict:
    judged = Verdict(
        word="pass",
        reasons=("all rules pass",),
        findings=findings,
        confidence=0.95,
        alpha=0.05,
        spending=Spending(),
        rows=800,
        blocks="rows",
        left_out=LeftOut(),
        seed=1,
        resamples=2000,
        digests={
            "model": digest(1),
            "champion": "",
            "data": PROD.data,
            "rules": PROD.rules,
            "code": "code-1",
        },
    )
    return sealed(msgspec.structs.replace(judged, **other))


def test_a_verdict_becomes_evidence_and_its_record_proves_itself() -> None:
    registry = Registry(MemoryBucket())
    registry.register("flights/late", registered(1))
    given = verdict(finding("roc_auc", 0.01))
    event = Judged(at=AT, by=CI, evidence=evidence_of(given, JudgedFor("prod")))
    registry.judge("flights/late", event, record_of(given))
    record = read_verdict(registry.bucket, "trusted", given.digest)
    assert verdict_of(record, given.digest) == given
    made = registry.promote("flights/late", request(1))
    assert made is not None
    assert (made.grounds, made.verdict) == ("pass", given.digest)


@pytest.mark.parametrize(
    ("findings", "superior"),
    [
        ((), False),
        ((finding("roc_auc", 0.001),), True),
        ((finding("roc_auc", 0.0),), False),
        ((finding("roc_auc", None),), False),
        ((finding("roc_auc", 0.01), finding("log_loss", -0.01)), False),
        ((finding("roc_auc", 0.01), finding("recall", -0.1, slice="carrier=UA")), True),
        ((finding("roc_auc", 0.01), finding("roc_auc", -0.1, rule=-1)), True),
        ((finding("roc_auc", 0.01, versus="", question="at_least"),), False),
        ((finding("roc_auc", 0.01, evidence="point"),), False),
    ],
)
def test_superior_is_what_was_shown_better_in_every_metric(
    findings: tuple[Finding, ...], superior: bool
) -> None:
    assert evidence_of(verdict(*findings), JudgedFor()).superior is superior


def test_what_a_rule_leaves_open_goes_along() -> None:
    given = verdict(word="inconclusive", on_inconclusive="person", no_change=True)
    found = evidence_of(given, JudgedFor("prod", "pr/7", "trial"))
    assert (found.outcome, found.when_inconclusive, found.no_change) == (
        "inconclusive",
        "person",
        True,
    )
    assert (found.environment, found.scope, found.basis) == ("prod", "pr/7", "trial")
    assert evidence_of(verdict(finding("roc_auc", 0.1)), JudgedFor()).estimates == {"roc_auc": 0.02}


def test_a_verdict_that_is_not_sealed_is_no_evidence() -> None:
    for given in (
        msgspec.structs.replace(verdict(), digest=""),
        sealed(msgspec.structs.replace(verdict(), digests={})),
    ):
        with pytest.raises(NotProven):
            evidence_of(given, JudgedFor())


@pytest.mark.parametrize("record", [b"", b"[]", b'{"format":1}', b"{\0"])
def test_what_is_no_verdict_is_named(record: bytes) -> None:
    with pytest.raises(NotProven, match="is no verdict"):
        verdict_of(record, "0" * 64)


def test_a_verdict_that_was_changed_is_found_out() -> None:
    given = verdict()
    changed = record_of(given).replace(b'"rows":800', b'"rows":900')
    with pytest.raises(NotProven, match="not the one"):
        verdict_of(changed, given.digest)
