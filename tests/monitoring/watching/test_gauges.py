"""Gauges of a check: what detectors come to, apart where they promise nothing."""

from datetime import UTC, datetime, timedelta

from trueup.monitoring.detectors.findings import Finding
from trueup.monitoring.watching.events import Checked, Detected
from trueup.monitoring.watching.gauges import gauges
from trueup.monitoring.watching.windows import Window

LIVE = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_detectors_without_a_promise_have_a_gauge_of_their_own_and_are_bounded() -> None:
    found = [Finding("e_detector", "promised", fired=True)]
    found += [Finding(f"checks:{k}", "uncalibrated", fired=True) for k in range(20)]
    checked = Checked(
        at=LIVE, by="", window=Window(LIVE, LIVE + DAY), version=1, reference=1, rows=9,
        segments="", detected=Detected(tuple(found)),
    )  # fmt: skip
    seen = [one for one in gauges("sale", checked) if "detector" in one.name]
    assert [one.name for one in seen][:2] == [
        "trueup_monitor_detector", "trueup_monitor_uncalibrated_detector",
    ]  # fmt: skip
    assert {one.value for one in seen} == {True}
    assert len(seen) == 8
