"""What was served, held against what the pipeline computes, in each window that is checked."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.project.watched import LIVE, project, promoted, rows, said, served, states, watched
from trueup.monitoring.watching.events import Compared

DAY = timedelta(days=1)
MONITOR = "{window: 1d, lateness: 1h, false_alarms: 1 per 20d, skew: {table: computed.parquet}}"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a shop that says where what it computes for served ids lies."""
    root = project(tmp_path / "shop", MONITOR)
    promoted(root, 5)
    return root


def computed(root: Path, table: Any) -> None:
    table.drop("sold").write_parquet(root / "computed.parquet")


def compared(root: Path) -> list[Compared]:
    found = [one.skew for one in watched(root).checks]
    return [one for one in found if one is not None]


def test_a_feature_that_is_served_otherwise_than_computed_is_broken_data(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = rows(LIVE, 2, 100, seed=3)
    computed(shop, table)
    late = table["at"] >= LIVE + DAY
    served(shop, table.with_columns(staff=table["staff"] + late.cast(int)))
    assert said(shop, "monitor", "sale") == 9
    told = capfd.readouterr().out
    assert "staff skew" in told
    assert "2026-03-02 as served and as in computed.parquet" in told
    found = watched(shop)
    assert states(found) == ["quiet", "broken"]
    assert [(one.check, one.column) for one in found.checks[1].broken] == [("skew", "staff")]
    assert found.checks[1].broken[0].says == (
        "100 of 100 served values are not what the pipeline computes: 1 more than computed"
    )
    assert compared(shop) == [
        Compared("computed.parquet", 100),
        Compared("computed.parquet", 100, different={"staff": 100}),
    ]


def test_ids_that_are_not_computed_yet_break_nothing_and_are_told(shop: Path) -> None:
    table = rows(LIVE, 2, 100, seed=3)
    computed(shop, table.head(60))
    served(shop, table)
    found = watched(shop)
    assert states(found) == ["quiet", "quiet"]
    first, second = compared(shop)
    assert (first.rows, first.absent, first.why) == (60, 40, "")
    assert (second.rows, second.why) == (0, "none of the window's ids is in computed.parquet")


def test_a_table_that_is_not_there_is_told_and_windows_are_checked(shop: Path) -> None:
    served(shop, rows(LIVE, 1, 100, seed=3))
    assert states(watched(shop)) == ["quiet"]
    (only,) = compared(shop)
    assert only.why == "there is no such table"


def test_as_much_may_differ_as_is_declared(tmp_path: Path) -> None:
    root = project(tmp_path / "shop", MONITOR.replace(".parquet}", ".parquet, share: 0.1}"))
    promoted(root, 5)
    table = rows(LIVE, 1, 100, seed=3)
    computed(root, table)
    few = table["id"].is_in(["3-1", "3-2"])
    served(root, table.with_columns(staff=table["staff"] + few.cast(int)))
    found = watched(root)
    assert states(found) == ["quiet"]
    assert compared(root)[0].different == {"staff": 2}
