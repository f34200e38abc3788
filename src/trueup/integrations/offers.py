"""The detectors of others that monitor.drift.detectors may name; none is imported before it is."""

from trueup.monitoring.detectors.naming import Offer

_RIVER = (
    *("adwin", "kswin", "page_hinkley"),
    *("ddm", "eddm", "fhddm", "hddm_a", "hddm_w"),
)

DETECTORS = (
    *(
        Offer(
            f"river.{name}", "trueup.integrations.river.detectors:river_detector", "river", "river"
        )
        for name in _RIVER
    ),
    Offer(
        "evidently.data_drift",
        "trueup.integrations.evidently.preset:evidently_drift",
        "evidently",
        "evidently",
        elsewhere=True,
    ),
)
