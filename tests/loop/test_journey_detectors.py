"""A detector of River, and one of Evidently, sets a retrain off where the policy names it."""

import os
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.loop.journeys import asked, at, day, quiet, shop
from tests.loop.shop import said, ticked
from trueup.integrations.evidently.session import PYTHON
from trueup.loop.events import Decided

pytestmark = pytest.mark.slow

OWN = Path(__file__).parents[2] / ".build" / "venv-evidently" / "bin" / "python"
MONITOR = (
    "{window: 1d, lateness: 1h, false_alarms: 1 per 900d,"
    " drift: {min_effect: 0.95, detectors: [DETECTOR]}}"
)
LOOP = (
    "{when: [{drift: {NAMED}, do: retrain}], cooldown: 1h,"
    " retrain: {params: {prepare.until: now}}, then: person}"
)


def moved(table: Any) -> Any:
    """Move ``staff`` by less than the profiles find material."""
    return table.with_columns(staff=(table["staff"] + 3).clip(0, 9))


@pytest.mark.parametrize("detector", ["river.adwin", "evidently.data_drift"])
def test_it_retrains_where_the_policy_names_it_and_nowhere_else(
    detector: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if detector.startswith("river"):
        pytest.importorskip("river")
    elif find_spec("evidently") is None and PYTHON not in os.environ:
        if not OWN.exists():
            pytest.skip("Evidently has no environment: scripts/env.sh evidently")
        monkeypatch.setenv(PYTHON, str(OWN))
    unnamed = LOOP.replace("{NAMED}", "{}")
    named = LOOP.replace("NAMED", f"detectors: [{detector}]")
    root = shop(tmp_path, MONITOR.replace("DETECTOR", detector), unnamed, days=12)
    asked(root, quiet(0))
    asked(root, moved(quiet(1)))
    assert said(root, "monitor", "sale", "--now", at(1)) == 0  # it fires, and does not count
    assert not ticked(root, day(2) + timedelta(hours=2)).decision.actions
    path = root / "trueup.yaml"
    path.write_text(path.read_text().replace(unnamed, named))
    asked(root, moved(quiet(2)) if detector.startswith("evidently") else quiet(2))
    assert said(root, "monitor", "sale", "--now", at(2)) == 5
    found = ticked(root, day(3) + timedelta(hours=2))
    (decided,) = [one for one in found.decision.actions if isinstance(one, Decided)]
    assert (decided.do, decided.cause.kind, decided.cause.window) == (
        "retrain", "drift", "2026-01-21",
    )  # fmt: skip
    assert detector in decided.cause.says
    assert [one.end for one in found.carried] == ["asked"], found.carried
