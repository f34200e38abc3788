"""From replays to what they were worth: each policy's windows, costs and predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trueup.config.model_entries import ModelEntry
from trueup.delivery.evaluating import Evaluation
from trueup.gate.arrays import Floats, np
from trueup.gate.blockwise import estimate
from trueup.gate.catalogue import metric_named
from trueup.gate.metrics import Labels, Metric
from trueup.gate.names import is_metric, named
from trueup.loop.backtest.alarms import Fall, count
from trueup.loop.backtest.comparing import Asked, compare, levels
from trueup.loop.backtest.policies import Line
from trueup.loop.backtest.questions import Make
from trueup.loop.backtest.records import Backtest, Cost, PolicyRun, Scored, Window
from trueup.loop.backtest.replaying import Course, Replayed
from trueup.loop.observations import WindowSeen
from trueup.project.backtest_bench import between

_USUAL_DROP = 0.01
_USUAL = {"binary": ("roc_auc", "log_loss"), "regression": ("mean_absolute_error",)}


@dataclass(frozen=True)
class Measures:
    """What all policies of a backtest are measured by: the same rows, and the same metrics."""

    model: str
    environment: str
    course: Course
    entry: ModelEntry
    rows: Evaluation
    confirm_from: datetime | None

    @property
    def metrics(self) -> dict[str, Metric]:
        """Return the metric that decides, and beside it what is usual for the task, by name.

        A name keeps what stands behind its @, which the metric alone does not know.
        """
        task, found = str(self.entry.task), dict[str, Metric]()
        for name in [*_watched(self.entry), *_USUAL[task]]:
            metric = metric_named(name, task)
            _, at, detail = name.partition("@")
            found.setdefault(f"{metric.name}{at}{detail}", metric)
        return found


def begun_spans(replayed: Replayed, course: Course) -> list[tuple[Make, datetime, datetime]]:
    """Return which model was live over which span, in the order of time, without empty ones."""
    ends = [*(one.begin for one in replayed.reigns[1:]), course.end]
    spans = zip(replayed.reigns, ends, strict=True)
    return [(one.made, one.begin, end) for one, end in spans if one.begin < end]


def measured(
    measures: Measures,
    lines: Sequence[Line],
    replayed: Mapping[str, Replayed],
    predicted: Mapping[str, Sequence[Floats]],
) -> Backtest:
    """Return the whole of a backtest; ``predicted`` are each policy's answers by span."""
    whole = {name: np.concatenate(parts) for name, parts in predicted.items()}
    runs = tuple(
        PolicyRun(
            one.name,
            one.says,
            one.gated,
            _windows(measures, replayed[one.name], whole[one.name]),
            replayed[one.name].steps,
            _cost(replayed[one.name]),
        )
        for one in lines
    )
    (deciding, first), course = next(iter(measures.metrics.items())), measures.course
    asked = _asked(measures, lines)
    scored = scored_rows(measures, whole)
    fall = Fall(deciding, first.higher, _drop(measures.entry, deciding))
    return Backtest(
        model=measures.model,
        environment=measures.environment,
        begin=course.begin,
        end=course.end,
        step_s=course.step_s,
        metric=deciding,
        higher=first.higher,
        runs=runs,
        scores=levels(scored, asked),
        comparisons=compare(scored, asked),
        alarms=count(runs, fall),
        confirm_from=measures.confirm_from,
    )


def scored_rows(measures: Measures, whole: Mapping[str, Floats]) -> Scored:
    """Return every policy's live predictions on the rows whose target is known."""
    known = ~_absent(measures.rows)
    times = measures.rows.frame[measures.rows.entry.time].dt.replace_time_zone(None).to_numpy()
    return Scored(
        times.astype("datetime64[us]")[known],
        measures.rows.truth.coded[known],
        {name: each[known] for name, each in whole.items()},
    )


