"""What a tick takes for drift: the profiles' word, and that of detectors which are named."""

from datetime import UTC, datetime, timedelta

import pytest

from trueup.monitoring.detectors.findings import Finding
from trueup.monitoring.watching.events import Checked, Detected, Drifted
from trueup.monitoring.watching.windows import Window
from trueup.project.observing import _drifted

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
QUIET = Drifted(False, alarmed=False, incident=False, claimed=True, score=1.0, at=3.0, effect="")
MOVED = Drifted(
    True, alarmed=True, incident=True, claimed=True, score=9.0, at=3.0, effect="", moved=("near",)
)
COUNTS = Detected((Finding("river.adwin", "calibrated", fired=True, significant=True),))
SHOWN = Detected((Finding("river.adwin", "uncalibrated", fired=True, significant=True),))
NAMED = Detected(SHOWN.findings, triggers=("river.adwin",))


def checked(drift: Drifted | None, detected: Detected | None) -> Checked:
    return Checked(
        at=BEGIN, by="ada", window=Window(BEGIN, BEGIN + timedelta(days=1)), version=1,
        reference=1, rows=100, segments="s", drift=drift, detected=detected,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("drift", "detected", "drifted", "moved"),
    [
        (None, None, None, ()),
        (QUIET, None, False, ()),
        (MOVED, None, True, ("near",)),
        (QUIET, SHOWN, False, ()),
        (QUIET, COUNTS, True, ()),
        (None, NAMED, True, ("river.adwin",)),
        (MOVED, NAMED, True, ("near", "river.adwin")),
    ],
)
def test_a_detector_drifts_where_it_counts_or_where_the_loop_names_it(
    drift: Drifted | None,
    detected: Detected | None,
    drifted: bool | None,
    moved: tuple[str, ...],
) -> None:
    assert _drifted(checked(drift, detected)) == (drifted, moved)
