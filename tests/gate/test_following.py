"""Days that follow each other, few events and skewed values are given wider bounds."""

import numpy as np
import pytest

from tests.gate.tables import binary, entry, judged, only
from trueup.gate.auc import newcombe
from trueup.gate.blockwise import Blockwise
from trueup.gate.bounds import Sample
from trueup.gate.following import Waves, follow
from trueup.gate.metrics import Labels
from trueup.gate.noise import by_blocks, too_close

optimize = pytest.importorskip("scipy.optimize")


def by_days(values: np.ndarray) -> Blockwise:
    count = len(values)
    moved = (values - values.mean()) / count
    return Blockwise(float(values.mean()), moved[:, None], None, np.ones(count), np.ones(count))


def chain(days: int, follow_by: float, seed: int) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(size=days)
    for at in range(1, days):
        steps[at] = follow_by * steps[at - 1] + (1 - follow_by**2) ** 0.5 * steps[at]
    return steps


def test_slow_waves_have_on_average_the_error_of_a_mean_of_days_on_their_own() -> None:
    squares = []
    for seed in range(300):
        drawn = by_days(chain(40, 0.0, seed))
        squares.append(follow(drawn, drawn.deviations()).slow.se ** 2)
    assert np.mean(squares) == pytest.approx(1 / 40, rel=0.08)


def test_slow_waves_see_most_of_what_a_chain_adds() -> None:
    true, squares = np.var([chain(100, 0.5, seed).mean() for seed in range(2000)]), []
    for seed in range(300):
        drawn = by_days(chain(100, 0.5, seed))
        squares.append(follow(drawn, drawn.deviations()).slow.se ** 2)
    assert 0.75 * true < np.mean(squares) < 1.1 * true


def test_days_that_go_together_are_worth_fewer_days_on_their_own() -> None:
    alone, chained = (by_days(chain(60, by, 5)) for by in (0.0, 0.8))
    one, two = (follow(each, each.deviations()) for each in (alone, chained))
    assert not one.together
    assert two.together
    assert two.worth < 15 < 40 < one.worth


def test_days_that_are_worth_too_few_are_inconclusive() -> None:
    columns = binary(3000)
    day = np.arange(3000) // 100
    wave = np.repeat(chain(30, 0.95, 2), 100)
    columns["candidate"] = 1 / (1 + np.exp(-(2.5 * columns["truth"] - 1 + 1.5 * wave)))
    finding = only(judged({**columns, "time": day * 86400.0}, entry("log_loss", at_most=5.0)))
    assert (finding.word, finding.reason) == ("inconclusive", "few_groups")


@pytest.mark.parametrize(("days", "by", "close"), [(60, 0.8, True), (60, 0.3, False)])
def test_days_whose_noise_goes_together_closely_are_too_few(
    days: int, by: float, close: bool
) -> None:
    codes = np.repeat(np.arange(days), 50)
    truth = np.random.default_rng(4).random(len(codes)) < 0.3
    mine = Labels(truth, truth + chain(days, by, 5)[codes])
    assert too_close(by_blocks(mine, None, codes), paired=False) == close
    theirs = Labels(truth, mine.predicted + chain(days, 0.0, 6)[codes])
    assert not too_close(by_blocks(mine, theirs, codes), paired=True)


def test_noise_is_told_from_what_the_truth_explains() -> None:
    codes, days = np.repeat(np.arange(40), 50), chain(40, 0.9, 1)
    truth = np.random.default_rng(3).random(len(codes)) < 1 / (1 + np.exp(-days[codes]))
    classes = truth.astype(np.int64)
    both = np.stack([1.0 - truth, truth], axis=1)
    for explained in (
        Labels(truth, 0.2 + 0.6 * truth),
        Labels(days[codes], days[codes]),
        Labels(classes, classes.astype(np.float64)),
        Labels(classes, both),
    ):
        assert np.abs(by_blocks(explained, None, codes)).max() < 1e-9


def test_a_bound_is_never_narrower_than_slow_waves_have_it() -> None:
    plain = Sample(1.0, 0.1, 29.0, 0.0, 30, "days")
    slow = Sample(1.0, 0.1, 29.0, 0.0, 30, "days", slow=Waves(0.12, 4.0))
    assert slow.between(0.05)[0] == pytest.approx(1.0 - slow.reach(0.05))
    assert slow.reach(0.05) > plain.reach(0.05)
    assert slow.tail(1.2) > plain.tail(1.2)


def test_a_loss_has_room_above_and_none_to_spare_below() -> None:
    plain = Sample(1.0, 0.2, 29.0, 0.0, 30, "groups")
    loss = Sample(1.0, 0.2, 29.0, 0.0, 30, "groups", room=-1.0)
    (low, high, _), (lower, upper, _) = plain.between(0.05), loss.between(0.05)
    assert lower == low
    assert upper == pytest.approx(np.exp(high - 1.0))


@pytest.mark.parametrize(("area", "events", "others"), [(0.9, 10, 60), (0.97, 12, 900)])
def test_newcombes_bounds_are_where_his_equation_is_zero(
    area: float, events: int, others: int
) -> None:
    def off(at: float) -> float:  # Newcombe 2006, method 5, written out
        one, two, half = at / (2 - at), 2 * at**2 / (1 + at), (events + others) / 2
        spread = at * (1 - at) + (half - 1) * (one - at**2) + (half - 1) * (two - at**2)
        return abs(area - at) - 1.645 * float(np.sqrt(spread / (events * others)))

    lower, upper = newcombe(area, events, others, 1.645)
    assert lower == pytest.approx(optimize.brentq(off, 1e-6, area), abs=1e-9)
    assert upper == pytest.approx(optimize.brentq(off, area, 1 - 1e-9), abs=1e-9)
