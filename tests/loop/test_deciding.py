"""What a loop does, and why it does nothing: laws of a decision over values."""

from datetime import timedelta
from itertools import pairwise
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.loop.scenes import (
    BEGAN,
    DAY,
    Freeze,
    Rate,
    after,
    began,
    broken,
    carried,
    drift,
    ended,
    estimate,
    harm,
    labels,
    low,
    nothing,
    only,
    performance,
    policy,
    replaced,
    scheduled,
    seen,
    texts,
    window,
    windows,
)
from trueup.config.units import Hits
from trueup.loop.deciding import decide
from trueup.loop.events import (
    Claimed,
    Decided,
    Guarded,
    IncidentClosed,
    IncidentOpened,
    PullRequestClosed,
    PullRequestOpened,
    Resumed,
    decode_event,
    encode_event,
)
from trueup.loop.history import History
from trueup.loop.observations import Harm, Labels
from trueup.loop.policy import Policy

LOOP = policy(drift(), scheduled(), broken())


@pytest.mark.parametrize(
    ("shown", "hits"),
    [("..D", False), (".DD", True), ("D.D", True), ("DD.", True), ("D..", False), ("D", False)],
)
def test_drift_in_two_of_the_last_three_windows_retrains(shown: str, hits: bool) -> None:
    found = decide(policy(drift()), began(), seen(*windows(shown)), after(4))
    assert [one.do for one in found.actions if isinstance(one, Decided)] == ["retrain"] * hits
    if hits:
        assert only(found).cause.as_of == after(3)  # the end of the newest window
        assert "near" in only(found).cause.says
    else:
        assert nothing(found).why == "quiet"


def test_windows_of_another_version_say_nothing_of_the_champion() -> None:
    found = decide(policy(drift()), began(), seen(*windows("DDD", version=2)), after(4))
    assert nothing(found).says == "no window of the champion was compared with its reference yet"


def test_without_a_champion_nothing_is_done() -> None:
    found = decide(LOOP, began(), seen(*windows("DDD"), champion=None), after(9))
    assert not found.actions
    assert "nothing is live yet" in nothing(found).says


@given(st.text("D.b", max_size=12), st.integers(0, 40), st.integers(0, 3))
def test_equal_input_gives_equal_output_and_every_trigger_a_word(
    shown: str, days: int, before: int
) -> None:
    history = began()
    for nth in range(before):
        what = seen(*windows("DD"[: nth + 1] + shown))
        history = carried(history, decide(LOOP, history, what, after(10 * nth)))
    what = seen(*windows(shown))
    found = decide(LOOP, history, what, after(days))
    assert found == decide(LOOP, history, what, after(days))
    for trigger in LOOP.triggers:
        said = [one for one in found.left if one.trigger == trigger.text]
        done = [
            one
            for one in found.actions
            if (isinstance(one, Decided) and one.cause.trigger == trigger.text)
            or (isinstance(one, IncidentOpened) and one.trigger == trigger.text)
        ]
        assert said or done
        assert all(one.says for one in said)


@given(st.text("D.b", max_size=12), st.integers(0, 40))
def test_what_was_decided_once_is_not_decided_again(shown: str, days: int) -> None:
    what, now = seen(*windows(shown)), after(days)
    first = decide(LOOP, began(), what, now)
    again = decide(LOOP, carried(began(), first), what, now)
    assert not again.actions
    unfinished = began().after(first.actions)
    assert not decide(LOOP, unfinished, what, now).actions
    assert not decide(LOOP, carried(began(), first), what, now + timedelta(minutes=1)).actions


@given(st.lists(st.tuples(st.integers(0, 30), st.text("D.b", min_size=1, max_size=5)), max_size=20))
def test_cooldown_and_budget_hold_whatever_comes_and_however_the_clock_jumps(
    days: list[tuple[int, str]],
) -> None:
    loop = policy(drift(1, 1), scheduled("0 0 * * *"), cooldown=3 * 86400.0, budget=Rate(2, 10e5))
    history, taken = began(), list[Decided]()
    for nth, (day, shown) in enumerate(days):
        what = seen(*windows("." * nth + shown))
        found = decide(loop, history, what, after(day))
        history = carried(history, found)
        taken += [one for one in found.actions if isinstance(one, Decided)]
    moments = sorted(one.cools_from for one in taken)
    pairs = pairwise(moments)
    assert all(later - sooner >= 3 * DAY or later == sooner for sooner, later in pairs)
    assert len(set(moments)) == len(moments)
    for moment in moments:
        assert sum(moment <= one < moment + timedelta(seconds=10e5) for one in moments) <= 2


