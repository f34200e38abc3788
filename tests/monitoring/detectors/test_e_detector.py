"""The e-detector: a mean time to false alarm that holds, and refusal where it would not."""

import msgspec
import numpy as np
import pytest

from studies.bounded_streams import fired
from tests.monitoring.streams import following
from trueup.errors import WrongUsage
from trueup.monitoring.detectors.e_detector import (
    Bounds,
    EDetector,
    EState,
    PromiseUnsupported,
    e_detector,
)

RNG = np.random.default_rng(5)
REFERENCE = RNG.beta(2, 2, size=400)
DETECTOR = e_detector(REFERENCE, mean_blocks=200, tolerance=0.05)


def blocks_to_alarm(detector: EDetector, values: list[float]) -> int:
    state = detector.begin()
    for at, value in enumerate(values, start=1):
        state = detector.update(state, value)
        if detector.alarms(state):
            return at
    return len(values) + 1


def test_the_mean_time_to_a_false_alarm_is_at_least_what_is_declared() -> None:
    mean = float(REFERENCE.mean()) + DETECTOR.tolerance  # as far off as the null allows
    detector = msgspec.structs.replace(DETECTOR, mean_blocks=50.0)
    rng = np.random.default_rng(6)
    times = [blocks_to_alarm(detector, (rng.random(600) < mean).tolist()) for _ in range(150)]
    assert np.mean(times) >= 50


def test_a_change_beyond_the_tolerance_is_found_soon_in_either_direction() -> None:
    rng = np.random.default_rng(7)
    for a, b in ((4, 2), (2, 4)):
        times = [blocks_to_alarm(DETECTOR, rng.beta(a, b, size=400).tolist()) for _ in range(20)]
        assert np.median(times) < 120


def test_updating_leaves_the_state_as_it_was_and_going_on_from_a_stored_one_changes_nothing() -> (
    None
):
    state = DETECTOR.update(DETECTOR.begin(), 0.7)
    again = msgspec.json.decode(msgspec.json.encode(state), type=EState)
    assert DETECTOR.update(state, 0.2) == DETECTOR.update(again, 0.2)
    assert state.blocks == 1
    assert DETECTOR.begin() == EState((0.0,) * len(state.sums))
    assert msgspec.json.decode(msgspec.json.encode(DETECTOR), type=EDetector) == DETECTOR


def test_other_bounds_change_nothing_but_the_unit() -> None:
    wide = e_detector(100 * REFERENCE - 50, 200, 5.0, Bounds(-50, 50))
    one, other = DETECTOR.begin(), wide.begin()
    for value in REFERENCE[:50].tolist():
        one, other = DETECTOR.update(one, value), wide.update(other, 100 * value - 50)
    assert other.evidence == pytest.approx(one.evidence)


def test_blocks_that_remember_each_other_are_refused() -> None:
    slow = 0.5 + 0.1 * np.clip(following(0.95, 400, RNG), -4, 4)
    with pytest.raises(PromiseUnsupported, match="remember"):
        e_detector(slow, 200, 0.05)


def test_a_reference_too_short_for_the_tolerance_is_refused_with_what_would_do() -> None:
    with pytest.raises(PromiseUnsupported, match="known to") as refused:
        e_detector(REFERENCE[:40], 200, 0.01)
    assert "Give about" in refused.value.remedy


def test_values_outside_the_bounds_and_wrong_declarations_are_refused() -> None:
    with pytest.raises(WrongUsage, match="outside"):
        DETECTOR.update(DETECTOR.begin(), 1.2)
    with pytest.raises(WrongUsage, match="cannot be made"):
        e_detector(REFERENCE[:5], 200, 0.05)


def test_the_study_counts_the_alarms_that_detectors_raise_one_block_after_the_other() -> None:
    detectors = [
        msgspec.structs.replace(DETECTOR, mean=mean, mean_blocks=50.0) for mean in (0.4, 0.5, 0.55)
    ]
    values = np.random.default_rng(8).beta(2, 2, size=(500, 3))
    states, alarms = [each.begin() for each in detectors], 0
    for row in values.tolist():
        before = zip(detectors, states, row, strict=True)
        states = [each.update(state, value) for each, state, value in before]
        if np.mean([each.evidence for each in states]) >= 50:
            states, alarms = [each.begin() for each in detectors], alarms + 1
    assert alarms > 1
    assert fired(detectors, values) == alarms
