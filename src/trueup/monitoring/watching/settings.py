"""What trueup.yaml says of watching a model, as far as it decides what a check comes to."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from trueup.config.model_entries import ModelEntry, MonitorEntry
from trueup.errors import WrongUsage, did_you_mean
from trueup.monitoring.calibration.records import Pace, Plan, Promise, Rule

MIN_EFFECT = 0.1
DRIFT_SHARE = 0.8  # of the promise, where performance is watched too
Rhythm: TypeAlias = Literal["hour", "weekday", "month"]
_LONGEST_S: dict[str, float] = {"hour": 3600.0, "weekday": 86_400.0, "month": 28 * 86_400.0}
_FORMS = {"hour": "%H", "weekday": "%a", "month": "%b"}


class Settings(msgspec.Struct, frozen=True):
    """What a reference is calibrated for; other settings want another calibration."""

    window_s: float
    incidents: float
    per_s: float
    share: float
    hits: int
    of: int
    min_effect: float
    seasonal: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    metric: str = ""  # of performance
    detectors: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Return what tells them from others."""
        from blake3 import blake3

        told = msgspec.to_builtins(self)
        if not self.detectors:  # so it was before there were any
            del told["detectors"]
        return blake3(msgspec.json.encode(told)).hexdigest()[:16]

    @property
    def plan(self) -> Plan:
        """Return what is declared of an alarm for drift; detectors have their part of the rate."""
        return self._plans[0]

    @property
    def detectors_plan(self) -> Plan:
        """Return what is declared of an alarm by detectors."""
        return self._plans[1]

    @property
    def _plans(self) -> tuple[Plan, Plan]:
        if not self.detectors:
            return self._whole, self._whole
        from trueup.monitoring.detectors.panel import plan_of

        return plan_of(self._whole)

    @property
    def _whole(self) -> Plan:
        return Plan(
            promise=Promise(self.incidents, self.per_s, self.share),
            pace=Pace(self.window_s),
            rule=Rule(self.hits, self.of),
            min_effect=self.min_effect,
        )

    def phase(self, moment: datetime) -> str:
        """Return what a window that begins then is compared with alone; empty: with all.

        >>> told = Settings(3600.0, 1.0, 1.0, 1.0, 1, 1, 0.1, ("weekday", "hour"))
        >>> told.phase(datetime(2013, 6, 8, 5))
        'Sat 05'
        """
        return " ".join(moment.strftime(_FORMS[one]) for one in self.seasonal)


def settings_of(entry: ModelEntry, place: str) -> Settings:
    """Return the settings of a model; an alarm's rule is that by which drift sets off the loop.

    WrongUsage for a season that there is none, or that a window is longer than.
    """
    monitor = entry.monitor or MonitorEntry()
    rule = _rule(entry)
    effect = monitor.drift.min_effect
    return Settings(
        window_s=monitor.window,
        incidents=monitor.false_alarms.times,
        per_s=monitor.false_alarms.period_s,
        share=DRIFT_SHARE if monitor.performance.metric else 1.0,
        hits=rule.hits,
        of=rule.of,
        min_effect=MIN_EFFECT if effect is None else effect,
        seasonal=_seasonal(monitor, place),
        context=monitor.context,
        metric=str(monitor.performance.metric or ""),
        detectors=monitor.drift.detectors,
    )


def _rule(entry: ModelEntry) -> Rule:
    triggers = entry.loop.when if entry.loop else ()
    hits = next((one.drift.windows for one in triggers if one.drift), None)
    return Rule(hits.hits, hits.of) if hits else Rule()


def _seasonal(monitor: MonitorEntry, place: str) -> tuple[str, ...]:
    named = tuple(monitor.drift.seasonal.replace(",", " ").split())
    for one in named:
        if one not in _FORMS:
            raise WrongUsage(
                f"there is no season {one!r}",
                remedy=f"{did_you_mean(one, _FORMS)}Name one or several of: {', '.join(_FORMS)}",
                place=place,
            )
        if monitor.window > _LONGEST_S[one]:
            raise WrongUsage(
                f"a window of {monitor.window:g} s lies in more than one {one}",
                remedy="Make monitor.window shorter, or name a longer season",
                place=place,
            )
    return named
