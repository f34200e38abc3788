"""How well a watched model does: estimated when a window closes, realised when labels are in."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.project.watched import (
    LIVE,
    labelled,
    project,
    promoted,
    rows,
    said,
    served,
    states,
    watched,
)

DAY = timedelta(days=1)
SETTINGS = (
    "{window: 1d, false_alarms: 1 per 5d,"
    " performance: {metric: roc_auc, labels: {mature_after: 2d}}}"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shop in which, from the fifth day on, what sells is the contrary."""
    root = project(tmp_path_factory.mktemp("shop") / "project", SETTINGS)
    promoted(root, 5)
    usual = rows(LIVE, 4, 200, seed=3)
    contrary = rows(LIVE + 4 * DAY, 2, 200, seed=4)
    for table in (usual, contrary):
        served(root, table)
    labelled(root, usual)
    labelled(root, contrary.with_columns(sold=1 - contrary["sold"]))
    return root


def test_labels_show_what_inputs_cannot(shop: Path) -> None:
    found = watched(shop)
    assert [one.state for one in found.checks] == ["quiet"] * 6  # inputs have not moved
    now = [found.history.state(one) for one in found.checks]
    assert now == ["quiet"] * 4 + ["alarm"] * 2
    assert found.word == "alarm"
    late = list(found.history.matured().values())
    assert [len(one.performance.realised) for one in late] == [1] * 6
    first, last = (one.performance.realised[0].value for one in (late[0], late[-1]))
    assert first is not None
    assert last is not None
    assert first > 0.8 > 0.3 > last


def test_the_estimate_was_made_without_labels_and_assumes_what_it_says(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for one in watched(shop).checks:
        assert one.performance is not None
        (made,) = one.performance.estimated
        assert made.value is not None
        assert made.value > 0.8
        assert one.performance.coverage.labelled == 0
    capfd.readouterr()
    assert said(shop, "monitor", "sale") == 5
    told = capfd.readouterr().out
    assert "assumes that P(y|x)" in told
    assert "realised performance" in told


def test_performance_is_written_down_once(shop: Path) -> None:
    before = watched(shop).history
    assert watched(shop).history == before


def test_a_drop_that_was_seen_is_reported_no_more(shop: Path) -> None:
    watched(shop)
    said(shop, "acknowledge", "sale", "2026-03-06", "--why", "the sale is over")
    assert watched(shop).word is None


def test_a_window_waits_for_its_labels(tmp_path: Path) -> None:
    root = project(tmp_path / "shop", SETTINGS)
    promoted(root, 5)
    table = rows(LIVE, 3, 200, seed=3)
    served(root, table)
    found = watched(root)
    assert (states(found), found.history.matured()) == (["quiet"] * 3, {})
    labelled(root, table.head(200))
    assert [window.name for _, window in watched(root).history.matured()] == ["2026-03-01"]


def test_why_nobody_tells_a_drop_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = project(tmp_path / "shop", SETTINGS.replace("window: 1d", "window: 14d"))
    promoted(root, 5)
    served(root, rows(LIVE - 10 * DAY, 30, 60, seed=3))
    assert said(root, "monitor", "sale") == 0
    told = capfd.readouterr().out
    assert "Whether the estimated roc_auc has dropped is not judged: the reference holds" in told
