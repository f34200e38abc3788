"""A model's detectors: wrong names are told with their lines, right ones are opened and ended."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("polars")

import numpy as np
import polars as pl

from tests.project.projects import opened, write
from trueup.config.mistakes import ConfigInvalid
from trueup.monitoring.calibration.records import DAY_S, Plan, Promise
from trueup.monitoring.detectors.panel import panel_of, watch
from trueup.project.checking import check_rules
from trueup.project.detecting import detectors_of

FILE = """\
format: 1
project: delays
models:
  late:
    path: model.skops
    task: binary
    monitor:
      drift:
        detectors:
          - {first}
          - {second}
"""
CHECKS = """
def far(reference, window):
    return abs(reference["delay"].mean() - window["delay"].mean())
"""


def project(root: Path, first: str, second: str) -> Path:
    files = {"trueup.yaml": FILE.format(first=first, second=second), "checks.py": CHECKS}
    return write(root, files)


def test_every_wrong_name_is_told_with_its_line(tmp_path: Path) -> None:
    root = project(tmp_path, "river.adwim", "e_detektor")
    with pytest.raises(ConfigInvalid) as error:
        check_rules(opened(root))
    said = [str(one) for one in error.value.mistakes]
    assert "trueup.yaml:10:13" in said[0]
    assert "Did you mean 'river.adwin'?" in said[0]
    assert "trueup.yaml:11:13" in said[1]


def test_a_detector_that_only_the_policy_names_is_told_with_its_line(tmp_path: Path) -> None:
    root = project(tmp_path, "river.adwin", "e_detector")
    path = root / "trueup.yaml"
    policy = "    loop: {when: [{drift: {detectors: [river.adwim]}, do: notify}]}\n"
    path.write_text(path.read_text() + policy)
    with pytest.raises(ConfigInvalid, match=r"river\.adwim, which does not look") as error:
        check_rules(opened(root))
    assert "trueup.yaml:12:" in str(error.value.mistakes[0])
    assert "Did you mean 'river.adwin'?" in str(error.value)


def test_names_are_checked_without_loading_what_they_name(tmp_path: Path) -> None:
    root = project(tmp_path, "river.adwin", "domain_classifier")
    program = (
        "import sys, os; from pathlib import Path\n"
        "from trueup.project.workspace import Workspace\n"
        "from trueup.project.checking import check_rules\n"
        f"check_rules(Workspace(Path({str(root)!r}), os.environ))\n"
        "print([one for one in ('numpy', 'polars', 'river') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_function_of_the_project_is_calibrated_and_finds_a_shift(tmp_path: Path) -> None:
    root = project(tmp_path, "checks:far", "e_detector")
    rng = np.random.default_rng(3)
    windows = [pl.DataFrame({"delay": rng.normal(5, 2, 40)}) for _ in range(30)]
    with detectors_of(opened(root), "delays/late") as found:
        assert list(found) == ["checks:far", "e_detector"]
        panel = panel_of(found, windows, Plan(promise=Promise(1, 4 * DAY_S)))
        assert [one.standing for one in panel.members] == ["calibrated", "promised"]
        came = watch(panel, found, windows[0].with_columns(pl.col("delay") + 5))
    assert came.alarmed
    assert came.findings[0].counts
