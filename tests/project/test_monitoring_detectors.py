"""Detectors that the model names, in the windows of a served shop, by the command line."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tests.project.watched import LIVE, project, promoted, rows, said, served, states, watched
from trueup.monitoring.watching.events import Detected
from trueup.monitoring.watching.standing import Standing

DAY = timedelta(days=1)
CHECKS = """
def far(reference, window):
    apart = abs(reference["staff"].mean() - window["staff"].mean())
    page = f"<p>{apart:.3f}</p>"
    return {"score": apart, "drifted": apart > 1, "says": "by staff", "html": page}
"""
OFTEN = "window: 1d, lateness: 1h, false_alarms: 1 per 2d, "
SELDOM = "window: 1d, lateness: 1h, false_alarms: 1 per 90d, "


def shop(root: Path, monitor: str, more: str = "") -> Path:
    """Write a shop with a detector of its own; ``more`` are further lines of the model."""
    project(root, monitor)
    (root / "checks.py").write_text(CHECKS)
    if more:
        path = root / "trueup.yaml"
        path.write_text(path.read_text() + f"    {more}\n")
    promoted(root, 5)
    return root


def moved(first: Any, days: int, seed: int) -> Any:
    """Return rows in which ``staff`` has risen by less than drift finds material."""
    table = rows(first, days, 100, seed=seed)
    return table.with_columns(staff=(table["staff"] + 3).clip(0, 9))


def findings(found: Standing) -> Iterator[Detected]:
    for one in found.checks:
        assert one.detected is not None
        yield one.detected


@pytest.fixture(scope="module")
def detected_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shop that names a function and a stream of River, with three quiet days checked."""
    pytest.importorskip("river")
    root = tmp_path_factory.mktemp("detected") / "shop"
    named = 'drift: {min_effect: 0.95, detectors: ["checks:far", river.adwin]}'
    shop(root, "{" + OFTEN + named + "}")
    served(root, rows(LIVE, 3, 100, seed=3))
    assert said(root, "monitor", "sale") == 0
    return root


@pytest.fixture
def detecting(detected_shop: Path, tmp_path: Path) -> Path:
    """Return a copy of that shop."""
    return copytree(detected_shop, tmp_path / "shop")


def test_detectors_look_at_every_window_and_are_part_of_its_event(detecting: Path) -> None:
    found = watched(detecting)
    assert states(found) == ["quiet"] * 3
    for one in findings(found):
        assert [each.detector for each in one.findings] == ["checks:far", "river.adwin"]
        assert {each.standing for each in one.findings} == {"calibrated"}
        assert (one.alarmed, one.triggers, one.pages) == (False, (), {})
    assert found.reference is not None
    assert any(line.startswith("Detectors: ") for line in found.reference.rate)


