"""How well a version did in its windows: estimated when they close, realised when labels are in."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any

import msgspec

from trueup.config.model_entries import LabelsEntry, ModelEntry
from trueup.errors import TrueupError
from trueup.gate.metrics import Task
from trueup.gate.names import named
from trueup.monitoring.calibration.records import Plan
from trueup.monitoring.maturity import MaturityCurve, maturity_curve
from trueup.monitoring.performance.answers import NEVER, Answers
from trueup.monitoring.performance.dropping import (
    Drop,
    DropPlan,
    DropThreshold,
    Kind,
    drop_threshold,
    dropped,
    value_of,
)
from trueup.monitoring.performance.frames import Reading, answers_of
from trueup.monitoring.performance.past import PastEstimate, trust
from trueup.monitoring.performance.performing import (
    Asked,
    Before,
    Judged,
    followed,
    judged,
    performance,
    reference_values,
)
from trueup.monitoring.performance.records import Performance
from trueup.monitoring.watching.events import Checked
from trueup.monitoring.watching.history import History
from trueup.monitoring.watching.settings import Settings
from trueup.monitoring.watching.windows import Window

if TYPE_CHECKING:
    import polars as pl

TASKS = ("binary", "multiclass", "regression")
MOST_ROWS = 100_000  # of a reference; of a window whose inputs are looked at
SHARES: dict[Kind, float] = {"realised": 0.1, "estimated": 0.1}  # of the promise, beside drift's


class Wished(msgspec.Struct, frozen=True):
    """What trueup.yaml says of performance."""

    metric: str
    task: Task
    labels: LabelsEntry
    material: dict[str, float]  # by kind: what a drop must be at least


def wished(entry: ModelEntry) -> Wished | None:
    """Return what is watched of a model's performance; None where nothing is.

    A drop is material by what the loop's triggers say of it, else by the gate's margin.
    """
    asked = entry.monitor.performance if entry.monitor else None
    if asked is None or not isinstance(asked.metric, str) or not asked.metric:
        return None
    if entry.task not in TASKS:
        return None
    named(asked.metric, entry.task)  # refuses what is no metric of the task
    margins = [one.margin for one in entry.gate.rules if one.metric == asked.metric]
    least = next((one for one in margins if one is not None), 0.0)
    triggers = entry.loop.when if entry.loop else ()
    drops = {
        "realised": next((t.performance.drop for t in triggers if t.performance), None),
        "estimated": next((t.estimate.drop for t in triggers if t.estimate), None),
    }
    material = {kind: least if drop is None else drop for kind, drop in drops.items()}
    return Wished(asked.metric, entry.task, asked.labels, material)


def encode_answers(frame: "pl.DataFrame") -> bytes:
    """Return captures with labels as bytes: the newest of them, if there are many."""
    body = BytesIO()
    frame.sort("at", "id").tail(MOST_ROWS).write_ipc(body, compression="zstd")
    return body.getvalue()


class Performer:
    """Measures one version's windows against its reference."""

    def __init__(
        self, wish: Wished, settings: Settings, answers: bytes, classes: Sequence[str]
    ) -> None:
        self.wish, self.settings, self._answers = wish, settings, answers
        self._classes = tuple(classes)
        self._unjudged: dict[Kind, str] = {}  # why there is no threshold

    @cached_property
    def judged(self) -> Judged | None:
        """Return the reference made ready; None where it is of no use."""
        import polars as pl

        asked = Asked((self.wish.metric,), self.settings.window_s, self.wish.labels.mature_after)
        try:
            reading = Reading(self.wish.task, self._classes)
            return judged(answers_of(pl.read_ipc(BytesIO(self._answers)), reading), asked)
        except TrueupError:
            return None

    def answers(self, frame: "pl.LazyFrame | pl.DataFrame", *, inputs: bool) -> Answers:
        """Return captures as what performance is computed from."""
        names = None if inputs else ()
        reading = Reading(self.wish.task, self._classes, self.wish.labels, names)
        return answers_of(frame, reading)

    def closed(
        self, window: Window, answers: Answers, before: Sequence[Checked], past: Any
    ) -> tuple[Performance | None, tuple[Drop, ...]]:
        """Return what is known when a window closes: an estimate, and whether that has dropped."""
        if self.judged is None:
            return None, ()
        known = Before(past=past)
        found = performance(answers, window.begin, self.judged, window.end, known)
        down = [
            any(drop.kind == "estimated" and drop.dropped for drop in one.drops) for one in before
        ]
        drop = self._drop(found, "estimated", down, past.get(self.wish.metric, ()))
        return self._explained(found, "estimated"), drop

    def matured(
        self, window: Window, answers: Answers, now: datetime, known: "Known"
    ) -> tuple[Performance, tuple[Drop, ...]] | None:
        """Return how a window did; None while its labels are not mature, or none has come."""
        if self.judged is None:
            return None
        before = Before(curve=known.curve)
        found = performance(answers, window.begin, self.judged, now, before)
        if not found.maturity.mature or not found.coverage.labelled:
            return None
        drop = self._drop(found, "realised", known.down, ())
        return self._explained(found, "realised"), drop

    def _drop(
        self, found: Performance, kind: Kind, down: Sequence[bool], past: Sequence[PastEstimate]
    ) -> tuple[Drop, ...]:
        threshold = self.thresholds.get(kind)
        if threshold is None:
            return ()
        value = value_of(found, self.wish.metric, kind)
        return (dropped(threshold, value, kind, tuple(down), trust(past)),)

    @cached_property
    def thresholds(self) -> dict[Kind, DropThreshold]:
        """Return from where on a drop counts; nothing of a kind that too few windows show."""
        found: dict[Kind, DropThreshold] = {}
        reference = self.judged
        if reference is None:
            return found
        higher = named_metric(self.wish).higher
        for kind, share in SHARES.items():
            plan = self.settings.plan
            promise = msgspec.structs.replace(plan.promise, share=share)
            declared = DropPlan(
                self.wish.metric,
                higher,
                self.wish.material[kind],
                plan=Plan(promise=promise, pace=plan.pace, rule=plan.rule),
            )
            try:
                values = reference_values(reference, self.wish.metric, kind)
                found[kind] = drop_threshold(values, declared)
            except TrueupError as error:
                self._unjudged[kind] = error.problem
        return found

    def _explained(self, found: Performance, kind: Kind) -> Performance:
        """Return what was measured, and say in it why nobody tells whether that has dropped."""
        if kind in self.thresholds:
            return found
        says = f"Whether the {kind} {self.wish.metric} has dropped is not judged: "
        reasons = (*found.reasons, f"{says}{self._unjudged[kind]}.")
        return msgspec.structs.replace(found, reasons=reasons)


class Known(msgspec.Struct, frozen=True):
    """What is known beside a window's rows: how soon labels come, and which windows were down."""

    curve: MaturityCurve | None
    down: tuple[bool, ...]


def named_metric(wish: Wished) -> Any:
    """Return the metric as the gate defines it."""
    from trueup.gate.catalogue import metric_named

    return metric_named(wish.metric, wish.task)


def curve_of(answers: Answers, now: datetime) -> MaturityCurve:
    """Return how soon labels come, told by all rows at hand."""
    import numpy as np

    came = answers.labelled_at
    if came is None:
        came = np.full(len(answers), NEVER)
    return maturity_curve(answers.at, came, int(now.timestamp() * 1e6))


def past_of(history: History, version: int, reference: int) -> dict[str, tuple[PastEstimate, ...]]:
    """Return past estimates by metric, and what was then realised."""
    checks = [one for one in history.checks(version) if one.reference == reference]
    late = history.matured()
    estimates = [one.performance for one in checks if one.performance]
    truths = [
        late[version, one.window].performance for one in checks if (version, one.window) in late
    ]
    return followed(estimates, truths)
