"""The digests of rules and code: what changes them, and what does not."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.config.model_entries import EvaluateEntry, GateEntry, ModelEntry, RuleEntry
from trueup.config.target_entries import TargetEntry
from trueup.registry.standards import code_digest, rules_digest

RULE = RuleEntry(metric="roc_auc", at_least=0.7)
MODEL = ModelEntry(
    path="model.bin",
    task="binary",
    evaluate=EvaluateEntry(data="test.csv", target="late", id="flight"),
    gate=GateEntry(rules=(RULE,)),
)


def with_gate(**changes: object) -> ModelEntry:
    return msgspec.structs.replace(MODEL, gate=msgspec.structs.replace(MODEL.gate, **changes))


def with_evaluate(**changes: object) -> ModelEntry:
    assert MODEL.evaluate is not None
    return msgspec.structs.replace(
        MODEL, evaluate=msgspec.structs.replace(MODEL.evaluate, **changes)
    )


@pytest.mark.parametrize(
    "changed",
    [
        with_gate(confidence=0.9),
        msgspec.structs.replace(MODEL, seen=("train.csv",)),
        with_gate(on_inconclusive="promote"),
        with_gate(reuse=5),
        with_gate(rules=()),
        with_gate(rules=(RULE, RULE)),
        with_gate(rules=(msgspec.structs.replace(RULE, at_least=0.71),)),
        with_gate(rules=(msgspec.structs.replace(RULE, evidence="point"),)),
        with_evaluate(target="early"),
        with_evaluate(group="tail"),
        with_evaluate(slices=("carrier",)),
        msgspec.structs.replace(MODEL, task="regression"),
        msgspec.structs.replace(MODEL, features=("carrier",)),
        msgspec.structs.replace(MODEL, evaluate=None),
    ],
)
def test_what_a_verdict_depends_on_changes_the_digest(changed: ModelEntry) -> None:
    assert rules_digest(changed) != rules_digest(MODEL)


@pytest.mark.parametrize(
    "same",
    [
        with_gate(mode="warn"),
        with_gate(confidence=0.95),
        with_evaluate(data="elsewhere.csv"),
        msgspec.structs.replace(MODEL, path="other.bin", promote="manual"),
    ],
)
def test_what_a_verdict_does_not_depend_on_leaves_it(same: ModelEntry) -> None:
    assert rules_digest(same) == rules_digest(MODEL)
    assert rules_digest(same, TargetEntry(approvals=2)) == rules_digest(MODEL)


def test_an_environments_rules_are_not_a_models_own() -> None:
    prod = TargetEntry(rules=(RuleEntry(metric="latency_p99_ms", at_most=20.0),))
    both = with_gate(rules=(*MODEL.gate.rules, *prod.rules))
    assert len({rules_digest(MODEL), rules_digest(MODEL, prod), rules_digest(both)}) == 3


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=3)))
def test_the_digest_of_code_knows_no_order(lineage: dict[str, str]) -> None:
    turned = dict(reversed(lineage.items()))
    assert code_digest(turned) == code_digest(lineage)
    assert code_digest({**lineage, "new stage": "key"}) != code_digest(lineage)


def test_no_stages_no_code() -> None:
    assert code_digest({}) == ""


def test_a_limit_written_as_a_whole_number_is_the_same_limit() -> None:
    whole = with_gate(rules=(msgspec.structs.replace(RULE, at_least=20),))
    broken = with_gate(rules=(msgspec.structs.replace(RULE, at_least=20.0),))
    assert rules_digest(whole) == rules_digest(broken)