def test_what_a_detector_finds_is_an_alarm_though_drift_is_not_material(
    detecting: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    served(detecting, moved(LIVE + 3 * DAY, 2, seed=4))
    assert said(detecting, "monitor", "sale", "--html", str(detecting / "page.html")) == 5
    told = capfd.readouterr().out
    assert "Detectors in 2026-03-05" in told
    assert "checks:far scores" in told
    assert "checks:far fired" in told
    assert "checks:far" in (detecting / "page.html").read_text()
    first, second = list(findings(watched(detecting)))[3:]
    assert "checks:far" in first.triggers
    assert (first.incident, second.incident) == (True, False)
    assert list(first.pages) == ["checks.far.html"]
    page = detecting / ".trueup" / "store" / first.pages["checks.far.html"]
    assert page.read_text().startswith("<p>")
    assert said(detecting, "monitor", "sale", "--md") == 5
    assert "| checks:far | drifted |" in capfd.readouterr().out
    assert said(detecting, "monitor", "sale", "--json") == 5
    windows = json.loads(capfd.readouterr().out)["windows"]
    assert windows[-1]["detected"]["triggers"] == list(second.triggers)


def test_an_acknowledged_detector_is_reported_no_more(detecting: Path) -> None:
    served(detecting, moved(LIVE + 3 * DAY, 1, seed=4))
    assert said(detecting, "monitor", "sale") == 5
    said(detecting, "acknowledge", "sale", "2026-03-04", "--why", "a new shift")
    assert said(detecting, "monitor", "sale") == 0


def test_checked_day_by_day_a_stream_goes_on_as_if_checked_at_once(
    detecting: Path, tmp_path: Path
) -> None:
    other = copytree(detecting, tmp_path / "other")
    for day in range(2):
        served(detecting, rows(LIVE + (3 + day) * DAY, 1, 100, seed=7 + day))
        watched(detecting)
        served(other, rows(LIVE + (3 + day) * DAY, 1, 100, seed=7 + day))
    found, at_once = watched(detecting), watched(other)
    assert [one.detected for one in found.checks] == [one.detected for one in at_once.checks]
    keys = [one.panel for one in findings(found)]
    assert len(set(keys)) == len(keys)  # a stream's state is another after each window


def test_states_are_not_carried_over_a_promotion(detecting: Path) -> None:
    served(detecting, moved(LIVE + 3 * DAY, 2, seed=4))
    watched(detecting)
    promoted(detecting, 9)
    served(detecting, moved(LIVE + 5 * DAY, 1, seed=6))
    found = watched(detecting)
    last = found.checks[-1]
    assert (last.version, last.detected is not None and last.detected.incident) == (2, True)
    (_, first), (_, second) = found.history.references()
    assert second.panel
    assert first.panel != second.panel or first.reference == second.reference


def test_what_cannot_be_calibrated_stands_apart_and_alarms_nobody(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    named = 'drift: {min_effect: 0.95, detectors: ["checks:far"]}'
    root = shop(tmp_path / "shop", "{" + SELDOM + named + "}")
    served(root, moved(LIVE, 1, seed=4))
    assert said(root, "monitor", "sale") == 0
    (one,) = findings(watched(root))
    assert (one.findings[0].standing, one.findings[0].fired) == ("uncalibrated", True)
    assert one.triggers == ()
    told = capfd.readouterr().out
    assert "Uncalibrated detectors" in told
    assert "fired, which does not count" in told


def test_what_the_policy_names_alarms_although_it_is_uncalibrated(tmp_path: Path) -> None:
    named = 'drift: {min_effect: 0.95, detectors: ["checks:far"]}'
    policy = 'loop: {when: [{drift: {detectors: ["checks:far"]}, do: notify}]}'
    root = shop(tmp_path / "shop", "{" + SELDOM + named + "}", policy)
    served(root, moved(LIVE, 1, seed=4))
    assert said(root, "monitor", "sale") == 5
    (one,) = findings(watched(root))
    assert one.triggers == ("checks:far",)


def test_detectors_take_their_part_of_the_rate_from_drift(tmp_path: Path) -> None:
    root = project(tmp_path / "shop", '{false_alarms: 1 per 2d, drift: {detectors: ["a:b"]}}')
    from tests.project.projects import opened
    from trueup.monitoring.watching.settings import settings_of
    from trueup.project.loading import entry_of

    told = settings_of(entry_of(opened(root), "shop/sale"), "trueup.yaml")
    shares = (told.plan.promise.share, told.detectors_plan.promise.share)
    assert shares == pytest.approx((0.8, 0.2))


def test_a_window_with_few_rows_is_not_compared_by_detectors(tmp_path: Path) -> None:
    named = 'drift: {min_effect: 0.95, detectors: ["checks:far"]}'
    root = shop(tmp_path / "shop", "{" + OFTEN + named + "}")
    served(root, moved(LIVE, 1, seed=4).head(20))
    (one,) = findings(watched(root))
    assert one.findings[0].standing == "failed"
    assert "20 rows, where the reference's have 60" in one.findings[0].says[0]


def test_another_detector_begins_with_a_panel_of_its_own(detecting: Path) -> None:
    path = detecting / "trueup.yaml"
    path.write_text(path.read_text().replace("river.adwin", "e_detector"))
    served(detecting, rows(LIVE + 3 * DAY, 1, 100, seed=8))
    *_, last = findings(watched(detecting))
    assert [one.detector for one in last.findings] == ["checks:far", "e_detector"]


def test_what_detectors_have_kept_of_rows_goes_with_an_erasure_and_is_made_anew(
    detecting: Path,
) -> None:
    kept = detecting / ".trueup" / "store" / "profiles" / "shop" / "sale"

    def states_of_rows() -> list[Path]:
        return [one for kind in ("state", "panel", "page") for one in kept.glob(f"*/{kind}-*")]

    assert states_of_rows()
    said(detecting, "captures", "erase", "sale", "--id", "3-0", "--why", "asked to")
    assert not states_of_rows()
    served(detecting, moved(LIVE + 3 * DAY, 1, seed=4))
    found = watched(detecting)
    assert found.reference is not None
    assert "rows were erased" in found.reference.why
    assert "checks:far" in list(findings(found))[-1].triggers
    assert states_of_rows()
    again = watched(detecting)
    assert again.reference == found.reference
