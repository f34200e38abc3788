"""Rules are checked before anything runs, all mistakes at once, each with its place."""

from typing import Any

import pytest

from trueup.config.model_entries import EvaluateEntry, GateEntry, MetricCall, ModelEntry, RuleEntry
from trueup.gate.checking import check_rules

ROWS = EvaluateEntry(data="test.parquet", target="late", slices=("origin", "carrier"))


def model(*rules: RuleEntry, task: Any = "binary", evaluate: Any = ROWS) -> ModelEntry:
    return ModelEntry(path="m", task=task, evaluate=evaluate, gate=GateEntry(rules=rules))


def told(*rules: RuleEntry, **changed: Any) -> list[tuple[int, str, str]]:
    found = check_rules(model(*rules, **changed))
    return [(each.position, each.key, each.kind) for each in found]


def test_sound_rules_have_no_mistake() -> None:
    assert (
        told(
            RuleEntry(metric="roc_auc", at_least=0.68),
            RuleEntry(metric="log_loss", versus="champion", margin=1.5),
            RuleEntry(metric="recall@0.3", each="carrier", versus="champion", margin=0.03),
            RuleEntry(metric="f1", versus="champion", better=True),
            RuleEntry(metric="f1", better=True),
            RuleEntry(metric="latency_p99_ms", at_most=20),
            RuleEntry(metric="precision_at_10pct", at_least=0.4),
            RuleEntry(metric="metrics.json:roc_auc", at_least=0.6, evidence="point"),
            RuleEntry(metric=MetricCall(call="costs:mean"), versus="champion", margin=5.0),
        )
        == []
    )


def test_a_comparison_without_margin_is_a_mistake_that_suggests_one() -> None:
    found = check_rules(
        model(
            RuleEntry(metric="roc_auc", at_least=0.6),
            RuleEntry(metric="accuracy", versus="champion"),
            RuleEntry(metric="log_loss", versus="champion", each="origin"),
        )
    )
    assert [(each.position, each.key, each.kind) for each in found] == [
        (1, "margin", "margin"),
        (2, "margin", "margin"),
    ]
    assert "margin: 0.01" in found[0].remedy
    assert "in the metric's own unit" in found[1].remedy


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"metric": "roc_acu", "at_least": 0.6}, ("metric", "metric")),
        ({"metric": "ndcg@10", "at_least": 0.6}, ("metric", "metric")),
        ({"metric": "roc_auc@0.3", "at_least": 0.6}, ("metric", "metric")),
        ({"metric": "latency_ms", "versus": "champion", "margin": 1.0}, ("metric", "metric")),
        ({"metric": "f1", "versus": "champoin", "margin": 0.1}, ("versus", "versus")),
        ({"metric": "f1", "at_least": 0.5, "margin": 0.1}, ("margin", "versus")),
        ({"metric": "f1", "at_least": 0.5, "question": "harm"}, ("question", "versus")),
        ({"metric": "f1", "at_least": 0.5, "each": "carier"}, ("each", "each")),
        ({"metric": "f1", "at_least": 70.0}, ("at_least", "limit")),
        ({"metric": "f1", "versus": "champion", "margin": 3.0}, ("margin", "limit")),
        ({"metric": "f1", "at_least": 0.7, "at_most": 0.6}, ("at_most", "limit")),
        ({"metric": MetricCall(call="a:b", per="group"), "at_most": 1.0}, ("metric", "rows")),
    ],
)
def test_each_mistake_has_its_place_in_the_rules(
    rule: dict[str, Any], expected: tuple[str, str]
) -> None:
    sound = RuleEntry(metric="roc_auc", at_least=0.6)
    assert told(sound, RuleEntry(**rule)) == [(1, *expected)]


def test_a_slip_of_a_name_names_the_right_one() -> None:
    (slip,) = check_rules(model(RuleEntry(metric="roc_acu", at_least=0.6)))
    assert "Did you mean 'roc_auc'?" in slip.remedy
    (foreign,) = check_rules(model(RuleEntry(metric="map@10", at_least=0.6)))
    assert "it is one of ranking" in foreign.problem


def test_a_project_without_metrics_files_has_no_other_names() -> None:
    rule = RuleEntry(metric="latency_p99_ms", at_most=20)
    assert check_rules(model(rule)) == []
    (mistake,) = check_rules(model(rule), points=False)
    assert mistake.kind == "metric"


def test_metrics_of_rows_need_rows_and_a_task_and_rankings_their_queries() -> None:
    rule = RuleEntry(metric="roc_auc", at_least=0.6)
    assert told(rule, evaluate=None) == [(0, "metric", "rows")]
    assert told(rule, task=None) == [(0, "metric", "metric")]
    assert told(RuleEntry(metric="ndcg@10", at_least=0.6), task="ranking") == [
        (0, "metric", "rows")
    ]


def test_rules_of_an_environment_are_checked_alike() -> None:
    also = (RuleEntry(metric="accuracy", versus="champion"),)
    (mistake,) = check_rules(model(), also)
    assert (mistake.position, mistake.kind) == (0, "margin")
