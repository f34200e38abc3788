"""What a model's reference is made of: rows it has not seen, times, what its columns count for."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.project.watched import (
    LIVE,
    columns_of,
    fitted,
    project,
    promoted,
    rows,
    said,
    served,
    states,
    watched,
)

DAY = timedelta(days=1)


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """Return a shop that has served nothing."""
    return project(tmp_path / "fresh")


def test_rows_that_the_version_was_trained_on_are_left_out(fresh: Path) -> None:
    table = rows(LIVE - 59 * DAY, 50, 60, seed=1)
    table.write_csv(fresh / "test.csv")
    table.head(600).write_csv(fresh / "train.csv")
    promoted(fresh, 5)
    served(fresh, rows(LIVE, 1, 100, seed=3))
    reference = watched(fresh).reference
    assert reference is not None
    assert (reference.rows, reference.left_out) == (2400, 600)
    assert "600 rows that the version has seen are left out" in reference.says


def test_where_every_row_was_seen_only_inputs_are_compared_and_that_is_said(fresh: Path) -> None:
    (fresh / "train.csv").write_text((fresh / "test.csv").read_text())
    promoted(fresh, 5)
    served(fresh, rows(LIVE, 1, 100, seed=3))
    found = watched(fresh)
    assert found.reference is not None
    assert found.reference.basis == "training"
    assert "compared as inputs only" in found.reference.says[0]
    assert columns_of(found.checks[0]) == {"shop", "near", "staff"}


def test_rows_without_times_promise_nothing_and_still_show_a_large_shift(fresh: Path) -> None:
    path = fresh / "trueup.yaml"
    path.write_text(path.read_text().replace(", time: at}", "}"))
    promoted(fresh, 5)
    served(fresh, rows(LIVE, 2, 300, seed=3))
    served(fresh, rows(LIVE + 2 * DAY, 1, 300, seed=4, shift=0.35))
    found = watched(fresh)
    assert states(found) == ["unsupported", "unsupported", "alarm"]
    assert found.reference is not None
    assert "have no times" in found.reference.rate[0]


def test_of_a_model_that_says_nothing_columns_count_by_how_predictions_change(
    fresh: Path,
) -> None:
    (fresh / "model.skops").write_bytes(fitted(5, "HistGradientBoostingClassifier"))
    said(fresh, "register", "sale")
    said(fresh, "promote", "sale/1", "--override", "--why", "a test")
    served(fresh, rows(LIVE, 1, 100, seed=3))
    reference = watched(fresh).reference
    assert reference is not None
    assert "permuted among 2,000 rows" in reference.importance_by
    assert reference.importance["near"] > reference.importance["staff"]


def test_a_column_that_is_new_is_told_to_be_not_watched(tmp_path: Path) -> None:
    shop = project(tmp_path / "shop")
    path = shop / "trueup.yaml"
    path.write_text(path.read_text().replace("[shop, near, staff]", "[shop, near]"))
    (shop / "model.skops").write_bytes(fitted(5, without="staff"))
    said(shop, "register", "sale")
    said(shop, "promote", "sale/1", "--override", "--why", "a test")
    served(shop, rows(LIVE, 1, 100, seed=3))
    watched(shop)
    path.write_text(path.read_text().replace("[shop, near]", "[shop, near, staff]"))
    promoted(shop, 9)
    served(shop, rows(LIVE + DAY, 1, 100, seed=4))
    found = watched(shop).reference
    assert found is not None
    assert found.rate[-1].endswith("until it is made anew (trueup monitor rebase): staff")
