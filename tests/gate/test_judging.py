"""What passes, what fails, what is left open, and why."""

from typing import Any

import numpy as np
import pytest

from tests.gate.tables import binary, entry, judged, only
from trueup.errors import WrongUsage


def test_a_candidate_as_good_as_the_champion_passes_within_a_margin_that_the_rows_can_show() -> (
    None
):
    verdict = judged(binary(), entry("log_loss", versus="champion", margin=0.02))
    finding = only(verdict)
    assert verdict.word == finding.word == "pass"
    assert finding.interval is not None
    assert finding.interval.lower is not None
    assert finding.interval.lower > -0.02
    assert finding.alpha is not None
    assert finding.alpha == pytest.approx(0.05 * 6 / np.pi**2)
    assert finding.interval.level == pytest.approx(1 - 2 * finding.alpha)


def test_a_worse_candidate_fails_and_the_sentence_has_the_numbers() -> None:
    verdict = judged(binary(worse=1.5), entry("log_loss", versus="champion", margin=0.005))
    assert verdict.word == "fail"
    assert "worse than the champion's 0." in verdict.reasons[0]
    assert "more than 0.005 worse, which is not allowed" in verdict.reasons[0]


def test_too_few_rows_to_decide_are_inconclusive_with_the_rows_that_would_decide() -> None:
    verdict = judged(binary(300), entry("accuracy", versus="champion", margin=0.01))
    finding = only(verdict)
    assert verdict.word == "inconclusive"
    assert finding.reason == "interval"
    assert finding.rows_to_decide is not None
    assert finding.rows_to_decide > 300
    assert f"about {finding.rows_to_decide} rows" in finding.says
    assert finding.detectable is not None
    assert finding.detectable > 0.01


def test_one_failing_rule_fails_whatever_is_open_beside_it() -> None:
    verdict = judged(
        binary(worse=1.5),
        entry("accuracy", better=True),
        entry("roc_auc", at_least=0.999),
        entry("roc_auc", at_least=0.5),
    )
    assert [each.word for each in verdict.findings][1:] == ["fail", "pass"]
    assert verdict.word == "fail"


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"at_least": 0.7}, "pass"),
        ({"at_least": 0.9}, "fail"),
        ({"at_most": 0.9}, "pass"),
        ({"at_most": 0.7}, "fail"),
    ],
)
@pytest.mark.parametrize("metric", ["roc_auc", "accuracy"])
def test_limits_are_held_against_bounds(metric: str, asked: dict[str, float], word: str) -> None:
    assert judged(binary(), entry(metric, **asked)).word == word


def test_superiority_has_to_be_shown() -> None:
    columns = binary()
    assert judged(columns, entry("log_loss", better=True)).word == "inconclusive"
    worse = {**columns, "champion": binary(worse=1.5)["candidate"]}
    assert judged(worse, entry("log_loss", better=True)).word == "pass"


def test_a_comparison_without_a_margin_is_an_error_that_suggests_one() -> None:
    with pytest.raises(WrongUsage, match=r"has no margin") as raised:
        judged(binary(), entry("roc_auc", versus="champion"))
    assert "margin: 0.0" in raised.value.remedy


def test_a_point_rule_compares_the_value_and_says_so() -> None:
    verdict = judged(binary(40), entry("accuracy", at_least=0.5, evidence="point"))
    assert verdict.word == "pass"
    assert "a point, which proves nothing" in only(verdict).says


def test_a_measured_number_is_a_point() -> None:
    verdict = judged(
        binary(), entry("latency_p99_ms", at_most=20), measured={"latency_p99_ms": 31.5}
    )
    assert verdict.word == "fail"
    assert only(verdict).evidence == "point"


def test_without_a_champion_yet_the_absolute_rules_decide() -> None:
    columns = binary()
    del columns["champion"]
    asked = entry("log_loss", versus="champion", margin=0.01)
    verdict = judged(columns, asked, entry("roc_auc", at_least=0.7), champion="none")
    assert verdict.word == "pass"
    assert [each.word for each in verdict.findings] == ["not_judged", "pass"]
    assert judged(columns, asked, champion="none").word == "inconclusive"


def test_a_champion_that_cannot_be_compared_leaves_it_open() -> None:
    verdict = judged(
        {name: each for name, each in binary().items() if name != "champion"},
        entry("log_loss", versus="champion", margin=0.01),
        champion="not_comparable",
        why="its features are gone",
    )
    assert verdict.word == "inconclusive"
    assert only(verdict).reason == "champion_not_comparable"
    assert "its features are gone" in verdict.reasons


def test_equal_predictions_are_no_change_and_never_promoted() -> None:
    columns = binary()
    columns["candidate"] = columns["champion"]
    verdict = judged(
        columns,
        entry("log_loss", versus="champion", margin=0.01, on_inconclusive="promote"),
        entry("roc_auc", at_least=0.7),
    )
    assert verdict.no_change
    assert verdict.word == "inconclusive"
    assert verdict.on_inconclusive == "block"


def test_fewer_than_ten_differing_decisions_decide_nothing() -> None:
    columns = binary()
    columns["candidate"] = columns["champion"].copy()
    columns["candidate"][:5] = 1 - columns["candidate"][:5]
    finding = only(judged(columns, entry("accuracy", versus="champion", margin=0.1)))
    assert (finding.word, finding.reason) == ("inconclusive", "few_discordant")
    assert finding.discordant == 5
    assert finding.interval is None


