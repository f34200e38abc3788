"""What monitoring and the loop have written last, as Prometheus reads it."""

from trueup import clock
from trueup.serving.http.exposition import Text, exposition
from trueup.serving.http.messages import PROMETHEUS, Reply, Request, text_reply
from trueup.serving.http.table import Answering
from trueup.serving.observing import LOOP, Observer
from trueup.serving.plane import Plane

_SAYS = {
    "trueup_monitor_window_end_seconds": "Unix time at which the last checked window ends.",
    "trueup_monitor_checked_seconds": "Unix time at which it was checked.",
    "trueup_monitor_version": "The version whose window that was.",
    "trueup_monitor_rows": "Rows of that window.",
    "trueup_monitor_state": "1 for how that window stands, 0 for all else.",
    "trueup_monitor_broken": "What was found broken in it.",
    "trueup_monitor_drift_score": "The highest score of all columns.",
    "trueup_monitor_drift_threshold": "The score above which drift is significant.",
    "trueup_monitor_drifted_columns": "Columns that have drifted.",
    "trueup_monitor_effect": "How far a column is from the reference, of those that are furthest.",
    "trueup_monitor_detector": "1 for a detector that has found something in it, by its promise.",
    "trueup_monitor_uncalibrated_detector": "The same of one that promises nothing.",
    "trueup_monitor_estimated": "A metric of that window, estimated without labels.",
    "trueup_monitor_realised": "A metric of the last window whose labels are complete.",
    "trueup_monitor_realised_window_end_seconds": "Unix time at which that window ends.",
}


def metrics_with(observer: Observer) -> Answering:
    """Return what answers GET /metrics with what was read last, too."""

    async def metrics(plane: Plane, request: Request) -> Reply:
        """Show every counter of this process, and what monitoring and the loop wrote last."""
        return text_reply(exposition(plane) + observed(observer), PROMETHEUS)

    return metrics


def observed(observer: Observer) -> str:
    """Return what was read last, with its age; nothing of what was never read."""
    text = Text()
    for line, seen in observer.seen().items():
        for one in seen.gauges(line):
            says = _SAYS.get(one.name, "Of the last check.")
            text.add(one.name, "gauge", says, one.value, dict(one.labels))
    ages = observer.ages_s()
    for line, age_s in ages.items():
        if line != LOOP:
            says = "Time since the records of monitoring were read."
            labels = {"model": line}
            text.add("trueup_monitor_read_age_seconds", "gauge", says, round(age_s, 3), labels)
    now = clock.now()
    for name, beat in observer.heartbeats.items():
        says = "Time since the loop's last sign of life."
        age_s = max(0.0, (now - beat.at).total_seconds())
        labels = {"loop": name[:80]}
        text.add("trueup_loop_heartbeat_age_seconds", "gauge", says, round(age_s, 3), labels)
        if beat.every_s:
            says = "Time between two signs of life."
            text.add("trueup_loop_heartbeat_every_seconds", "gauge", says, beat.every_s, labels)
    if LOOP in ages:
        says = "Time since the loop's signs of life were read."
        text.add("trueup_loop_read_age_seconds", "gauge", says, round(ages[LOOP], 3), {})
    return text.body()