def _asked(measures: Measures, lines: Sequence[Line]) -> Asked:
    return Asked(
        task=measures.entry.task or "binary",
        metrics=tuple(measures.metrics),
        twins=_twins(lines),
        classes=(0, 1) if measures.entry.task == "binary" else (),
        positive=1 if measures.entry.task == "binary" else None,
        confirm_from=measures.confirm_from,
    )


def _twins(lines: Sequence[Line]) -> dict[str, str]:
    """Return, of a policy with a gate, the one that is the same without."""
    without = {one.policy.digest: one.name for one in lines if not one.gated}
    return {
        one.name: without[one.policy.digest]
        for one in lines
        if one.gated and one.policy.digest in without
    }


def _drop(entry: ModelEntry, metric: str) -> float:
    """Return from where on a window is worse: the gate's margin, else a hundredth."""
    task = str(entry.task)
    rules = [one for one in entry.gate.rules if is_metric(str(one.metric), task)]
    wanted = named(metric, task)
    margins = (one.margin for one in rules if named(str(one.metric), task) == wanted)
    return next((one for one in margins if one), _USUAL_DROP)


def _windows(measures: Measures, replayed: Replayed, answers: Floats) -> tuple[Window, ...]:
    course = measures.course
    begins = [course.begin, *course.moments()]
    ends = [*begins[1:], course.end]
    found = []
    for begin, end in zip(begins, ends, strict=True):
        reign = [one for one in replayed.reigns if one.begin <= begin][-1]
        seen = _seen_at(replayed, reign.begin, end)
        found.append(
            Window(
                begin=begin,
                end=end,
                **_measured(measures, begin, end, answers),
                champion=reign.digest,
                drifted=seen.drifted if seen else None,
                broken=seen.is_broken if seen else False,
                estimate=seen.estimated.value if seen and seen.estimated else None,
                triggers=replayed.hits.get(end, ()),
            )
        )
    return tuple(found)


def _measured(
    measures: Measures, begin: datetime, end: datetime, answers: Floats
) -> dict[str, Any]:
    part = between(measures.rows, begin, end)
    first = between(measures.rows, measures.course.begin, begin).frame.height
    mine, known = answers[first : first + part.frame.height], ~_absent(part)
    truth = part.truth.coded[known]
    if measures.entry.task == "binary":
        truth = truth.astype(np.bool_)
    values: dict[str, float | None] = {}
    for name, metric in measures.metrics.items():
        one_class = metric.needs_both and len(np.unique(truth)) < 2
        if not len(truth) or one_class:
            values[name] = None
            continue
        value = estimate(metric, Labels(truth, mine[known]))
        values[name] = value if np.isfinite(value) else None
    return {"rows": part.frame.height, "labelled": int(known.sum()), "metrics": values}


def _seen_at(replayed: Replayed, begin: datetime, now: datetime) -> WindowSeen | None:
    """Return the window that a champion's check at a moment was the first to tell of, the last."""
    fresh = [one for at, one in replayed.windows if at == now and one.end > begin]
    return fresh[-1] if fresh else None


def _absent(rows: Evaluation) -> Any:
    return rows.truth.absent | np.isnan(rows.truth.coded.astype(np.float64))


def _cost(replayed: Replayed) -> Cost:
    trained = [one for one in replayed.steps if one.do == "retrain"]
    ends = [one.outcome for one in trained]
    return Cost(
        retrains=len(trained),
        promoted=ends.count("promoted"),
        refused=ends.count("refused"),
        inconclusive=ends.count("inconclusive"),
        seconds=round(sum(one.seconds for one in trained), 3),
    )


def _watched(entry: ModelEntry) -> list[str]:
    """Return the metric that is watched of a model, else the first that its gate compares by."""
    asked = entry.monitor.performance.metric if entry.monitor else None
    if isinstance(asked, str) and asked:
        return [asked]
    rules = [one.metric for one in entry.gate.rules if one.versus and isinstance(one.metric, str)]
    return [one for one in rules if is_metric(one, str(entry.task))][:1]
