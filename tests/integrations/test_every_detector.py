"""What holds for every detector: built in, of others, or a project's own function."""

import math

import numpy as np
import pytest

from tests.integrations.detectors import NAMES, PLAN, detector, window, windows
from trueup.monitoring.detectors.panel import decode_panel, encode_panel, panel_of, watch

# KSWIN and Page-Hinkley fire as often without any shift as with one; FHDDM sees shares fall only
BLIND = ("river.kswin", "river.page_hinkley", "river.fhddm")
BATCH = ("domain_classifier", "checks:far")
REFERENCE = windows(1, 40)
NEXT = windows(2, 6)


@pytest.mark.parametrize("name", NAMES)
def test_beginning_anew_forgets_all_that_was_seen(name: str) -> None:
    with detector(name) as one:
        begun = one.begin(REFERENCE, PLAN)
        state = begun
        for each in NEXT:
            state = one.look(state, each).state
        assert one.begin(REFERENCE, PLAN) == begun


@pytest.mark.parametrize("name", NAMES)
def test_the_same_state_and_window_give_the_same_look_and_are_left_as_they_were(name: str) -> None:
    with detector(name) as one:
        state, before = one.begin(REFERENCE, PLAN), NEXT[0].clone()
        first = one.look(state, NEXT[0])
        one.look(first.state, NEXT[1])
        assert one.look(state, NEXT[0]) == first
        assert NEXT[0].equals(before)


@pytest.mark.parametrize("name", NAMES)
def test_another_object_goes_on_from_what_was_stored_as_if_nothing_had_been(name: str) -> None:
    with detector(name) as one:
        state = one.begin(REFERENCE, PLAN)
        looks = []
        for each in NEXT:
            seen = one.look(state, each)
            state = seen.state
            looks.append(seen.look)
        state = one.begin(REFERENCE, PLAN)
    for each, look in zip(NEXT, looks, strict=True):
        with detector(name) as other:
            seen = other.look(bytes(bytearray(state)), each)
        state = seen.state
        assert seen.look == look


@pytest.mark.parametrize("name", NAMES)
def test_it_gives_the_same_names_of_finite_scores_and_artefacts_only_when_asked(name: str) -> None:
    with detector(name) as one:
        state = one.begin(REFERENCE, PLAN)
        looks = [
            one.look(state, each).look for each in (*NEXT, window(np.random.default_rng(3), 2))
        ]
        names = {tuple(score for score, _ in look.scores) for look in looks}
        assert len(names) == 1
        assert names != {()}
        assert all(math.isfinite(value) for look in looks for _, value in look.scores)
        assert not any(look.artefacts for look in looks)
        kept = one.look(state, NEXT[0], keep=True).look
        assert kept.scores == looks[0].scores


@pytest.mark.parametrize("name", BATCH)
def test_the_order_of_rows_and_the_windows_before_change_nothing_for_a_batch_detector(
    name: str,
) -> None:
    with detector(name) as one:
        assert one.kind == "batch"
        mixed = [each.sample(fraction=1.0, shuffle=True, seed=4) for each in REFERENCE]
        plain = one.look(one.begin(REFERENCE, PLAN), NEXT[0])
        other = one.look(one.begin(mixed, PLAN), NEXT[0].reverse())
        assert dict(other.look.scores) == pytest.approx(dict(plain.look.scores), rel=1e-6)
        assert plain.state == one.look(plain.state, NEXT[1]).state


@pytest.mark.parametrize("name", NAMES)
def test_the_budget_of_false_alarms_holds_through_the_calibration(name: str) -> None:
    incidents, days = 0, 0
    with detector(name) as one:
        for seed in range(1 if name == "river.kswin" else 3):
            rows = windows(100 + seed, 240, rows=40)
            panel = panel_of({name: one}, rows[:80], PLAN)
            assert panel.members[0].standing in ("calibrated", "promised"), panel.members[0].says
            for each in rows[80:]:
                came = watch(panel, {name: one}, each)
                panel = decode_panel(encode_panel(came.panel))
                incidents += came.incident
                days += 1
    expected = PLAN.promise.expected(days * PLAN.pace.check_s)
    assert incidents <= expected + 2.33 * math.sqrt(expected)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BLIND])
def test_a_large_shift_is_found_within_a_few_windows(name: str) -> None:
    with detector(name) as one:
        panel = panel_of({name: one}, windows(5, 80), PLAN)
        found = []
        for each in windows(6, 12, shift=2.0):
            came = watch(panel, {name: one}, each)
            panel = came.panel
            found.append(came.alarmed)
    assert any(found)