def test_a_cooldown_says_until_when() -> None:
    history = carried(began(), decide(LOOP, began(), seen(*windows(".DD")), after(3)))
    left = nothing(decide(LOOP, history, seen(*windows(".DDD")), after(4)))
    assert (left.why, left.until) == ("cooldown", after(10))
    assert only(decide(LOOP, history, seen(*windows(".DDDDDDDDD")), after(10))).do == "retrain"


def test_a_weekly_schedule_and_a_cooldown_of_a_week_go_together_whenever_a_tick_comes() -> None:
    loop, history = policy(scheduled()), began()
    slots = []
    for week, late in enumerate((timedelta(hours=20), timedelta(minutes=1), timedelta(seconds=1))):
        now = BEGAN + 7 * week * DAY + timedelta(hours=4, minutes=17) + late
        found = decide(loop, history, seen(), now)
        slots.append(only(found).cause.as_of)
        history = carried(history, found)
    assert [(later - sooner).days for sooner, later in pairwise(slots)] == [
        7,
        7,
    ]


def test_of_missed_slots_only_the_newest_runs_and_the_others_are_recorded() -> None:
    taken = only(decide(policy(scheduled("0 4 * * *")), began(), seen(), after(3.5)))
    assert taken.cause.as_of == after(3) + timedelta(hours=4)
    assert [one.day for one in taken.cause.passed_over] == [2, 3, 4]
    assert "3 before it went by" in taken.cause.says


def test_a_slot_before_the_loop_began_is_not_due() -> None:
    left = nothing(decide(policy(scheduled()), began(after(1)), seen(), after(2)))
    assert left.says == "not due before 2026-03-09 04:17 UTC"
    assert not decide(policy(scheduled()), History(), seen(), after(2)).actions


def test_a_slot_that_had_to_wait_runs_as_soon_as_it_may() -> None:
    loop = policy(drift(1, 1), scheduled())
    history = carried(
        began(), decide(loop, began(), seen(*windows("D")), BEGAN + timedelta(hours=1))
    )
    later = BEGAN + timedelta(days=6)
    waiting = [one for one in decide(loop, history, seen(), later).left if one.why == "cooldown"]
    assert len(waiting) == 1
    assert only(decide(loop, history, seen(), BEGAN + timedelta(days=7, hours=1))).do == "retrain"


def test_a_budget_says_when_the_next_retrain_fits() -> None:
    loop = policy(drift(1, 1), cooldown=0.0, budget=Rate(2, 10 * 86400.0))
    history = began()
    for day in (1, 3):
        what = seen(*windows("D" * day))
        history = carried(history, decide(loop, history, what, after(day)))
    left = nothing(decide(loop, history, seen(*windows("D" * 5)), after(5)))
    assert (left.why, left.until) == ("budget", after(11))
    half = policy(drift(1, 1), cooldown=0.0, budget=Rate(0.5, 10 * 86400.0))
    once = carried(began(), decide(half, began(), seen(*windows("D")), after(1)))
    assert nothing(decide(half, once, seen(*windows("DD")), after(20))).until == after(21)


def test_a_retrain_that_the_guard_stopped_costs_neither_cooldown_nor_budget() -> None:
    loop = policy(drift(1, 1), budget=Rate(1, 90 * 86400.0))
    first = decide(loop, began(), seen(*windows("D")), after(1))
    taken = only(first)
    said: dict[str, Any] = {"at": after(1), "by": "ada", "decision": taken.decision}
    history = began().after(first.actions)
    history = history.then(Claimed(**said, epoch=1, worker="w", until=after(2)))
    history = history.then(Guarded(**said, epoch=1, word="stop"))
    history = history.after(ended(taken, "stopped")[2:])
    assert only(decide(loop, history, seen(*windows("DD")), after(2))).do == "retrain"


@pytest.mark.parametrize(
    ("span", "until"), [("03-02..03-05", 4), ("2026-03-01..2026-03-03", 2), ("02-20..03-02", 1)]
)
def test_in_a_freeze_nothing_is_retrained(span: str, until: int) -> None:
    first, _, last = span.partition("..")
    loop = policy(drift(1, 1), freeze=(Freeze(first, last),))
    left = nothing(decide(loop, began(), seen(*windows("D")), after(0.5)))
    assert (left.why, left.until) == ("frozen", after(until))


def test_the_days_of_a_freeze_are_those_of_its_zone() -> None:
    loop = policy(drift(1, 1), freeze=(Freeze("03-02", "03-02"),), zone="Pacific/Auckland")
    what, thaw = seen(*windows("D")), BEGAN + timedelta(hours=11)
    assert nothing(decide(loop, began(), what, thaw - timedelta(minutes=1))).until == thaw
    assert only(decide(loop, began(), what, thaw)).do == "retrain"


