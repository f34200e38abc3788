"""False and missed alarms: counted against what the champions really came to."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from trueup.config.loop_entries import DriftTrigger, DropTrigger, LabelsTrigger, TriggerEntry
from trueup.config.loop_entries import LoopEntry as Entry
from trueup.config.units import Hits
from trueup.loop.backtest.alarms import Fall, count, is_alarm
from trueup.loop.backtest.records import Alarms, Cost, PolicyRun, Window
from trueup.loop.policy import policy_of

BEGIN = datetime(2013, 3, 4, tzinfo=UTC)
WEEK = timedelta(days=7)
FALL = Fall("roc_auc", higher=True, drop=0.05, within=1)
DRIFT = "drift in 2 of 3 windows"


def run(
    values: Sequence[float | None],
    alarms: str = "",
    champions: str = "",
    trigger: str = DRIFT,
    name: str = "drift",
) -> PolicyRun:
    """Return a policy whose champion scores so week by week; ``!`` is an alarm at a week's end."""
    windows = tuple(
        Window(
            begin=BEGIN + nth * WEEK,
            end=BEGIN + (nth + 1) * WEEK,
            rows=100,
            labelled=100 if value is not None else 0,
            champion=champion,
            metrics={"roc_auc": value},
            triggers=(trigger,) if mark == "!" else (),
        )
        for nth, (value, mark, champion) in enumerate(
            zip(
                values,
                alarms.ljust(len(values)),
                champions.ljust(len(values), "a"),
                strict=True,
            )
        )
    )
    return PolicyRun(name, "", True, windows, (), Cost())


def counted(*runs: PolicyRun, fall: Fall = FALL) -> tuple[int, int, int]:
    """Return the first policy's false, missed and right alarms."""
    one: Alarms = count(runs, fall)[0]
    return one.false, one.missed, one.right


@pytest.mark.parametrize(
    ("values", "alarms", "expected"),
    [
        ([0.7, 0.7, 0.7, 0.7, 0.7], "  !  ", (1, 0, 0)),  # nothing has fallen
        ([0.7, 0.7, 0.6, 0.6, 0.6], "  !  ", (0, 0, 1)),  # in the window itself
        ([0.7, 0.7, 0.6, 0.6, 0.6], " !   ", (0, 0, 1)),  # in the next one
        ([0.7, 0.7, 0.6, 0.6, 0.6], "   ! ", (0, 0, 1)),  # one window late is not missed
        ([0.7, 0.7, 0.6, 0.6, 0.6], "     ", (0, 1, 0)),  # one fall, however long it lasts
        ([0.7, 0.7, 0.6, 0.6, 0.6], "    !", (0, 1, 1)),  # too late, and right all the same
        ([0.7, 0.7, 0.6, 0.7, 0.6, 0.7], "", (0, 2, 0)),  # two falls
        ([0.7, 0.7, 0.7, 0.7, 0.6], "", (0, 0, 0)),  # at the end it may still come
        ([0.7, 0.7, 0.66, 0.66, 0.66], "  ", (0, 0, 0)),  # by less than the drop
        ([0.7, 0.7, 0.7, 0.7, 0.7], " !!! ", (1, 0, 0)),  # an alarm that goes on is one
        ([0.7, 0.7, 0.7, 0.7, 0.7], " ! ! ", (2, 0, 0)),
        ([0.7, 0.7, None, 0.7, 0.7], "  !  ", (0, 0, 0)),  # without labels nothing is known
        ([0.7, 0.7, 0.7, 0.7, 0.7], "!    ", (0, 0, 0)),  # of the first there is no usual level
    ],
)
def test_an_alarm_is_right_if_the_champion_falls_and_a_fall_without_one_is_missed(
    values: list[float | None], alarms: str, expected: tuple[int, int, int]
) -> None:
    assert counted(run(values, alarms)) == expected


def test_of_a_loss_less_is_better() -> None:
    fall = Fall("roc_auc", higher=False, drop=0.05, within=1)
    assert counted(run([0.5, 0.5, 0.6, 0.6, 0.6], "  !  "), fall=fall) == (0, 0, 1)
    assert counted(run([0.6, 0.6, 0.5, 0.5, 0.5], "  !  "), fall=fall) == (1, 0, 0)


def test_the_old_champion_is_looked_up_where_another_policy_still_had_it() -> None:
    retrained = run([0.7, 0.7, 0.7, 0.72], " !  ", "aabb")
    assert counted(retrained) == (1, 0, 0)
    never = run([0.7, 0.7, 0.6, 0.6], name="never")
    assert counted(retrained, never) == (0, 0, 1)


def test_an_alarm_under_a_new_champion_is_another_one() -> None:
    assert counted(run([0.7] * 6, "  ! ! ", "aaabbb")) == (2, 0, 0)
    rolled_back = run([0.7] * 7, "    !! ", "bbaaabb")
    assert counted(rolled_back) == (2, 0, 0)


def test_a_champion_that_is_weak_from_the_beginning_has_not_fallen() -> None:
    assert counted(run([0.7, 0.7, 0.5, 0.5, 0.5], "", "aabbb")) == (0, 0, 0)


def test_a_slow_decline_is_a_fall_against_how_it_began() -> None:
    values = [0.70, 0.69, 0.68, 0.67, 0.66, 0.65, 0.64, 0.63, 0.62, 0.61]
    assert counted(run(values)) == (0, 1, 0)


def test_schedules_labels_and_broken_data_are_no_alarms() -> None:
    entry = Entry(
        when=(
            TriggerEntry(do="retrain", schedule="0 0 1 * *"),
            TriggerEntry(do="retrain", labels=LabelsTrigger(new=500)),
            TriggerEntry(do="retrain", drift=DriftTrigger(windows=Hits(2, 3))),
            TriggerEntry(do="retrain", performance=DropTrigger(drop=0.02)),
            TriggerEntry(do="retrain", estimate=DropTrigger(at_least=0.6)),
        )
    )
    policy = policy_of("shop/churn", "live", entry)
    alarms = {one.kind for one in policy.triggers if is_alarm(one.text)}
    assert alarms == {"drift", "performance", "estimate"}
    monthly = run([0.7] * 5, "  !  ", trigger=policy.triggers[0].text)
    assert counted(monthly) == (0, 0, 0)


def test_it_is_said_how_many_windows_could_be_judged() -> None:
    (one,) = count([run([0.7, 0.7, None, 0.7])], FALL)
    assert (one.judged, one.metric, one.drop, one.within) == (2, "roc_auc", 0.05, 1)
