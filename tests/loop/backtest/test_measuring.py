"""By which metrics a backtest measures, and from where on a window is worse."""

from datetime import UTC, datetime
from typing import Any

import pytest

from trueup.config.model_entries import (
    GateEntry,
    ModelEntry,
    MonitorEntry,
    PerformanceEntry,
    RuleEntry,
)
from trueup.loop.backtest.replaying import Course
from trueup.project.backtest_measuring import Measures, _drop


def measures(watched: str, **more: Any) -> Measures:
    monitor = MonitorEntry(performance=PerformanceEntry(metric=watched))
    entry = ModelEntry(path="model.onnx", task="binary", monitor=monitor, **more)
    course = Course(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC), 86_400.0)
    return Measures("shop/churn", "live", course, entry, None, None)  # type: ignore[arg-type]  # no rows are asked for


@pytest.mark.parametrize(
    ("watched", "names"),
    [
        ("recall@0.3", ["recall@0.3", "roc_auc", "log_loss"]),
        ("auc", ["roc_auc", "log_loss"]),
        ("log_loss", ["log_loss", "roc_auc"]),
        ("", ["roc_auc", "log_loss"]),
    ],
)
def test_the_metric_that_is_watched_decides_with_its_threshold(
    watched: str, names: list[str]
) -> None:
    assert list(measures(watched).metrics) == names


def test_a_fall_is_the_margin_of_the_gates_rule_for_that_very_metric() -> None:
    rules = tuple(
        RuleEntry(metric=name, versus="champion", margin=margin)
        for name, margin in (("recall@0.5", 0.05), ("recall@0.3", 0.02), ("auc", 0.03))
    )
    asked = measures("recall@0.3", gate=GateEntry(rules=rules))
    drops = {name: _drop(asked.entry, name) for name in asked.metrics}
    assert drops == {"recall@0.3": 0.02, "roc_auc": 0.03, "log_loss": 0.01}
