from dataclasses import replace
from datetime import timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.monitoring.performance.answered import DAY, HOUR, binary, moment, numbers
from trueup.errors import NotProven, WrongUsage
from trueup.monitoring.maturity import NEVER
from trueup.monitoring.performance.answers import Answers, cohorts
from trueup.monitoring.performance.performing import (
    Asked,
    Before,
    Judged,
    followed,
    judged,
    performance,
    reference_values,
)
from trueup.monitoring.performance.records import (
    Performance,
    decode_performance,
    encode_performance,
)

ASKED = Asked(("roc_auc", "accuracy"), window_s=86_400.0, mature_after_s=2 * 86_400.0)
REFERENCE = judged(binary(6000, 20, 1), ASKED)


def _late(rows: int, days: float, mean_days: float = 1.0, seed: int = 5) -> Answers:
    """Return answers whose labels come late, each after a time of its own."""
    made = binary(rows, days, seed)
    delays = np.random.default_rng(seed).exponential(mean_days, rows) * DAY
    return replace(made, labelled_at=made.at + delays.astype(np.int64))


def _at(rows: Answers, day: int, now: float, reference: Judged = REFERENCE) -> Performance:
    return performance(rows, moment(day), reference, moment(now))


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_cohorts_are_by_time_of_capture_whatever_the_order_of_arrival(seed: int) -> None:
    rows = _late(300, 3)
    order = np.random.default_rng(seed).permutation(300)
    shuffled = rows.only(order)
    for (begin, one), (other_begin, other) in zip(
        cohorts(rows, DAY), cohorts(shuffled, DAY), strict=True
    ):
        assert begin == other_begin
        assert ((one.at >= begin) & (one.at < begin + DAY)).all()
        assert (one.at == other.at).all()
        assert (one.predicted == other.predicted).all()


def test_a_window_holds_what_was_captured_in_it_however_late_its_labels_came() -> None:
    rows = _late(3000, 3)
    found = _at(rows, 1, 30)
    assert found.rows == 1000
    assert found.coverage.labelled == 1000
    headline = found.headline("roc_auc")
    assert headline is not None
    assert headline.rests == "all rows"
    assert headline.lower is not None
    assert headline.upper is not None
    assert headline.value is not None
    assert headline.lower < headline.value < headline.upper


def test_labels_that_come_later_change_nothing_that_was_said_before() -> None:
    rows = _late(3000, 3)
    known = rows.labelled_at
    assert known is not None
    then = replace(rows, labelled_at=np.where(known <= 3 * DAY, known, NEVER))
    assert _at(rows, 1, 3) == _at(then, 1, 3)


def test_a_young_window_is_shown_and_said_to_be_immature() -> None:
    rows = _late(3000, 3)
    young, old = _at(rows, 1, 3), _at(rows, 1, 4)
    assert not young.maturity.mature
    assert young.maturity.come is not None
    assert 0.5 < young.maturity.come < 0.95
    headline = young.headline("accuracy")
    assert headline is not None
    assert headline.name == "accuracy on labelled rows"
    assert old.maturity.mature


def test_labels_of_accepted_rows_alone_are_not_taken_for_those_of_all() -> None:
    rows = binary(6000, 1, 2)
    accepted = rows.predicted > 0.5
    seen = replace(
        rows, observed=accepted, labelled_at=np.where(accepted, rows.at, NEVER).astype(np.int64)
    )
    found = _at(seen, 0, 9)
    headline = found.headline("accuracy")
    assert headline is not None
    assert headline.name == "accuracy on labelled rows"
    assert "never get a label" in found.reasons[0]
    bands = found.coverage.by_score
    assert bands[0].labelled == 0
    assert bands[-1].labelled == bands[-1].rows == bands[-1].observed


def test_explored_rows_and_accepted_ones_together_stand_for_all() -> None:
    rows = binary(40_000, 1, 3)
    accepted = rows.predicted > 0.4
    drawn = np.random.default_rng(1).random(40_000) < 0.1
    seen = replace(
        rows,
        observed=accepted,
        explored=np.where(drawn, 0.1, np.nan),
        labelled_at=np.where(accepted | drawn, rows.at, NEVER).astype(np.int64),
    )
    truth = _at(rows, 0, 9).headline("roc_auc")
    found = {one.rests: one for one in _at(seen, 0, 9).realised if one.metric == "roc_auc"}
    assert truth is not None
    assert truth.value is not None
    biased = found["labelled rows"].value
    assert biased is not None
    assert abs(biased - truth.value) > 0.02
    for rests in ("weighted rows", "explored rows"):
        one = found[rests]
        assert one.value is not None
        assert one.lower is not None
        assert one.upper is not None
        assert one.value == pytest.approx(truth.value, abs=0.015)
        assert one.lower <= truth.value <= one.upper
    assert found["weighted rows"].se is not None
    assert found["explored rows"].se is not None
    assert found["weighted rows"].se < found["explored rows"].se


@settings(max_examples=8)
@given(st.integers(0, 1000))
def test_inverse_propensities_are_right_on_average(seed: int) -> None:
    rows = binary(20_000, 1, seed)
    chance = 0.1 + 0.8 * rows.predicted
    came = np.random.default_rng(seed + 1).random(20_000) < chance
    seen = replace(
        rows, propensity=chance, labelled_at=np.where(came, rows.at, NEVER).astype(np.int64)
    )
    truth, found = (_at(each, 0, 9).headline("accuracy") for each in (rows, seen))
    assert truth is not None
    assert truth.value is not None
    assert found is not None
    assert found.rests == "weighted rows"
    assert found.value == pytest.approx(truth.value, abs=0.02)


