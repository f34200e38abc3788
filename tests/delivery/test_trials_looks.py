"""Looking again and again at a growing trial errs no more often than is declared."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.config.model_entries import GateEntry, RuleEntry
from trueup.delivery.trials.looks import Look, counted
from trueup.gate.comparing import Circumstances, compare
from trueup.gate.judging import judge
from trueup.gate.rows import Rows
from trueup.gate.rules import rules_of
from trueup.gate.spending import Spending
from trueup.registry.records import Identity

DAY = datetime(2026, 11, 1, tzinfo=UTC)
BY = Identity("ada@example.org")


def look(model: str, data: str, first: int, last: int) -> Look:
    """Return a look at rows from one day to another."""
    return Look(
        model=model,
        champion="a",
        data=data,
        first=DAY + timedelta(days=first),
        last=DAY + timedelta(days=last),
        at=DAY,
        by=BY,
    )


@st.composite
def looks(draw: st.DrawFn) -> list[Look]:
    """Return looks at some challengers, each at other rows."""
    found = []
    for k in range(draw(st.integers(1, 12))):
        first = draw(st.integers(0, 9))
        last = draw(st.integers(first, 10))
        found.append(look(draw(st.sampled_from("xyz")), f"rows {k}", first, last))
    return found


def alphas(listed: list[Look]) -> list[float]:
    """Return the error that each look may spend."""
    return [Spending(use=counted(one, listed[:at])).alpha(0.95) for at, one in enumerate(listed)]


@given(looks())
def test_all_looks_at_one_challenger_spend_no_more_than_is_declared(listed: list[Look]) -> None:
    spent = list(zip(listed, alphas(listed), strict=True))
    for model in "xyz":
        assert sum(alpha for one, alpha in spent if one.model == model) <= 0.05


@given(looks())
def test_all_looks_at_rows_of_one_moment_spend_no_more_than_is_declared(listed: list[Look]) -> None:
    spent = list(zip(listed, alphas(listed), strict=True))
    for day in range(11):
        moment = DAY + timedelta(days=day)
        assert sum(alpha for one, alpha in spent if one.first <= moment <= one.last) <= 0.05


def test_a_look_at_the_same_rows_counts_once_and_one_at_others_more() -> None:
    before = [look("x", "a", 0, 2), look("x", "a", 0, 2), look("y", "b", 5, 6)]
    assert counted(look("x", "c", 0, 4), before) == 2
    assert counted(look("x", "c", 0, 5), before) == 3
    assert counted(look("z", "d", 8, 9), before) == 1


def _wrong_passes(pairs: int, *, spend: bool) -> int:
    """Count pairs of models, the new one worse by just the margin, that pass one of eight looks."""
    gate = GateEntry(rules=(RuleEntry(metric="accuracy", versus="champion", margin=0.05),))
    known = Circumstances(seed=1, basis="trial")
    passed = 0
    for pair in range(pairs):
        draw = np.random.default_rng([7, pair])
        truth = draw.integers(0, 2, 2000)
        own, other = (draw.random(2000) for _ in range(2))
        champion = np.where(own < 0.8, truth, 1 - truth)
        candidate = np.where(other < 0.75, truth, 1 - truth)
        for nth in range(1, 9):
            rows = slice(0, 250 * nth)
            table = Rows(
                task="binary",
                truth=truth[rows],
                candidate=candidate[rows].astype(float),
                champion=champion[rows].astype(float),
            )
            verdict = judge(rules_of(gate, use=nth if spend else 1), compare(table, known))
            if verdict.word == "pass":
                passed += 1
                break
    return passed


@pytest.mark.slow
def test_peeking_at_a_growing_trial_errs_no_more_than_is_declared() -> None:
    pairs = 300
    assert _wrong_passes(pairs, spend=True) <= 0.06 * pairs
    assert _wrong_passes(pairs, spend=False) > 0.06 * pairs
