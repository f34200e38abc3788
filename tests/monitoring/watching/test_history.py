"""What was written down of watching a model, folded."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trueup.errors import NotProven
from trueup.monitoring.watching.events import (
    Acknowledged,
    Checked,
    Drifted,
    Event,
    Rebased,
    Referenced,
    decode_event,
    encode_event,
)
from trueup.monitoring.watching.history import QUIET, Diary, History
from trueup.monitoring.watching.windows import Window
from trueup.store.memory import MemoryBucket

NOW = datetime(2026, 4, 1, tzinfo=UTC)
WHO: dict[str, Any] = {"at": NOW, "by": "ada"}


def day(nth: int) -> Window:
    begin = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=nth)
    return Window(begin, begin + timedelta(days=1))


def checked(nth: int, *moved: str, version: int = 1, reference: int = 1) -> Checked:
    drift = Drifted(bool(moved), bool(moved), False, True, 1.0, 2.0, "psi", moved=moved)
    return Checked(
        **WHO, window=day(nth), version=version, reference=reference, rows=10, segments="s",
        state="alarm" if moved else "quiet", drift=drift,
    )  # fmt: skip


def referenced(version: int, grid: str) -> Referenced:
    return Referenced(**WHO, version=version, digest="d", grid=grid, reference="r")


def seen(*events: Event) -> set[str]:
    return {window.name for _, window in History(events).acknowledged()}


def test_acknowledging_a_window_speaks_for_its_incident() -> None:
    assert seen(
        checked(0, "a"), checked(1, "a", "b"), checked(2), checked(3, "b"),
        Acknowledged(**WHO, window=day(1).name, why="x"),
    ) == {"2026-03-01", "2026-03-02", "2026-03-04"}  # fmt: skip


def test_a_column_that_was_not_seen_is_not_spoken_for() -> None:
    assert seen(
        checked(0, "a"), checked(1, "a", "new"), Acknowledged(**WHO, window=day(0).name, why="x")
    ) == {"2026-03-01"}


def test_after_a_quiet_time_an_alarm_is_another_incident() -> None:
    quiet = [checked(nth) for nth in range(1, QUIET + 1)]
    events = (checked(0, "a"), *quiet, checked(QUIET + 1, "a"))
    assert seen(*events, Acknowledged(**WHO, window=day(0).name, why="x")) == {"2026-03-01"}


def test_alarms_of_another_reference_are_another_incident() -> None:
    events = (checked(0, "a"), checked(1, "a", reference=5))
    assert seen(*events, Acknowledged(**WHO, window=day(0).name, why="x")) == {"2026-03-01"}


def test_the_grid_is_that_of_the_first_reference_until_rebased() -> None:
    events: tuple[Event, ...] = (referenced(1, "g1"), referenced(2, "g1"))
    first = History(events).grid()
    assert first is not None
    assert first.version == 1
    rebased = (*events, Rebased(**WHO, why="x"))
    assert History(rebased).grid() is None
    assert History(rebased).reference(2) is None
    again = History((*rebased, referenced(2, "g2"))).grid()
    assert again is not None
    assert again.grid == "g2"


def test_a_check_continues_those_before_it_with_its_reference_alone() -> None:
    events = (checked(0), checked(1, reference=2), checked(2, version=2), checked(4))
    found = History(events).before(1, 1, day(3))
    assert [one.window for one in found] == [day(0)]


def test_events_are_written_once_however_many_diaries_there_are() -> None:
    bucket = MemoryBucket("one")
    one, two = (Diary(bucket, "shop/sale", "dev") for _ in range(2))

    def decide(history: History) -> Checked | None:
        return None if history.check(1, day(0)) else checked(0)

    assert one.add(decide) == two.add(decide)
    assert len(two.history().events) == 1


@pytest.mark.parametrize(
    "event",
    [referenced(1, "g"), checked(0, "a"), Rebased(**WHO, why="x")],
    ids=lambda event: type(event).__name__,
)
def test_what_is_encoded_is_decoded(event: Event) -> None:
    assert decode_event(encode_event(event), "here") == event


def test_what_is_no_event_is_told_with_its_place() -> None:
    with pytest.raises(NotProven, match="not an event of watching"):
        decode_event(b'{"event": "danced"}', "monitoring/shop/sale/dev event 1")
