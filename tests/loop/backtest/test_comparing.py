"""Policies on the same rows: who is better, how sure that is, and when nothing may be said."""

from datetime import UTC, datetime
from math import isclose

import numpy as np
import pytest

from tests.loop.backtest.streams import answered, rows_of
from trueup.errors import WrongUsage
from trueup.gate.arrays import Floats
from trueup.loop.backtest.comparing import Asked, best_of, compare, levels
from trueup.loop.backtest.records import Comparison, Scored

sklearn = pytest.importorskip("sklearn.metrics")

DAYS = 120
ROWS = rows_of(DAYS, 60)[0]
AUTUMN = datetime(2013, 5, 1, tzinfo=UTC)


def flat(height: float) -> Floats:
    return np.full(1, height)  # the same for every row


def asked(*metrics: str, **more: object) -> Asked:
    return Asked(task="binary", metrics=metrics or ("roc_auc",), **more)  # type: ignore[arg-type]  # of the test's own


def only(found: tuple[Comparison, ...], policy: str, against: str = "never") -> Comparison:
    (one,) = (each for each in found if (each.policy, each.against) == (policy, against))
    return one


def test_a_policy_that_is_better_by_far_is_called_so_whichever_way_the_metric_goes() -> None:
    scored = answered(1, {"never": flat(0.6), "yours": flat(1.4)}, days=DAYS)
    for one in compare(scored, asked("roc_auc", "log_loss", "average_precision", "f1@0.4")):
        assert one.word == "better", one.metric
        assert one.low is not None
        assert 0 < one.low < (one.difference or 0.0)


def test_the_difference_is_that_of_the_mean_monthly_scores() -> None:
    lifts = {"never": flat(0.8), "yours": np.where(ROWS > 70, 1.2, 0.8)}
    scored = answered(2, lifts, days=DAYS)
    scored.predictions["yours"][ROWS <= 70] = scored.predictions["never"][ROWS <= 70]
    metrics = ("roc_auc", "average_precision", "log_loss", "matthews_corrcoef@0.4")
    value = {(one.policy, one.metric): one.value for one in levels(scored, asked(*metrics))}
    for one in compare(scored, asked(*metrics)):
        apart = value["yours", one.metric] - value["never", one.metric]
        turned = -apart if one.metric == "log_loss" else apart
        assert one.difference is not None
        assert isclose(one.difference, turned, rel_tol=1e-6), one.metric


def test_a_score_is_scikit_learns_month_by_month_with_the_weight_of_its_rows() -> None:
    scored = answered(3, {"never": flat(0.8)}, days=75)
    (found,) = levels(scored, asked("auc"))
    months = scored.time.astype("datetime64[M]")
    each = [
        sklearn.roc_auc_score(scored.target[months == m], scored.predictions["never"][months == m])
        for m in np.unique(months)
    ]
    weights = np.unique(months, return_counts=True)[1]
    assert isclose(found.value, np.average(each, weights=weights), rel_tol=1e-12)
    assert (found.rows, found.months) == (75 * 60, 3)


def test_policies_that_predict_the_same_are_the_same() -> None:
    scored = answered(4, {"never": flat(1.0)}, days=40)
    scored.predictions["yours"] = scored.predictions["never"].copy()
    (one,) = compare(scored, asked())
    assert (one.word, one.difference, one.low, one.high) == ("the same", 0.0, 0.0, 0.0)
    assert not one.exploratory


def test_what_cannot_be_told_is_undecided_and_says_what_could_have_been_found() -> None:
    scored = answered(5, {"never": flat(1.0), "yours": flat(1.01)}, days=40)
    (one,) = compare(scored, asked())
    assert one.word == "undecided"
    assert one.detectable is not None
    assert one.detectable > 0.01


def test_a_few_days_of_difference_are_too_few_to_judge_by() -> None:
    scored = answered(6, {"never": flat(1.0), "yours": flat(1.0)}, days=40)
    same = (ROWS[: 40 * 60] != 5) | (np.arange(40 * 60) % 10 != 0)
    scored.predictions["yours"][same] = scored.predictions["never"][same]
    (one,) = compare(scored, asked())
    assert one.word == "undecided"
    assert one.says == "the two models differ on too few rows"


def test_intervals_of_several_policies_are_wider_and_exploratory() -> None:
    alone = answered(7, {"never": flat(0.9), "yours": flat(1.0)}, days=DAYS)
    many = answered(7, {"never": flat(0.9), "yours": flat(1.0), "monthly": flat(1.1)}, days=DAYS)
    narrow, wide = (only(compare(one, asked()), "yours") for one in (alone, many))
    assert (narrow.together, wide.together) == (1, 3)
    assert (narrow.exploratory, wide.exploratory) == (False, True)
    assert isclose(narrow.difference or 0.0, wide.difference or 1.0)
    assert (wide.low or 0.0) < (narrow.low or 0.0)