def test_broken_data_comes_first_and_names_the_pipe_to_mend() -> None:
    found = decide(LOOP, began(), seen(*windows("DDb")), after(4))
    assert {one.do: one.why for one in found.left if one.trigger.startswith("drift")} == {
        "retrain": "data broken"
    }
    opened = [one for one in found.actions if isinstance(one, IncidentOpened)]
    assert {one.kind for one in opened} == {"drift", "data_broken"}
    assert any("near" in one.says and "the stage prepare" in one.says for one in opened)


def test_broken_data_is_told_of_also_where_no_trigger_names_it() -> None:
    found = decide(policy(scheduled()), began(), seen(*windows("..b")), after(8))
    assert [one.kind for one in found.actions if isinstance(one, IncidentOpened)] == ["data_broken"]
    assert nothing(found).why == "data broken"


def test_an_incident_is_told_once_and_is_over_when_its_windows_are_quiet() -> None:
    loop = policy(drift(1, 1, do="notify"))
    first = decide(loop, began(), seen(*windows("D")), after(1))
    assert [type(one) for one in first.actions] == [IncidentOpened]
    history = began().after(first.actions)
    again = decide(loop, history, seen(*windows("DD")), after(2))
    assert not again.actions
    assert texts(again.left) == {"told before", "quiet"}
    over = decide(loop, history, seen(*windows("DD.")), after(3))
    assert [type(one) for one in over.actions] == [IncidentClosed]
    anew = decide(loop, history.after(over.actions), seen(*windows("DD.D")), after(4))
    assert [type(one) for one in anew.actions] == [IncidentOpened]


def test_two_triggers_of_the_same_text_share_an_incident() -> None:
    loop = policy(drift(1, 1, do="notify"), drift(1, 1))
    first = decide(loop, began(), seen(*windows("D")), after(1))
    assert [type(one) for one in first.actions] == [IncidentOpened, Decided]
    history = carried(began(), first)
    over = decide(loop, history, seen(*windows("D.")), after(2))
    assert [type(one) for one in over.actions] == [IncidentClosed]
    began().after([*first.actions, *over.actions])


def test_of_several_reasons_one_retrain_is_made() -> None:
    found = decide(LOOP, began(), seen(*windows("DDD")), after(8))
    assert only(found).cause.kind == "drift"
    assert "another first" in texts(found.left)


def test_while_a_retrain_is_under_way_no_other_is_decided() -> None:
    loop = policy(drift(1, 1), cooldown=0.0)
    history = began().after(decide(loop, began(), seen(*windows("D")), after(1)).actions)
    assert nothing(decide(loop, history, seen(*windows("DD")), after(2))).why == "under way"


def test_an_estimate_that_left_its_band_too_often_does_not_trigger() -> None:
    loop = policy(estimate(drop=0.02))
    what = seen(low(0, estimated=True))
    assert only(decide(loop, began(), what, after(1))).cause.kind == "estimate"
    wary = replaced(what, estimates_may_trigger=False, why_not="it left its band in 5 of 24")
    left = nothing(decide(loop, began(), wary, after(1)))
    assert (left.why, left.says) == ("not trusted", "it left its band in 5 of 24")


def test_a_bound_triggers_without_any_drop_and_a_drop_without_any_bound() -> None:
    calm = low(0, value=0.66, dropped=False)
    assert only(decide(policy(performance(at_least=0.68)), began(), seen(calm), after(1)))
    assert not decide(policy(performance(at_least=0.65)), began(), seen(calm), after(1)).actions
    assert not decide(policy(performance(drop=0.02)), began(), seen(calm), after(1)).actions
    fell = low(0, value=0.9)
    assert not decide(policy(performance(at_least=0.65)), began(), seen(fell), after(1)).actions
    both = policy(performance(at_least=0.65, drop=0.02))
    assert only(decide(both, began(), seen(fell), after(1)))
    assert only(decide(policy(performance(at_most=0.8)), began(), seen(fell), after(1)))


def test_windows_whose_labels_are_not_mature_are_waited_for() -> None:
    loop = policy(performance(drop=0.02, windows=Hits(2, 3)))
    what = seen(low(0), window(1), low(2), window(3))
    assert only(decide(loop, began(), what, after(4))).cause.windows == ("2026-03-02", "2026-03-04")


