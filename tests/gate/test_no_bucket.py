"""Where the bucket is not to be had, it is not known what the champion is: open, and no first."""

import msgspec
import numpy as np
import pytest

from trueup.config.model_entries import GateEntry, RuleEntry
from trueup.delivery.delivering import ending_of
from trueup.delivery.judging import Judgement
from trueup.gate.comparing import Circumstances, compare
from trueup.gate.judging import judge
from trueup.gate.rows import Rows
from trueup.gate.rules import rules_of
from trueup.gate.verdict import Trap, Verdict
from trueup.registry.records import Evidence

VERSUS = RuleEntry(metric="roc_auc", versus="champion", margin=0.02)
EACH = RuleEntry(metric="recall", each="shop", versus="champion", margin=0.05)


def verdict(*rules: RuleEntry, champion: str = "no_bucket") -> Verdict:
    draw = np.random.default_rng(1)
    score = draw.random(600)
    truth = draw.random(600) < score
    shop = np.array(["a", "b"] * 300)
    table = Rows(task="binary", truth=truth, candidate=score, slices={"shop": shop})
    known = Circumstances(champion=champion)  # type: ignore[arg-type] # one of its words
    return judge(rules_of(GateEntry(rules=rules)), compare(table, known))


def ending(given: Verdict) -> str:
    none = Evidence("", "", "inconclusive", "", "", "")
    return ending_of(Judgement("shop/sale", "dev", given, none))


@pytest.mark.parametrize("rule", [VERSUS, EACH])
def test_a_rule_against_the_champion_is_open_and_stops_nobody(rule: RuleEntry) -> None:
    found = verdict(RuleEntry(metric="roc_auc", at_least=0.7), rule)
    assert found.word == "inconclusive"
    assert {one.reason for one in found.findings if one.word == "inconclusive"} == {"no_bucket"}
    assert found.lacks_only_bucket
    assert ending(found) == "done"


def test_what_fails_by_itself_fails() -> None:
    found = verdict(RuleEntry(metric="roc_auc", at_least=0.99), VERSUS)
    assert found.word == "fail"
    assert ending(found) == "failed"


def test_what_else_is_open_stays_open() -> None:
    first = verdict(RuleEntry(metric="roc_auc", at_least=0.7)).findings[0].candidate or 0.0
    found = verdict(RuleEntry(metric="roc_auc", at_least=first), VERSUS)
    assert found.word == "inconclusive"
    assert not found.lacks_only_bucket
    assert ending(found) == "open"


def test_a_trap_is_never_excused() -> None:
    trap = Trap("constant", "inconclusive", "all predictions are one")
    found = msgspec.structs.replace(verdict(VERSUS), traps=(trap,))
    assert not found.lacks_only_bucket


def test_a_first_model_is_still_let_through() -> None:
    found = verdict(RuleEntry(metric="roc_auc", at_least=0.7), VERSUS, champion="none")
    assert found.word == "pass"
