"""A model that is served over simulated days, and watched."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.project.watched import LIVE, project, promoted, rows, served, states, watched


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shop with ten quiet days and four in which ``near`` has moved."""
    root = project(tmp_path_factory.mktemp("shop") / "project")
    promoted(root, 5)
    served(root, rows(LIVE, 10, 200, seed=3))
    served(root, rows(LIVE + timedelta(days=10), 4, 200, seed=4, shift=0.35))
    return root


def test_windows_are_quiet_until_a_column_moves(shop: Path) -> None:
    found = watched(shop)
    assert states(found) == ["quiet"] * 10 + ["alarm"] * 4
    assert found.word == "alarm"
