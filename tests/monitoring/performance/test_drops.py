import numpy as np
import pytest

from tests.monitoring.performance.answered import binary, moment
from trueup.errors import WrongUsage
from trueup.monitoring.calibration.records import Plan, Promise, Rule
from trueup.monitoring.performance.dropping import (
    DropPlan,
    DropThreshold,
    WindowValue,
    drop_threshold,
    dropped,
    series,
)
from trueup.monitoring.performance.past import PastEstimate, past_error, trust
from trueup.monitoring.performance.performing import Asked, judged, performance
from trueup.monitoring.performance.showing import performance_blocks
from trueup.reporting.blocks import Chart, Report, Table, Text, Verdict
from trueup.reporting.html import render_html
from trueup.reporting.terminal import render_text

SE = 0.01


def _values(count: int, seed: int = 0, level: float = 0.8) -> list[WindowValue]:
    random = np.random.default_rng(seed)
    return [WindowValue(float(each), SE) for each in random.normal(level, SE, count)]


def _declared(rule: Rule = Rule(), against: float | None = None) -> DropPlan:  # noqa: B008 - frozen
    plan = Plan(promise=Promise(share=0.2), rule=rule)
    return DropPlan("accuracy", True, 0.02, against, plan)


def _threshold(count: int = 1300) -> DropThreshold:
    return drop_threshold(_values(count), _declared())


def test_a_long_reference_supports_the_declared_share_of_false_alarms() -> None:
    threshold = _threshold()
    assert threshold.support.claimed
    expected = Promise(share=0.2).expected(365 * 86_400)
    started = []
    for seed in range(40):
        year = [dropped(threshold, one).significant for one in _values(365, 100 + seed)]
        started.append(sum(year))
    assert float(np.mean(started)) <= expected


def test_a_short_reference_claims_nothing_and_says_how_much_would_do() -> None:
    threshold = _threshold(60)
    assert not threshold.support.claimed
    assert "No rate is claimed" in threshold.support.says
    assert not dropped(threshold, WindowValue(0.78, SE)).claimed


def test_too_few_windows_are_refused() -> None:
    with pytest.raises(WrongUsage, match="9 windows of accuracy"):
        drop_threshold(_values(9), _declared())


def test_a_drop_must_be_significant_and_material() -> None:
    threshold = _threshold()
    deep = dropped(threshold, WindowValue(0.72, SE))
    small = dropped(threshold, WindowValue(0.79, 0.0005))
    noisy = dropped(threshold, WindowValue(0.7, 0.2))
    better = dropped(threshold, WindowValue(0.9, SE))
    assert (deep.alarmed, deep.significant, deep.material) == (True, True, True)
    assert not small.material
    assert not small.alarmed
    assert not noisy.alarmed
    assert not better.alarmed
    assert "worse than 0.7997" in deep.reasons[0]


def test_of_errors_more_is_worse() -> None:
    declared = DropPlan("log_loss", False, 0.02, None, _declared().plan)
    threshold = drop_threshold(_values(1300), declared)
    assert dropped(threshold, WindowValue(0.9, SE)).alarmed
    assert not dropped(threshold, WindowValue(0.7, SE)).alarmed


def test_material_is_told_against_the_champions_own_value() -> None:
    threshold = drop_threshold(_values(1300), _declared(against=0.74))
    found = dropped(threshold, WindowValue(0.735, SE))
    assert found.significant
    assert not found.material


def test_two_of_three_windows_alarm_where_that_is_the_rule() -> None:
    threshold = drop_threshold(_values(1300), _declared(Rule(2, 3)))
    low = WindowValue(0.7, SE)
    assert not dropped(threshold, low).alarmed
    assert dropped(threshold, low, "realised", (True, False)).alarmed
    assert not dropped(threshold, WindowValue(0.8, SE), "realised", (True, True)).alarmed


def test_immature_windows_are_never_judged() -> None:
    asked = Asked(("accuracy",), mature_after_s=5 * 86_400.0)
    reference = judged(binary(3000, 12, 1), asked)
    window = performance(binary(500, 1, 2), moment(0), reference, moment(2))
    assert window.headline("accuracy") is not None
    assert series([window], "accuracy", "realised") == [None]
    found = dropped(_threshold(), None)
    assert (found.alarmed, found.reasons) == (False, ("labels are not mature yet",))


def _past(inside: int, outside: int) -> list[PastEstimate]:
    good = PastEstimate(0.8, 0.01, 0.805, 0.78, 0.82)
    bad = PastEstimate(0.8, 0.01, 0.75, 0.78, 0.82)
    return [good] * inside + [bad] * outside


@pytest.mark.parametrize(
    ("inside", "outside", "may"),
    [(0, 0, True), (1, 0, True), (9, 1, True), (8, 2, True), (7, 3, False), (0, 2, False)],
)
def test_an_estimate_that_left_its_band_too_often_may_not_trigger(
    inside: int, outside: int, may: bool
) -> None:
    found = trust(_past(inside, outside))
    assert found.may_trigger is may
    assert found.why


def test_old_misses_are_forgiven_once_the_band_has_held_for_long() -> None:
    assert not trust(_past(0, 5)).may_trigger
    assert trust([*_past(0, 5), *_past(24, 0)]).may_trigger


def test_an_estimate_that_is_not_trusted_alarms_nobody_whatever_it_says() -> None:
    threshold, low = _threshold(), WindowValue(0.7, SE)
    assert dropped(threshold, low, "estimated", (), trust(_past(5, 0))).alarmed
    found = dropped(threshold, low, "estimated", (), trust(_past(0, 5)))
    assert found.dropped
    assert not found.alarmed
    assert "may not trigger by itself" in found.reasons[-1]


def test_past_error_is_what_is_beyond_chance() -> None:
    chance = [PastEstimate(0.8 + off, 0.02, 0.8) for off in (0.02, -0.02, 0.01, -0.01)]
    assert past_error(chance, ()) == 0
    assert past_error(chance, [PastEstimate(0.9, 0.0, 0.8)]) == pytest.approx(0.1)


def test_a_report_shows_windows_bands_maturity_and_what_is_assumed() -> None:
    asked = Asked(("accuracy",), mature_after_s=86_400.0)
    reference = judged(binary(3000, 12, 1), asked)
    rows = binary(1500, 3, 2)
    windows = [performance(rows, moment(day), reference, moment(3)) for day in range(3)]
    threshold = _threshold()
    drops = {"2013-01-01": dropped(threshold, WindowValue(0.7, SE))}
    blocks = performance_blocks(windows, "accuracy", None, trust(_past(3, 0)), drops)
    kinds = [type(each) for each in blocks]
    assert kinds == [Verdict, Chart, Table, Text, Table]
    report = Report("Performance", blocks)
    page, text = render_html(report), render_text(report)
    for shown in (page, text):
        assert "has not moved" in shown
        assert "not mature" in shown
    assert "CBPE" in page


def test_a_report_of_no_window_says_so() -> None:
    (only,) = performance_blocks([], "accuracy")
    assert isinstance(only, Text)