def test_policies_that_predict_the_same_are_one_comparison() -> None:
    scored = answered(7, {"never": flat(0.9), "monthly": flat(1.1)}, days=DAYS)
    scored.predictions["monthly, gated"] = scored.predictions["monthly"]
    scored.predictions["drift"] = scored.predictions["never"]
    found = compare(scored, asked(twins={"monthly, gated": "monthly"}))
    one, other = only(found, "monthly"), only(found, "monthly, gated")
    assert (one.together, one.exploratory) == (1, False)
    assert (one.low, one.high) == (other.low, other.high)
    assert only(found, "monthly, gated", "monthly").word == "the same"


def test_a_gated_policy_is_compared_with_its_twin() -> None:
    lifts = {"never": flat(0.8), "monthly": flat(1.0), "monthly, gated": flat(1.0)}
    scored = answered(8, lifts, days=DAYS)
    found = compare(scored, asked(twins={"monthly, gated": "monthly"}))
    assert only(found, "monthly, gated", "monthly").word == "undecided"
    assert len(found) == 3


def test_the_best_of_the_earlier_part_is_tested_once_on_the_later_one() -> None:
    lifts = {"never": flat(0.7), "yours": flat(0.7), "monthly": flat(1.2)}
    first, *_ = compare(answered(9, lifts, days=DAYS), asked(confirm_from=AUTUMN))
    assert (first.policy, first.against, first.word) == ("monthly", "yours", "better")
    assert first.confirmed_on == "2013-05-01 to 2013-06-28"
    assert (first.exploratory, first.together, first.rows) == (False, 1, 59 * 60)


def test_what_was_best_by_chance_is_not_confirmed() -> None:
    late = ROWS >= 61
    lifts = {"never": flat(0.9), "yours": np.where(late, 0.4, 1.4)}
    first, *_ = compare(answered(10, lifts, days=DAYS), asked(confirm_from=AUTUMN))
    assert (first.policy, first.against, first.word) == ("yours", "never", "worse")


def test_numbers_are_compared_as_classes_are() -> None:
    rng = np.random.default_rng(11)
    truth = rng.normal(size=len(ROWS))
    off = {"never": 1.0, "yours": 0.7}
    predictions = {name: truth + rng.normal(size=len(ROWS)) * one for name, one in off.items()}
    time = answered(11, {}, days=DAYS).time
    scored = Scored(time, truth, predictions)
    metrics = ("root_mean_squared_error", "mean_absolute_error", "r2")
    found = compare(scored, Asked(task="regression", metrics=metrics))
    assert [one.word for one in found] == ["better"] * 3
    for name, best in zip(metrics, (False, False, True), strict=True):
        scores = levels(scored, Asked(task="regression", metrics=metrics))
        assert best_of(scores, name, higher=best) == "yours"


def test_a_month_without_one_of_the_classes_is_left_out_of_what_needs_both() -> None:
    scored = answered(12, {"never": flat(0.8), "yours": flat(1.2)}, days=DAYS)
    april = scored.time.astype("datetime64[M]") == np.datetime64("2013-04")
    scored.target[april] = 0
    area, loss = compare(scored, asked("roc_auc", "log_loss"))
    assert (area.rows, loss.rows) == (90 * 60, 120 * 60)
    assert area.word == "better"


def test_a_month_that_rests_on_a_single_day_is_left_out() -> None:
    scored = answered(15, {"never": flat(0.8), "yours": flat(1.2)}, days=DAYS)
    april = scored.time.astype("datetime64[M]") == np.datetime64("2013-04")
    scored.target[april & (scored.time >= np.datetime64("2013-04-02"))] = 0
    area, loss = compare(scored, asked("roc_auc", "log_loss"))
    assert (area.rows, area.word, loss.rows) == (90 * 60, "better", 120 * 60)
    (short,) = levels(answered(15, {"never": flat(0.8)}, days=62), asked())
    assert (short.months, short.rows) == (2, 61 * 60)  # the 1st of May is a month by itself


def test_rows_that_a_policy_could_not_answer_count_for_none() -> None:
    scored = answered(13, {"never": flat(0.8), "yours": flat(1.2)}, days=DAYS)
    scored.predictions["yours"][:600] = np.nan
    (one,) = compare(scored, asked())
    assert one.rows == 120 * 60 - 600


def test_a_task_whose_rows_stand_in_groups_is_refused() -> None:
    scored = answered(14, {"never": flat(0.8)}, days=4)
    with pytest.raises(WrongUsage, match="ranking"):
        levels(scored, Asked(task="ranking", metrics=("ndcg",)))


@pytest.mark.slow
@pytest.mark.parametrize(("policies", "metric"), [(2, "roc_auc"), (2, "log_loss"), (4, "roc_auc")])
def test_policies_of_equal_quality_are_told_apart_by_chance_alone(
    policies: int, metric: str
) -> None:
    names = ("never", "yours", "monthly", "on drift")[:policies]
    told = 0
    backtests = 120 // policies
    for seed in range(backtests):
        lifts = dict.fromkeys(names, flat(1.0))
        scored = answered(seed, lifts, days=DAYS, a_day=30, together=0.5)
        found = compare(scored, asked(metric))
        told += any(one.word in ("better", "worse") for one in found)
    assert told <= 0.07 * backtests
