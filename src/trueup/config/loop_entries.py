"""The grammar of the loop: when to retrain, how often at most, and what follows."""

from typing import Annotated, Any, Literal

from msgspec import field

from trueup.config.sections import Section
from trueup.config.shapes import Amount
from trueup.config.units import (
    DURATION,
    FREEZE,
    HITS,
    PERCENT,
    RATE,
    SCHEDULE,
    Freeze,
    Hits,
    Rate,
)

_POSITIVE = Amount(whole=True, least=1)
_DROP = Amount(above=0)
_FACTOR = Amount(least=1)
_AT_LEAST_0 = Amount(least=0)


class DriftTrigger(Section, frozen=True):
    """Inputs have changed."""

    windows: Annotated[Hits, HITS, "in so many of the last windows"] = Hits(1, 1)
    detectors: Annotated[
        tuple[str, ...], "of monitor.drift.detectors: those that count although uncalibrated"
    ] = ()


class DropTrigger(Section, frozen=True):
    """The metric has fallen."""

    drop: Annotated[float | None, _DROP, "by so much"] = None
    at_least: Annotated[float | None, "a bound that it is not to fall below"] = None
    at_most: Annotated[float | None, "a bound that it is not to rise above"] = None
    windows: Annotated[Hits, HITS, "in so many of the last windows"] = Hits(1, 1)


class WindowsTrigger(Section, frozen=True):
    """Something is wrong with windows."""

    windows: Annotated[Hits, HITS, "in so many of the last windows"] = Hits(1, 1)


class EventTrigger(Section, frozen=True):
    """Something has happened; there is nothing to set."""


class LabelsTrigger(Section, frozen=True):
    """New labels have arrived."""

    new: Annotated[int, _POSITIVE, "so many"]


class TriggerEntry(Section, frozen=True):
    """One reason to act, and what to do."""

    exactly_one = (
        *("drift", "performance", "estimate", "schedule", "labels"),
        *("data_broken", "harm", "skew", "deploy_failed"),
    )

    do: Annotated[Literal["retrain", "notify", "rollback"], "what to do"]
    drift: Annotated[DriftTrigger | None, "when inputs have changed"] = None
    performance: Annotated[DropTrigger | None, "when the metric has fallen"] = None
    estimate: Annotated[DropTrigger | None, "when its estimate without labels has fallen"] = None
    schedule: Annotated[str | None, SCHEDULE, "at these times"] = None
    zone: Annotated[str, "the time zone of the schedule, such as America/New_York"] = "UTC"
    labels: Annotated[LabelsTrigger | None, "when new labels have arrived"] = None
    data_broken: Annotated[WindowsTrigger | None, "when captures are not as declared"] = None
    harm: Annotated[EventTrigger | None, "when a version on trial does harm"] = None
    skew: Annotated[WindowsTrigger | None, "when serving and training compute differently"] = None
    deploy_failed: Annotated[EventTrigger | None, "when a rollout has failed"] = None


class CiEntry(Section, frozen=True):
    """The workflow that trains for the loop."""

    workflow: Annotated[str, "the workflow's file on GitHub; GitLab has one pipeline"] = (
        "trueup-retrain.yml"
    )
    ref: Annotated[str, "the branch that it runs on, if not the one checked out"] = ""


class RayEntry(Section, frozen=True):
    """The Ray cluster that trains for the loop."""

    address: Annotated[str, "of its dashboard, if not RAY_API_SERVER_ADDRESS or RAY_ADDRESS"] = ""
    env: Annotated[tuple[str, ...], "the environment variables that its jobs get, by name"] = ()
    cpus: Annotated[float | None, _AT_LEAST_0, "set aside for the job on its node"] = None
    gpus: Annotated[float | None, _AT_LEAST_0, "set aside for the job on its node"] = None


class RetrainEntry(Section, frozen=True):
    """How it retrains."""

    params: Annotated[
        dict[str, Any],
        "parameters to set; now: the end of the window or the schedule's slot, holdout: where the "
        "hold-out begins",
    ] = field(default_factory=dict)
    where: Annotated[Literal["here", "ray", "ci"], "where it runs"] = "here"
    ci: Annotated[CiEntry, "the workflow, where: ci"] = CiEntry()
    ray: Annotated[RayEntry, "the cluster, where: ray"] = RayEntry()
    holdout: Annotated[
        float | None,
        DURATION,
        "the newest rows withheld from training; 28d where a parameter is holdout",
    ] = None
    refit: Annotated[bool, "train once more on all rows after the gate has passed"] = False


class CanaryEntry(Section, frozen=True):
    """What a version on trial is held to, and how long."""

    at_most: Annotated[float, DURATION, "the trial ends undecided after so long"] = 14 * 86400.0
    every: Annotated[float, DURATION, "how often the gate judges live rows"] = 86400.0
    errors: Annotated[float, PERCENT, "the share of rows it may leave unanswered, as 5%"] = 0.05
    latency: Annotated[
        float, _FACTOR, "its 99th percentile of latency, at most so many times the champion's"
    ] = 2.0


class AftermathEntry(Section, frozen=True):
    """Whether the trouble went away."""

    windows: Annotated[int, _POSITIVE, "how many windows to look at after a retrain"] = 4
    stop_after: Annotated[int, _POSITIVE, "stop after so many retrains in a row did not help"] = 2
    influences: Annotated[
        bool, "predictions influence outcomes, so that only a live split can tell"
    ] = False
    actions: Annotated[
        tuple[str, ...], "the columns that record what was done upon a prediction, if it influences"
    ] = ()


class LoopEntry(Section, frozen=True):
    """When a model is retrained, and what follows."""

    when: Annotated[tuple[TriggerEntry, ...], "the reasons to act"] = ()
    cooldown: Annotated[float, DURATION, "the least time between two retrains"] = 7 * 86400.0
    budget: Annotated[Rate | None, RATE, "the most retrains in a period"] = None
    freeze: Annotated[
        tuple[Annotated[Freeze, FREEZE], ...], "days on which nothing is promoted"
    ] = ()
    zone: Annotated[str, "the time zone of these days, such as America/New_York"] = "UTC"
    retrain: Annotated[RetrainEntry, "how it retrains"] = RetrainEntry()
    then: Annotated[
        Literal["promote", "canary", "pull_request", "person"], "what follows a passing verdict"
    ] = "pull_request"
    canary: Annotated[CanaryEntry, "the trial, then: canary"] = CanaryEntry()
    aftermath: Annotated[AftermathEntry, "whether the trouble went away"] = AftermathEntry()
