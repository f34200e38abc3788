"""The alarm rule: what alarms, when an incident starts, and how many a reference may show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped] # SciPy ships no types

from trueup.errors import WrongUsage
from trueup.monitoring.calibration.incidents import (
    alarms,
    chance_of_one,
    futures,
    lowest,
    share_of_stretches,
    spared,
    spared_of,
    started,
    stretches,
)
from trueup.monitoring.calibration.records import Promise, Rule

RULES = st.builds(
    lambda hits, more, quiet: Rule(hits, hits + more, quiet),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(1, 5),
)


@given(exceeded=st.lists(st.booleans(), min_size=1, max_size=60), rule=RULES)
def test_alarms_and_incidents_are_those_that_one_check_after_the_other_finds(
    exceeded: list[bool], rule: Rule
) -> None:
    alarmed: list[bool] = []
    starts = 0
    for at, now in enumerate(exceeded):
        hits = sum(exceeded[max(0, at - rule.of + 1) : at + 1])
        alarm = now and hits >= rule.hits
        starts += alarm and not any(alarmed[max(0, at - rule.quiet) : at])
        alarmed.append(alarm)
    found = alarms(np.array(exceeded), rule)
    assert found.tolist() == alarmed
    assert int(started(found, rule.quiet)) == starts


@pytest.mark.parametrize("expected", [0.5, 2.2, 2.4, 4.06, 8.1, 40.0])
def test_so_many_are_spared_as_a_broken_promise_would_show_in_one_of_ten(expected: float) -> None:
    k = spared(expected, 0.9)
    assert k < 0 or stats.poisson.cdf(k, expected) <= 0.1
    assert stats.poisson.cdf(k + 1, expected) > 0.1


@pytest.mark.parametrize(("count", "share"), [(20, 0.24), (60, 0.08), (10, 0.1), (300, 0.5)])
def test_of_stretches_so_many_are_spared_as_the_binomial_allows(count: int, share: float) -> None:
    k = spared_of(count, share, 0.9)
    assert k < 0 or stats.binom.cdf(k, count, share) <= 0.1
    assert stats.binom.cdf(k + 1, count, share) > 0.1


@given(st.integers(0, 2**32), st.integers(0, 6), RULES)
def test_the_lowest_threshold_allows_as_many_incidents_and_no_more(
    seed: int, allowed: int, rule: Rule
) -> None:
    scores = np.random.default_rng(seed).normal(size=(1, 80))
    at = lowest(scores, rule, allowed)
    assert int(started(alarms(scores > at, rule), rule.quiet)[0]) <= allowed


def test_without_a_quiet_time_to_speak_of_the_lowest_threshold_is_an_order_statistic() -> None:
    scores = np.random.default_rng(1).permutation(1000.0 * np.arange(50))[None]
    spread = np.full((1, 150), -1.0)
    spread[0, ::3] = scores[0]
    assert lowest(spread, Rule(quiet=1), 4) == 45_000


def test_two_of_three_windows_are_exceeded_by_chance_as_often_as_theory_says() -> None:
    share = chance_of_one(1 / 90, Rule(2, 3))
    assert 0.07 < share < 0.09  # 2 p^2 and a little for what follows within the quiet time


def test_futures_are_made_of_the_reference_s_stretches() -> None:
    cut = stretches(np.arange(31.0), 3)
    assert cut.shape == (10, 3)
    drawn = futures(cut, Rule(2, 3))
    assert drawn.shape[1] % 3 == 0
    assert set(np.diff(drawn.reshape(-1, 3), axis=1).ravel()) == {1.0}


@pytest.mark.parametrize("wrong", [(0, 1, 7), (3, 2, 7), (1, 1, 0)])
def test_a_rule_that_cannot_be_met_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(WrongUsage):
        Rule(*wrong)


def test_shares_divide_a_promise_and_never_add_up_to_more() -> None:
    parts = Promise(share=0.5).divided({"drift": 0.6, "performance": 0.4})
    assert [each.share for each in parts.values()] == pytest.approx([0.3, 0.2])
    with pytest.raises(WrongUsage):
        Promise().divided({"drift": 0.9, "performance": 0.2})


def test_of_what_exceeds_in_company_less_is_spared() -> None:
    pairs = Rule(2, 3)
    shares = [share_of_stretches(1 / 900, pairs, 5, each) for each in (0.0, 0.4, 0.8)]
    assert shares[0] == 1 - (1 - chance_of_one(1 / 900, pairs)) ** 5
    assert shares[0] > 1.5 * shares[1] > 1.5 * shares[2]