def test_labels_trigger_each_time_so_many_more_are_mature() -> None:
    loop, history = policy(labels(100), cooldown=0.0), began()
    made = []
    for day, count in enumerate((99, 100, 150, 199, 210)):
        what = seen(labels=Labels(count, after(day)))
        found = decide(loop, history, what, after(day))
        made.append(bool(found.actions))
        history = carried(history, found)
    assert made == [False, True, False, False, True]


def test_a_version_on_trial_that_does_harm_is_taken_back_once() -> None:
    loop = policy(harm())
    what = seen(challenger=2, harm=Harm(2, 7, after(1), "log_loss is at least 0.05 worse"))
    first = decide(loop, began(), what, after(1))
    assert only(first).do == "rollback"
    assert not decide(loop, carried(began(), first), what, after(2)).actions
    gone = replaced(what, challenger=None)
    assert nothing(decide(loop, began(), gone, after(1)), "rollback").why == "quiet"


def test_a_rollback_of_the_champion_wants_one_before_it() -> None:
    loop = policy(performance(do="rollback", drop=0.02))
    assert only(decide(loop, began(), seen(low(0), previous=3), after(1))).do == "rollback"
    assert nothing(decide(loop, began(), seen(low(0)), after(1)), "rollback").why == (
        "nothing to roll back to"
    )


def _without_effect(effects: list[str], loop: Policy) -> History:
    history = began()
    for nth, effect in enumerate(effects):
        what = seen(*windows("D" * (nth + 1)))
        history = carried(history, decide(loop, history, what, after(8 * nth)), effect)  # type: ignore[arg-type] # words of Effect
    return history


@pytest.mark.parametrize(
    ("effects", "stops"),
    [
        (["no effect", "no effect"], True),
        (["no effect", "harmed"], True),
        (["no effect", "undecided", "no effect"], True),
        (["no effect"], False),
        (["no effect", "helped", "no effect"], False),
        (["harmed", "helped"], False),
    ],
)
def test_after_two_retrains_that_did_not_help_a_person_is_called(
    effects: list[str], stops: bool
) -> None:
    loop = policy(drift(1, 1))
    history, what = _without_effect(effects, loop), seen(*windows("D" * 9))
    found = decide(loop, history, what, after(100))
    if not stops:
        assert only(found).do == "retrain"
        return
    assert nothing(found).why == "stopped"
    assert [one.kind for one in found.actions if isinstance(one, IncidentOpened)] == ["no effect"]
    history = history.after(found.actions)
    assert not decide(loop, history, what, after(101)).actions
    history = history.then(Resumed(at=after(102), by="ada", why="the labels were late"))
    goes_on = decide(loop, history, what, after(102))
    assert only(goes_on).do == "retrain"
    assert IncidentClosed in {type(one) for one in goes_on.actions}


def test_a_proposal_that_was_declined_cools_too() -> None:
    loop, history = policy(drift(1, 1), then="pull_request"), began()
    found = decide(loop, history, seen(*windows("D")), after(1))
    history = carried(history, found)
    opened = PullRequestOpened(
        at=after(1), by="ada", decision=only(found).decision, epoch=1, number=3, url="u", branch="b"
    )
    closed = PullRequestClosed(at=after(9), by="ada", number=3, merged=False)
    history = history.after([opened, closed])
    left = nothing(decide(loop, history, seen(*windows("DD")), after(10)))
    assert (left.why, left.until) == ("cooldown", after(16))


def test_another_policy_is_another_decision_and_the_order_of_keys_is_not() -> None:
    def taken(loop: Policy) -> str:
        return only(decide(loop, began(), seen(*windows("D")), after(1))).decision

    assert taken(policy(drift(1, 1))) == taken(policy(drift(1, 1), zone="UTC"))
    assert taken(policy(drift(1, 1))) != taken(policy(drift(1, 1), cooldown=1.0))


def test_a_decision_is_stored_as_it_was_made() -> None:
    taken = only(decide(LOOP, began(), seen(*windows("DDD")), after(8)))
    assert decode_event(encode_event(taken), "here") == taken


def test_ten_thousand_windows_and_a_thousand_decisions_take_less_than_a_second() -> None:
    daily = policy(scheduled("0 4 * * *"), cooldown=0.0)
    events = [
        event
        for day in range(1000)
        for event in ended(only(decide(daily, began(after(day)), seen(), after(day + 0.5))))
    ]
    bodies = [encode_event(one) for one in events]
    loop, what = policy(drift(2, 3), cooldown=0.0), seen(*windows("D." * 4_999 + "DD"))
    start = process_time()
    history = began().after(decode_event(one, "here") for one in bodies)
    found = decide(loop, history, what, after(10_001))
    assert process_time() - start < 1.0
    assert only(found).cause.kind == "drift"
    assert len(history.courses) == 1000
