"""Slots of schedules where clocks are put forward and back."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from trueup.errors import WrongUsage
from trueup.loop.policy import zone_of
from trueup.loop.schedules import due, upcoming

NEW_YORK = "America/New_York"


def slots(schedule: str, zone: str, first: str, last: str) -> list[str]:
    """Return every slot that a loop finds which looks every ten minutes, in local time."""
    there = zone_of(zone)
    now, end = (
        datetime.fromisoformat(day).replace(tzinfo=there).astimezone(UTC) for day in (first, last)
    )
    after, found = now, []
    while now < end:
        now += timedelta(minutes=10)
        one = due(schedule, zone, after, now)
        if one is not None:
            assert not one[1], "nothing was missed"
            after = one[0]
            found.append(after.astimezone(there).strftime("%d %H:%M %Z"))
    return found


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("30 2 * * *", ["07 02:30 EST", "08 03:00 EDT", "09 02:30 EDT"]),  # there is no 02:30
        ("30 1 * * *", ["07 01:30 EST", "08 01:30 EST", "09 01:30 EDT"]),
    ],
)
def test_in_the_night_that_skips_an_hour_a_daily_slot_comes_once(
    schedule: str, expected: list[str]
) -> None:
    assert slots(schedule, NEW_YORK, "2026-03-07", "2026-03-10") == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("30 1 * * *", ["31 01:30 EDT", "01 01:30 EDT", "02 01:30 EST"]),  # twice 01:30
        ("30 2 * * *", ["31 02:30 EDT", "01 02:30 EST", "02 02:30 EST"]),
    ],
)
def test_in_the_night_that_has_an_hour_twice_a_daily_slot_comes_once(
    schedule: str, expected: list[str]
) -> None:
    assert slots(schedule, NEW_YORK, "2026-10-31", "2026-11-03") == expected


def test_every_hour_is_every_hour_also_in_such_nights() -> None:
    assert len(slots("0 * * * *", NEW_YORK, "2026-03-08", "2026-03-09")) == 23
    assert len(slots("0 * * * *", NEW_YORK, "2026-11-01", "2026-11-02")) == 25


def test_a_slot_is_due_at_its_own_second_and_not_before() -> None:
    slot = datetime(2026, 3, 2, 4, 17, tzinfo=UTC)
    before = slot - timedelta(days=3)
    assert due("17 4 * * 1", "UTC", before, slot - timedelta(microseconds=1)) is None
    assert due("17 4 * * 1", "UTC", before, slot) == (slot, ())
    assert due("17 4 * * 1", "UTC", slot, slot + timedelta(days=6)) is None


def test_of_years_of_missed_slots_the_last_are_named() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    found = due("0 * * * *", "UTC", now - timedelta(days=3000), now)
    assert found is not None
    assert found[0] == now
    assert len(found[1]) == 10


def test_what_comes_next_is_told_in_utc() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert upcoming("0 9 * * *", NEW_YORK, noon) == datetime(2026, 3, 2, 14, tzinfo=UTC)


def test_a_zone_that_there_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(WrongUsage, match="America/New_York"):
        zone_of("America/New_Yorck")


def test_a_schedule_that_is_none_is_refused() -> None:
    with pytest.raises(WrongUsage, match="is no schedule"):
        upcoming("0 9 * * MOON", "UTC", datetime(2026, 3, 2, tzinfo=UTC))


def test_without_cronsim_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)
    with pytest.raises(WrongUsage, match=r"trueup\[loop\]"):
        upcoming("17 4 * * 1", "UTC", datetime(2026, 3, 2, tzinfo=UTC))
