"""A served shop that falls silent: an outage is shown, and a replay of old days is none."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from tests.project.watched import LIVE, project, promoted, rows, said, served, states, watched

DAY = timedelta(days=1)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a shop with five days of captures."""
    root = project(tmp_path / "shop")
    promoted(root, 5)
    served(root, rows(LIVE, 5, 100, seed=3))
    return root


def as_they_happened(root: Path) -> None:
    """Let every segment have been written when its last row was captured."""
    for one in (root / ".trueup" / "store" / "captures").rglob("*.arrow"):
        at = int(one.name.split("-")[1]) / 1000
        os.utime(one, (at, at))


def test_captures_that_stop_are_broken_data(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    as_they_happened(shop)
    found = watched(shop, now=LIVE + 7 * DAY + timedelta(hours=2))
    assert states(found) == ["quiet"] * 5 + ["broken"] * 2
    assert [one.rows for one in found.checks[5:]] == [0, 0]
    assert [(one.check, one.column) for one in found.checks[5].broken] == [("row_count", "")]
    assert said(shop, "monitor", "sale", "--now", "2026-03-08T02:00") == 9
    assert "nothing was captured, where each of 6 windows before had 100 rows" in (
        capfd.readouterr().out
    )
    assert watched(shop, now=LIVE + 7 * DAY + timedelta(hours=2)).fresh == 0


def test_what_was_brought_here_long_after_its_time_has_not_stopped(shop: Path) -> None:
    found = watched(shop)
    assert states(found) == ["quiet"] * 5


def test_a_gap_between_captures_is_shown_whenever_they_came(shop: Path) -> None:
    served(shop, rows(LIVE + 6 * DAY, 1, 100, seed=4))
    found = watched(shop)
    assert states(found) == ["quiet"] * 5 + ["broken", "quiet"]


def test_an_acknowledged_outage_is_reported_no_more_and_the_next_one_is(shop: Path) -> None:
    as_they_happened(shop)
    early = LIVE + 6 * DAY + timedelta(hours=2)
    assert watched(shop, now=early).word == "broken"
    said(shop, "acknowledge", "sale", "2026-03-06", "--why", "moved house")
    later = LIVE + 7 * DAY + timedelta(hours=2)
    assert watched(shop, now=later).word is None
    served(shop, rows(LIVE + 7 * DAY, 12, 100, seed=4))
    as_they_happened(shop)
    found = watched(shop, now=LIVE + 20 * DAY + timedelta(hours=2))
    assert [one.window.name for one in found.troubles] == ["2026-03-20"]


def test_captures_that_come_after_an_outage_was_told_are_a_revision(shop: Path) -> None:
    as_they_happened(shop)
    now = LIVE + 6 * DAY + timedelta(hours=2)
    assert states(watched(shop, now=now))[-1] == "broken"
    served(shop, rows(LIVE + 5 * DAY, 1, 100, seed=5))
    found = watched(shop, now=now)
    assert states(found)[-1] == "broken"
    assert [one.rows for one in found.history.revisions().values()] == [100]


def test_a_silence_counts_neither_as_quiet_nor_as_drift(shop: Path) -> None:
    served(shop, rows(LIVE + 6 * DAY, 1, 100, seed=4))
    history = watched(shop).history
    number, _ = history.references()[-1]
    last = history.checks()[-1]
    assert all(one.rows for one in history.before(1, number, last.window))
