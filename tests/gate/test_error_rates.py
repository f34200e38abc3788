"""The study of error rates, reduced: the gate errs no more than it declares, a point does."""

import dataclasses

import numpy as np
import pytest

from studies.gate_settings import SETTINGS
from studies.settings import Setting
from studies.study_gate_error_rates import FAMILIES, MOST, lines
from trueup.gate.blockwise import estimate
from trueup.gate.catalogue import metric_named
from trueup.gate.comparing import compare
from trueup.gate.grouping import by_query
from trueup.gate.proportions import clopper_pearson

NAMED = {setting.name: setting for setting in SETTINGS}
BOUNDED = {
    Setting("decisions", 200, "decisions", exact=True): 4000,
    Setting("days", 560, blocks=14, metrics=("roc_auc", "accuracy")): 500,
    Setting("groups", 480, blocks=8, by="group", metrics=("log_loss",)): 1200,
    Setting("events", 600, events=12, metrics=("roc_auc",)): 1000,
}


@pytest.mark.slow
@pytest.mark.parametrize("setting", BOUNDED, ids=lambda setting: setting.name)
def test_the_upper_bound_of_wrong_passes_is_below_six_percent(setting: Setting) -> None:
    for line in lines(setting, BOUNDED[setting]):
        assert line.holds, line


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["200 rows", "regression, 14 days", "multiclass, 200 rows", "ranking, 100 queries"]
)
def test_wrong_passes_are_not_shown_to_exceed_what_is_declared(name: str) -> None:
    for line in lines(NAMED[name], 120):
        surely = clopper_pearson(line.wrong, line.pairs, 0.001)[0]
        assert surely <= MOST * line.declared, line


@pytest.mark.slow
def test_a_point_threshold_passes_half_of_what_is_exactly_too_bad() -> None:
    for line in lines(Setting("500 rows", 500), 50):
        if line.rule in ("roc_auc at_least", "log_loss non_inferior"):
            assert 0.3 < line.point_wrong < 0.7


def test_five_events_are_too_few_for_any_verdict() -> None:
    for line in lines(Setting("5 events", 1000, events=5), 4):
        assert line.undecided == 1.0


@pytest.mark.parametrize("blocks", [0, 4000])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_populations_have_the_metrics_that_they_are_said_to_have(
    family: str, blocks: int
) -> None:
    made = FAMILIES[family]
    setting = Setting("large", 40_000 if family == "ranking" else 200_000, family)
    if family != "decisions":
        setting = dataclasses.replace(setting, blocks=blocks)
    drawn = compare(made.draw(setting, made.levels[1], np.random.default_rng(1)))
    for model, quality in (("candidate", made.levels[1]), ("champion", made.levels[0])):
        for name, value in made.truths(setting, quality).items():
            metric, table = made.named(setting, name), drawn.table
            if family == "ranking":
                table, _ = by_query(name, drawn.table, drawn.blocks)
            measured = estimate(metric_named(metric, drawn.table.task), table.labels(model))
            assert measured == pytest.approx(value, rel=0.02), name
