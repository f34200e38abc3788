"""Evidently in the windows of a shop, from trueup.yaml to the exit code."""

import os
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.project.watched import EVALUATED, LIVE, project, promoted, rows, said, served, watched
from trueup.integrations.evidently.session import PYTHON

OWN = Path(__file__).parents[2] / ".build" / "venv-evidently" / "bin" / "python"
MONITOR = """{window: 1d, lateness: 1h, false_alarms: 1 per 2d, drift: {min_effect: 0.95,
      detectors: [evidently.data_drift]}}"""


@pytest.mark.slow
def test_evidently_alarms_by_its_calibrated_scores_and_its_page_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if find_spec("evidently") is None and PYTHON not in os.environ:
        if not OWN.exists():
            pytest.skip("Evidently has no environment: scripts/env.sh evidently")
        monkeypatch.setenv(PYTHON, str(OWN))
    root = project(tmp_path / "shop", MONITOR.replace("\n", " "))
    rows(EVALUATED, 30, 30, seed=1).write_csv(root / "test.csv")
    promoted(root, 5)
    served(root, rows(LIVE, 1, 30, seed=3))
    assert said(root, "monitor", "sale") == 0
    served(root, rows(LIVE + timedelta(days=1), 1, 30, seed=4, shift=0.5))
    said(root, "monitor", "sale")
    assert "evidently.data_drift" in capfd.readouterr().out
    quiet, moved = (one.detected for one in watched(root).checks)
    assert quiet is not None
    assert moved is not None
    assert [one.standing for one in quiet.findings] == ["calibrated"]
    assert (quiet.triggers, moved.triggers) == ((), ("evidently.data_drift",))
    page = root / ".trueup" / "store" / moved.pages["evidently.data_drift.html"]
    assert "<html" in page.read_text()[:1000]
