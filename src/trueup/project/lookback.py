"""What came of a retrain: how the old champion would have done on the rows after it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from trueup.captures.finding import Span
from trueup.captures.losses import Measure
from trueup.captures.pairing import Contest
from trueup.config.model_entries import ModelEntry
from trueup.loop.aftermath.judging import LEAST_ROWS
from trueup.loop.aftermath.looking import Looking, Promotion, Wish
from trueup.loop.aftermath.reading import replayed, shadowed, split
from trueup.loop.aftermath.records import Losses, Plan, Question
from trueup.loop.events import Aftermath, Decided
from trueup.loop.journal import Journal
from trueup.loop.policy import Policy
from trueup.monitoring.watching.history import Diary, History
from trueup.monitoring.watching.performing import Wished, wished
from trueup.project.loading import entry_of
from trueup.project.registering import registry_of, stamp_of
from trueup.project.workspace import Workspace
from trueup.registry.names import VersionName
from trueup.registry.records import Promoted
from trueup.reporting.blocks import Report

if TYPE_CHECKING:
    import polars as pl

_MEASURES: dict[str, Measure] = {
    "log_loss": "log_loss",
    "accuracy": "error_rate",
    "mean_absolute_error": "absolute_error",
}


def lookback_of(workspace: Workspace, policy: Policy) -> Looking | None:
    """Return what looks back on a model's retrains; None where no performance is watched."""
    from trueup.gate.catalogue import metric_named

    entry = entry_of(workspace, policy.model)
    wish = wished(entry)
    if wish is None or entry.loop is None:
        return None
    plan = Plan(
        windows=policy.aftermath_windows,
        margin=_margin(entry, wish.metric),
        influences=entry.loop.aftermath.influences,
    )
    higher = metric_named(wish.metric, wish.task).higher
    asked = Wish(policy.model, wish.metric, higher, str(stamp_of(workspace).by), plan)

    def watched() -> History:
        return Diary(workspace.bucket, policy.model, policy.environment).history()

    def registered(decided: Decided, version: int) -> Promotion | None:
        events = registry_of(workspace).so_far(policy.model).events
        for event in events[decided.registry_event :]:
            where = decided.environment, version
            if isinstance(event, Promoted) and (event.environment, event.version) == where:
                return Promotion(version, event.at, event.before)
        return None

    losses = Rows(workspace, policy, entry, _measure(wish))
    return Looking(workspace.bucket, asked, watched, losses.of, registered)


def aftermaths(workspace: Workspace, model: str, environment: str = "") -> list[Aftermath]:
    """Return what came of a model's retrains, as its loop has written it down, the newest last."""
    cache = workspace.own / "state" / "loop" if workspace.own.is_dir() else None
    courses = Journal(workspace.bucket, model, cache).history().courses.values()
    return [
        one.aftermath
        for one in courses
        if one.aftermath is not None and environment in ("", one.decided.environment)
    ]


def with_aftermaths(report: Report, found: Sequence[Aftermath]) -> Report:
    """Return a report with what came of retrains at its end; as it is where nothing is known."""
    if not found:
        return report
    from trueup.loop.aftermath.report import aftermaths_table

    return msgspec.structs.replace(report, blocks=(*report.blocks, aftermaths_table(found)))


class Rows:
    """Both versions' losses by row: as they have answered, else by asking the old one again."""

    def __init__(
        self, workspace: Workspace, policy: Policy, entry: ModelEntry, measure: Measure
    ) -> None:
        self._workspace, self._policy = workspace, policy
        self._entry, self._measure = entry, measure

    def of(self, question: Question, span: Span) -> Losses:
        """Return the losses: of a live split, of a shadow, or by replay, as far as there are any.

        A split is taken where predictions influence outcomes; else a shadow, which is paired.
        """
        bucket, model = self._workspace.bucket, self._policy.model
        evaluate, trial = self._entry.evaluate, self._entry.serve.challenger
        group = evaluate.group if evaluate and isinstance(evaluate.group, str) else ""
        contest = Contest(question.version, question.old, group=group)
        at = (self._measure, question.at)
        within = Span(span.since, span.until, environment=self._policy.environment)
        influences = self._entry.loop is not None and self._entry.loop.aftermath.influences
        if influences and trial is not None and trial.share:
            return split(bucket, model, contest, within, at)
        if trial is not None and trial.shadow:
            found = shadowed(bucket, model, contest, within, at)
            if len(found.new) >= LEAST_ROWS:
                return found

        def ask(given: "pl.DataFrame") -> "pl.DataFrame":
            return self._answers(question.old, given)

        return replayed(bucket, model, contest, (within, ask), at)

    def _answers(self, old: int, given: "pl.DataFrame") -> "pl.DataFrame":
        from trueup.project.referencing import answers_to

        policy = self._policy
        name = VersionName(policy.model, old)
        found = registry_of(self._workspace).resolve(name, policy.environment)
        return answers_to(self._workspace, policy.model, found, given)


def _measure(wish: Wished) -> Measure:
    """Return the loss by row that stands for a metric; of what has none, that of its task."""
    usual: Measure = "absolute_error" if wish.task == "regression" else "log_loss"
    return _MEASURES.get(wish.metric, usual)


def _margin(entry: ModelEntry, metric: str) -> float | None:
    """Return the gate's margin, where it is in the unit of the losses; None: there is none."""
    margins = (one.margin for one in entry.gate.rules if one.metric == metric)
    return next((one for one in margins if one), None) if metric in _MEASURES else None
