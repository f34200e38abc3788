"""An alarm as a report: what a person is told, whether a rate is claimed or not."""

import numpy as np
import pytest

from tests.monitoring.streams import numbers, stable
from trueup.monitoring.alarm_report import alarm_report
from trueup.monitoring.alarms import Moment, check
from trueup.monitoring.calibration.calibrating import calibrate
from trueup.monitoring.calibration.records import Plan
from trueup.reporting.blocks import Table, Text, Verdict


@pytest.mark.parametrize(
    ("days", "says"), [(365, "At most 1 false incidents per 90 days"), (60, "No rate is claimed")]
)
def test_a_report_says_what_moved_and_what_stands_behind_it(days: int, says: str) -> None:
    threshold = calibrate(stable(days), Plan())
    window = stable(1, 5)
    window[1] = numbers("x1", [1.0], np.random.default_rng(1), 500)
    report = alarm_report(check(threshold, window, Moment(window="Monday", alarmed=(True,))))
    verdict, columns, notes = report.blocks
    assert isinstance(verdict, Verdict)
    assert (verdict.word, verdict.subject) == ("fail", "window Monday")
    assert verdict.reasons[0].startswith("x1: ")
    assert isinstance(columns, Table)
    assert columns.rows[0][:3] == (1, "x1", "drifted")
    assert isinstance(notes, Text)
    assert says in notes.text
    assert "None of the reference's" in notes.text
    assert "began before" in notes.text


def test_a_quiet_window_passes() -> None:
    threshold = calibrate(stable(60), Plan())
    verdict = alarm_report(check(threshold, stable(1, 5))).blocks[0]
    assert isinstance(verdict, Verdict)
    assert (verdict.word, verdict.reasons) == ("pass", ("no column has drifted",))
