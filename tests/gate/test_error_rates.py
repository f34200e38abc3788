"""The study of error rates, reduced: the gate errs no more than it declares, a point does."""

import numpy as np
import pytest

from studies.populations import CHAMPION_SHIFT, Setting, draw, population, threshold
from studies.study_gate_error_rates import MOST, lines
from trueup.gate.blockwise import estimate
from trueup.gate.catalogue import metric_named
from trueup.gate.proportions import clopper_pearson
from trueup.gate.rows import prepared


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        Setting("200 rows", 200),
        Setting("20 events", 600, events=20),
        Setting("10 days", 600, blocks=10),
    ],
    ids=lambda setting: setting.name,
)
def test_wrong_passes_are_not_shown_to_exceed_what_is_declared(setting: Setting) -> None:
    for line in lines(setting, 80):
        surely = clopper_pearson(line.wrong, line.pairs, 0.001)[0]
        assert surely <= MOST * line.declared, line


@pytest.mark.slow
def test_a_point_threshold_passes_half_of_what_is_exactly_too_bad() -> None:
    for line in lines(Setting("500 rows", 500), 50):
        if line.rule in ("roc_auc at_least", "log_loss non_inferior", "accuracy at_least"):
            assert 0.3 < line.point_wrong < 0.7


@pytest.mark.parametrize("blocks", [0, 4000])
def test_the_populations_have_the_metrics_that_they_are_said_to_have(blocks: int) -> None:
    setting = Setting("large", 400_000, blocks=blocks)
    cut = threshold(setting)
    true = population(setting, CHAMPION_SHIFT)
    table = prepared(draw(setting, 1.2, np.random.default_rng(1)))
    for name, value in true.items():
        at = f"{name}@{cut!r}" if name in ("accuracy", "recall", "precision", "f1") else name
        measured = estimate(metric_named(at, "binary"), table.labels("champion"))
        assert measured == pytest.approx(value, rel=0.02), name
