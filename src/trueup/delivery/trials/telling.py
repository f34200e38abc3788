"""What a verdict on a trial says of its rows, and which rules they cannot answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from trueup.captures import trials
from trueup.config.model_entries import ModelEntry
from trueup.delivery.forecasting import series_columns
from trueup.delivery.subject import Subject
from trueup.delivery.trials.live import Live
from trueup.registry.history import History

if TYPE_CHECKING:
    from trueup.gate.rules import Rule

_NAMED = 5  # values in a sentence


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside the rows."""

    record: int = 0  # number of the trial's record; 0: none was kept
    slices_before: Mapping[str, Sequence[str]] = {}  # that the champion's verdict was given on
    unknown: tuple[str, ...] = ()  # why it is not known what a model has seen
    exhausted: bool = False


def cannot(model: ModelEntry, live: Live) -> "Callable[[Rule], str]":
    """Return what says why a rule cannot be judged on captured rows; empty where it can."""
    from trueup.gate.grouping import is_scaled

    evaluate = model.evaluate
    dependence = (evaluate.group, *series_columns(evaluate)) if evaluate else ()
    unknown = [name for name in dependence if name in live.lacking]

    def why(rule: "Rule") -> str:
        if rule.each in live.lacking:
            return _lacks(model, rule.each)
        of_groups = model.task == "ranking" or rule.per == "group"
        if unknown and (rule.evidence == "interval" or of_groups):
            return f"{_lacks(model, unknown[0])}, and rows that share it depend on each other"
        if not rule.per and model.task and is_scaled(rule.metric, model.task):
            return "captures do not have the history that it is in units of"
        return ""

    return why


def notes_of(subject: Subject, history: History, live: Live, told: Told) -> Iterator[str]:
    """Yield sentences that are kept with the verdict: which rows, how many labels, what is open."""
    yield _coverage(live, told)
    if live.until is not None:
        yield f"Rows since {live.until:%Y-%m-%d %H:%M} wait until their labels are mature."
    yield from _selection(live)
    yield from _looked_at(subject, live, told)
    yield from _gone(live, told)
    anchor = history.anchor(subject.environment)
    if anchor is not None and anchor not in (live.versions.champion, live.versions.challenger):
        yield f"The anchor, version {anchor}, has not answered these rows: slow decay is not asked."
    yield from told.unknown
    if told.exhausted:
        yield (
            f"More looks than reuse: {subject.entry.gate.reuse} plans for, so only evidence: point"
            " is still judged. Look less often, or put another version on trial."
        )


def _lacks(model: ModelEntry, name: str) -> str:
    hidden = name in model.serve.capture.redact
    return f"captures do not have {name}{', which serve.capture.redact hides' if hidden else ''}"


def _coverage(live: Live, told: Told) -> str:
    rows, labelled = live.chosen.height, live.labelled
    span = f"{labelled['time'][0]:%Y-%m-%d %H:%M} to {labelled['time'][-1]:%Y-%m-%d %H:%M}"
    record = f", trial record {told.record}" if told.record else ""
    which = "explored rows" if live.selective else "rows"
    return (
        f"{rows} {which} answered by both, {labelled.height} of them"
        f" ({labelled.height / rows:.0%}) with a label, {span} UTC{record}."
    )


def _selection(live: Live) -> Iterator[str]:
    if live.selective:
        yield (
            "Not every row gets its label (monitor), so only explored rows are judged, which are"
            f" labelled whatever was answered; {live.every.height - live.chosen.height} others"
            " are left out."
        )
        shares: list[float] = live.labelled["propensity"].unique().sort().to_list()
        if len(shares) > 1:
            yield f"They were chosen at {shares[0]:.2%} to {shares[-1]:.2%}; each counts once."


def _looked_at(subject: Subject, live: Live, told: Told) -> Iterator[str]:
    """Yield how often somebody has looked at the labels otherwise: no error counts that."""
    mine = (live.versions.champion, live.versions.challenger)
    often = sum(
        1
        for one in trials.kept(subject.registry.bucket, subject.name)
        if (one.trial.champion.version, one.trial.challenger.version) == mine
        and one.trial.labelled
        and one.number != told.record
        and not one.trial.judged
    )
    if often:
        times = "once" if often == 1 else f"{often} times"
        yield (
            f"Its differences were looked at {times} before with trueup captures trial; the error"
            " holds if that did not decide when to judge."
        )


def _gone(live: Live, told: Told) -> Iterator[str]:
    """Yield the slices of the champion's verdict of which no labelled row is here."""
    labelled = live.labelled
    for name, values in told.slices_before.items():
        if name not in live.entry.slices:
            continue
        there = set(labelled[f"slice.{name}"].cast(str).fill_null("null").to_list())
        gone = [value for value in values if value not in there]
        if gone:
            more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
            named = ", ".join(gone[:_NAMED])
            yield f"No labelled row of {name}={named}{more}, which the champion was judged on."