@pytest.mark.parametrize(
    ("chance", "says"),
    [(0.001, "propensity below 0.01"), (0.0, "never get a label")],
)
def test_propensities_that_are_too_small_are_refused(chance: float, says: str) -> None:
    rows = binary(2000, 1, 2)
    shares = np.where(rows.predicted < 0.1, chance, 0.9)
    found = _at(replace(rows, propensity=shares, labelled_at=rows.at), 0, 9)
    assert says in found.reasons[0]
    assert all(one.rests != "weighted rows" for one in found.realised)


def test_too_few_weighted_rows_are_refused() -> None:
    rows = binary(100, 1, 2)
    came = np.where(np.arange(100) < 20, rows.at, NEVER).astype(np.int64)
    found = _at(replace(rows, propensity=np.full(100, 0.2), labelled_at=came), 0, 9)
    assert "are worth 20, and 50 are asked for" in found.reasons[0]


def test_rows_of_one_group_stand_or_fall_together() -> None:
    rows = binary(3000, 1, 4)
    copies = np.tile(np.arange(300), 10)  # which lie far apart in time
    same = replace(rows, predicted=rows.predicted[copies], truth=rows.truth[copies])
    alone = _at(same, 0, 9).headline("accuracy")
    together = _at(replace(same, group=copies), 0, 9).headline("accuracy")
    assert alone is not None
    assert together is not None
    assert alone.se is not None
    assert together.se is not None
    assert together.se > 1.5 * alone.se


def test_a_window_of_one_class_has_no_area_and_says_why() -> None:
    rows = binary(500, 1, 2, truth=np.zeros(500, dtype=np.int64))
    (area, accuracy) = _at(rows, 0, 9).realised
    assert area.value is None
    assert "a class is missing" in area.reason
    assert accuracy.value is not None


def test_an_empty_window_is_told_plainly() -> None:
    found = _at(_late(300, 3), 50, 60)
    assert found.rows == 0
    assert found.headline("accuracy") is None
    assert "no row was captured in this window" in found.reasons
    assert found.estimated[0].reasons == ("the window has no rows",)


def test_estimates_are_there_before_any_label() -> None:
    rows = replace(binary(1000, 1, 6), truth=None)
    found = _at(rows, 0, 1)
    made = found.estimate("roc_auc")
    assert found.headline("roc_auc") is None
    assert made is not None
    assert made.lower is not None
    assert made.upper is not None
    later = _at(binary(1000, 1, 6), 0, 9).headline("roc_auc")
    assert later is not None
    assert later.value is not None
    assert made.lower <= later.value <= made.upper


def test_past_estimates_are_the_first_of_each_window_with_what_came_true_once_mature() -> None:
    rows = _late(5000, 5)
    early = [_at(rows, day, day + 1) for day in range(5)]
    again = [_at(rows, day, day + 2) for day in range(5)]
    late = [_at(rows, day, day + 3) for day in range(3)]
    past = followed([*again, *early], [*early, *late])
    assert len(past["accuracy"]) == 3
    for day, one in enumerate(past["accuracy"]):
        made, came = early[day].estimate("accuracy"), late[day].headline("accuracy")
        assert made is not None
        assert came is not None
        assert (one.estimated, one.lower, one.realised) == (made.value, made.lower, came.value)
    known = performance(rows, moment(4), REFERENCE, moment(5), Before(past=past))
    made = known.estimate("accuracy")
    assert made is not None
    assert made.past_windows == 3 + 20


def test_a_record_comes_back_as_it_was_stored() -> None:
    found = _at(_late(3000, 3), 1, 4)
    assert decode_performance(encode_performance(found)) == found


def test_a_record_of_a_newer_trueup_is_refused() -> None:
    newer = msgspec.json.encode(msgspec.structs.replace(_at(_late(300, 3), 1, 4), format=2))
    with pytest.raises(NotProven, match="format 2"):
        decode_performance(newer)
    with pytest.raises(NotProven, match="cannot be read"):
        decode_performance(b'{"format":1}')


def test_the_references_own_windows_are_realised_and_estimated() -> None:
    assert len(reference_values(REFERENCE, "accuracy", "realised")) == 20
    assert len(reference_values(REFERENCE, "accuracy", "estimated")) == 20


def test_a_regression_is_told_in_the_same_way() -> None:
    asked = Asked(("mean_absolute_error",), mature_after_s=0.0)
    reference = judged(numbers(3000, 12, 1), asked)
    found = performance(numbers(600, 1, 3), moment(0), reference, moment(2))
    came, made = found.headline("mean_absolute_error"), found.estimate("mean_absolute_error")
    assert came is not None
    assert came.value is not None
    assert made is not None
    assert made.method == "DLE"
    assert made.lower is not None
    assert made.upper is not None
    assert made.lower <= came.value <= made.upper


def test_what_is_no_metric_of_the_task_is_refused_at_once() -> None:
    with pytest.raises(WrongUsage, match="there is no metric 'rmse'"):
        judged(binary(500, 2), Asked(("rmse",)))
    with pytest.raises(WrongUsage, match="no labelled rows"):
        judged(replace(binary(500, 2), truth=None), ASKED)
    with pytest.raises(WrongUsage, match="predicted has 500 rows, the times 3"):
        replace(binary(500, 2), at=np.arange(3))


def test_intervals_name_their_blocks_in_the_time_they_span() -> None:
    rows = binary(3000, 1, 3)
    assert int(rows.at[1] - rows.at[0]) < HOUR
    one = _at(rows, 0, 9).headline("accuracy")
    assert one is not None
    assert one.method.startswith("blocks of 12 min")
    assert moment(1) - moment(0) == timedelta(days=1)