def test_what_does_not_vary_has_no_interval_of_zero_width() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=400)
    columns = {"truth": truth, "candidate": truth + 1, "champion": truth + 2}
    verdict = judged(columns, entry("mae", versus="champion", margin=0.1), task="regression")
    assert only(verdict).reason == "constant_resamples"
    assert verdict.word == "inconclusive"


def test_rows_that_a_model_has_seen_are_left_out_and_counted() -> None:
    columns = binary()
    seen = np.arange(4000) < 1000
    verdict = judged({**columns, "seen": seen}, entry("roc_auc", at_least=0.7))
    assert (verdict.rows, verdict.left_out.seen) == (3000, 1000)


def test_unknown_training_rows_let_no_comparison_pass() -> None:
    asked = (entry("log_loss", versus="champion", margin=0.05), entry("roc_auc", at_least=0.7))
    verdict = judged(binary(), *asked, seen_known=False)
    assert [each.reason for each in verdict.findings] == ["seen_unknown", "shown"]
    assert verdict.word == "inconclusive"


def test_few_days_are_inconclusive_and_blocks_are_shown() -> None:
    columns = binary()
    day = 86400.0
    few = {**columns, "time": np.arange(4000) // 600 * day}
    finding = only(judged(few, entry("roc_auc", at_least=0.7)))
    assert (finding.word, finding.reason) == ("inconclusive", "few_groups")
    many = {**columns, "time": np.arange(4000) // 100 * day}
    verdict = judged(many, entry("roc_auc", at_least=0.7))
    assert (verdict.word, verdict.blocks, only(verdict).blocks) == ("pass", "time", 40)
    assert only(verdict).design_effect is not None


def test_days_that_share_their_errors_widen_the_interval() -> None:
    rng = np.random.default_rng(5)
    day = np.arange(4000) // 100
    truth = rng.normal(size=4000)
    shared = rng.normal(size=40)[day]
    columns = {"truth": truth, "candidate": truth + shared, "champion": truth + 1.0}
    alone = only(judged(columns, entry("mse", at_most=2.0), task="regression"))
    blocked = only(
        judged({**columns, "time": day * 86400.0}, entry("mse", at_most=2.0), task="regression")
    )
    assert alone.interval is not None
    assert blocked.interval is not None
    widths = [each.interval.upper - each.interval.lower for each in (alone, blocked)]  # type: ignore[union-attr, operator] # both are there, as said above
    assert widths[1] > 4 * widths[0]
    assert blocked.design_effect is not None
    assert blocked.design_effect > 20


def test_time_and_group_together_are_two_way_unless_one_holds_the_other() -> None:
    columns = binary()
    rng = np.random.default_rng(2)
    day = np.arange(4000) // 100
    for group, kind in (
        (rng.integers(0, 50, 4000), "two_way"),
        (day // 2, "group"),
        (np.arange(4000) // 50, "time"),
    ):
        table = {**columns, "time": day * 86400.0, "group": group}
        assert judged(table, entry("roc_auc", at_least=0.7)).blocks == kind


def test_each_further_candidate_on_the_same_rows_is_judged_more_strictly() -> None:
    asked = entry("roc_auc", at_least=0.7)
    first, second = (only(judged(binary(), asked, use=use)).alpha for use in (1, 2))
    assert first is not None
    assert second == pytest.approx(first / 4)
    even = only(judged(binary(), asked, gate={"spending": "even"}, use=7)).alpha
    assert even == pytest.approx(0.05 / 20)
    spent = judged(binary(), asked, use=21)
    assert (spent.word, only(spent).reason) == ("inconclusive", "reuse_exhausted")
    assert only(spent).candidate is not None
    point = entry("roc_auc", at_least=0.7, evidence="point")
    assert judged(binary(), point, use=21).word == "pass"


def test_the_anchor_stops_slow_decay() -> None:
    columns = binary(worse=0.9)
    columns["champion"] = binary(worse=0.85)["candidate"]
    columns["anchor"] = binary()["champion"]
    asked = entry("log_loss", versus="champion", margin=0.02)
    verdict = judged(columns, asked)
    own, anchored = verdict.findings
    assert own.word == "pass"
    assert (anchored.versus, anchored.limit, anchored.word) == ("anchor", -0.04, "fail")
    assert judged(columns, asked, gate={"margin_total": 0.5}).word == "pass"


def test_the_strictest_of_what_is_open_decides_what_follows() -> None:
    def standing(*asked: Any) -> str:
        rules = [
            entry("accuracy", versus="champion", margin=0.001, on_inconclusive=word)
            for word in asked
        ]
        return judged(binary(300), *rules).on_inconclusive

    assert standing("promote") == "promote"
    assert standing("promote", "person") == "person"
    assert standing("promote", None) == "block"


def test_an_unknown_slice_is_named() -> None:
    asked = entry("recall", each="carier", versus="champion", margin=0.1)
    columns = {**binary(), "slices": {"carrier": np.repeat("UA", 4000)}}
    with pytest.raises(WrongUsage, match="Did you mean 'carrier'"):
        judged(columns, asked)
