"""One simulated year: a reference of its own, a quarter that nobody looks at, and daily checks.

Of a metric with labels, which has a tenth of the promise, ten years are watched for one; by
e-detectors two and a half.
"""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from studies.bounded_streams import Bounded, watched
from studies.drift_settings import QUARTER, YEAR, Stable
from studies.labelled_streams import WATCHED, Labelled, values
from studies.stable_streams import Drawing
from trueup.monitoring.alarms import Moment, check
from trueup.monitoring.calibration.calibrating import calibrate
from trueup.monitoring.calibration.incidents import alarms, started
from trueup.monitoring.calibration.records import Plan, Promise, Rule, Season, Support, Threshold
from trueup.monitoring.calibration.replaying import replayed
from trueup.monitoring.cells import Cells
from trueup.monitoring.performance.dropping import DropPlan, drop_threshold, dropped

MIN_EFFECT = Plan().min_effect
MATERIAL_DROP = 0.02


@dataclass(frozen=True)
class Year:
    """What came of one simulated year."""

    claimed: bool
    basis: str
    covered: int  # columns that the promise covers
    incidents: int  # of significance alone
    material: int


def seeded(name: str, number: int, seed: int) -> np.random.Generator:
    """Return the generator of a setting's year of this number."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), number])


Setting = Stable | Labelled | Bounded


def year(setting: Setting, number: int, seed: int) -> Year:
    """Simulate a setting's year of this number; the same seed gives the same year."""
    rng = seeded(setting.name, number, seed)
    if isinstance(setting, Bounded):
        columns, alarmed = watched(setting, rng)
        return Year(columns > 0, "promised" if columns else "unsteady", columns, alarmed, alarmed)
    return _drops(setting, rng) if isinstance(setting, Labelled) else _drifts(setting, rng)


def _drifts(stable: Stable, rng: np.random.Generator) -> Year:
    days = stable.reference + QUARTER + YEAR
    columns = Drawing(stable.stream, days, rng).columns()
    phases = tuple(f"{day % 7}" for day in range(days)) if stable.weekdays else ()
    threshold = calibrated(columns, stable, phases)
    late = [each.part(slice(days - YEAR, None)) for each in columns]
    last = phases[days - YEAR :] if phases else ()
    scores = replayed(threshold, late, last)
    exceeded = np.asarray((scores[:, covered(threshold)] > 1).any(axis=1))
    drifted = _material(threshold, late, last, exceeded)
    many = sum(each.steady for each in threshold.columns)
    return _counted(threshold.support, stable.rule, many, exceeded, drifted)


def calibrated(columns: list[Cells], stable: Stable, phases: tuple[str, ...] = ()) -> Threshold:
    """Return the threshold of the first days of a stream."""
    reference = [each.part(slice(stable.reference)) for each in columns]
    return calibrate(reference, Plan(rule=stable.rule), Season(phases[: stable.reference]))


def covered(threshold: Threshold) -> Any:
    """Return which columns alarm by themselves."""
    steady = np.array([each.steady for each in threshold.columns])
    return steady if steady.any() else ~steady


def _material(
    threshold: Threshold, columns: list[Cells], phases: tuple[str, ...], exceeded: Any
) -> Any:
    """Return which of the windows that exceed have drifted, as a check has it."""
    drifted = exceeded.copy()
    for at in np.flatnonzero(exceeded):
        moment = Moment(phase=phases[at] if phases else "")
        drifted[at] = check(threshold, [each.part([at]) for each in columns], moment).drifted
    return drifted


def _drops(setting: Labelled, rng: np.random.Generator) -> Year:
    """Return the same of a metric with labels: whether it is said to have dropped."""
    days = values(setting, setting.reference + QUARTER + WATCHED, rng)
    plan = Plan(promise=Promise(share=setting.share), rule=setting.rule)
    declared = DropPlan(setting.metric, setting.higher, MATERIAL_DROP, plan=plan)
    threshold = drop_threshold(days[: setting.reference], declared)
    found = [dropped(threshold, one) for one in days[-WATCHED:]]
    significant = np.array([one.significant for one in found])
    material = np.array([one.dropped for one in found])
    return _counted(threshold.support, setting.rule, 1, significant, material)


def _counted(support: Support, rule: Rule, many: int, exceeded: Any, drifted: Any) -> Year:
    return Year(
        claimed=support.claimed,
        basis=support.basis,
        covered=many if support.claimed else 0,
        incidents=int(started(alarms(exceeded, rule), rule.quiet)),
        material=int(started(alarms(drifted, rule), rule.quiet)),
    )
