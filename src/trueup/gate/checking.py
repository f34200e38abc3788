"""Rules checked before anything runs: what can be told from the configuration alone."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Literal, TypeAlias

import msgspec

from trueup.config.model_entries import EvaluateEntry, MetricCall, ModelEntry, RuleEntry
from trueup.errors import WrongUsage, did_you_mean
from trueup.gate.names import NAMES, is_bounded, is_metric, known_metrics, named

Kind: TypeAlias = Literal["margin", "metric", "versus", "each", "rows", "limit"]
COMPARED = ("champion", "anchor")
_SLIP = 0.85  # names closer than this are slips of a metric's name, not a point's own


class RuleMistake(msgspec.Struct, frozen=True):
    """What is wrong with one rule: ``position`` in its list, from 0, and the key to look at."""

    position: int
    key: str
    kind: Kind
    problem: str
    remedy: str


def check_rules(
    model: ModelEntry, rules: Sequence[RuleEntry] | None = None, *, points: bool = True
) -> list[RuleMistake]:
    """Return every mistake in a model's rules, or in others for it, such as an environment's.

    A margin that is missing has the kind ``margin``: `trueup gate`, which knows the rows, names
    one that they can prove. ``points``: whether the project has metrics files, whose names a rule
    may use too.
    """
    asked = model.gate.rules if rules is None else rules
    return [
        mistake for at, rule in enumerate(asked) for mistake in _mistakes(at, rule, model, points)
    ]


def _mistakes(at: int, rule: RuleEntry, model: ModelEntry, points: bool) -> Iterator[RuleMistake]:
    yield from _of_metric(at, rule, model, points)
    yield from _of_comparison(at, rule, model)
    yield from _of_slices(at, rule, model.evaluate)
    yield from _of_limits(at, rule, model)


def _of_metric(at: int, rule: RuleEntry, model: ModelEntry, points: bool) -> Iterator[RuleMistake]:
    evaluate = model.evaluate
    if isinstance(rule.metric, MetricCall):
        if evaluate is None:
            yield _no_rows(at, rule.metric.call)
        elif rule.metric.per == "group" and not evaluate.group:
            yield _no_group(at, f"{rule.metric.call} has one value a group")
        return
    if model.task is None:
        if any(is_metric(rule.metric, task) for task in NAMES):
            says = f"{rule.metric} is measured on predictions, and it is not said what is predicted"
            yield RuleMistake(at, "metric", "metric", says, f"Write task: {' or '.join(NAMES)}.")
        return
    if is_metric(rule.metric, model.task):
        yield from _of_rows(at, rule, rule.metric, model.task, evaluate)
    else:
        yield from _of_point(at, rule, rule.metric, model.task, points)


def _of_rows(
    at: int, rule: RuleEntry, metric: str, task: str, evaluate: EvaluateEntry | None
) -> Iterator[RuleMistake]:
    try:
        named(metric, task)
    except WrongUsage as error:
        yield RuleMistake(at, "metric", "metric", error.problem, error.remedy)
    if evaluate is None:
        yield _no_rows(at, metric)
    elif task == "ranking" and not evaluate.group:
        yield _no_group(at, f"{metric} has one value a query")


def _of_point(
    at: int, rule: RuleEntry, metric: str, task: str, points: bool
) -> Iterator[RuleMistake]:
    """Yield what is wrong with a name that is no metric of the task: it may be a point's."""
    known = known_metrics(task)
    stem = metric.partition("@")[0]
    plain = rule.evidence == "point"
    elsewhere = [] if plain else [other for other in NAMES if is_metric(metric, other)]
    slip = bool(get_close_matches(stem, known, n=1, cutoff=_SLIP)) and not plain
    compared = bool(rule.versus or rule.better or rule.each)
    if points and not slip and not elsewhere and not compared:
        return
    remedy = f"{did_you_mean(stem, known)}There are: {', '.join(known)}"
    if compared and not slip and not elsewhere:
        remedy += ". Of a metrics file's number only at_least and at_most can be asked."
    problem = f"there is no metric {metric!r} for the task {task}"
    if elsewhere:
        problem += f"; it is one of {' and '.join(elsewhere)}"
    yield RuleMistake(at, "metric", "metric", problem, remedy)


def _of_comparison(at: int, rule: RuleEntry, model: ModelEntry) -> Iterator[RuleMistake]:
    if rule.versus and rule.versus not in COMPARED:
        remedy = f"{did_you_mean(rule.versus, COMPARED)}Write versus: {' or '.join(COMPARED)}."
        says = f"{rule.versus!r} is nothing to compare with"
        yield RuleMistake(at, "versus", "versus", says, remedy)
    if rule.versus and rule.margin is None and not rule.better:
        yield _no_margin(at, rule, model)
    if not rule.versus and not rule.better:
        for key in ("margin", "question"):
            if getattr(rule, key) is not None:
                says = f"{key} belongs to a comparison, and this rule has none"
                yield RuleMistake(at, key, "versus", says, "Write versus: champion beside it.")


def _no_margin(at: int, rule: RuleEntry, model: ModelEntry) -> RuleMistake:
    says = f"the rule for {_called(rule)} versus {rule.versus} has no margin"
    if _is_share(rule, model):
        remedy = "Write how much worse it may be, such as margin: 0.01."
    else:
        remedy = "Write how much worse it may be, in the metric's own unit, such as margin: 0.5."
    return RuleMistake(
        at, "margin", "margin", says, f"{remedy} `trueup gate` names one that the rows can prove."
    )


def _of_slices(at: int, rule: RuleEntry, evaluate: EvaluateEntry | None) -> Iterator[RuleMistake]:
    slices = evaluate.slices if evaluate else ()
    if rule.each and rule.each not in slices:
        near = did_you_mean(rule.each, slices)
        says = f"each {rule.each!r} is no column under evaluate: slices"
        yield RuleMistake(at, "each", "each", says, f"{near}Name it there.")


def _of_limits(at: int, rule: RuleEntry, model: ModelEntry) -> Iterator[RuleMistake]:
    """Yield limits that lie beyond what a metric can be, which is most often a percentage."""
    if not _is_share(rule, model):
        return
    for key in ("at_least", "at_most", "margin"):
        limit = getattr(rule, key)
        if limit is not None and not 0 <= limit <= 1:
            says = f"{key}: {limit:g}, and {_called(rule)} lies between 0 and 1"
            yield RuleMistake(
                at, key, "limit", says, f"Write {key}: {limit / 100:g} for {limit:g} %."
            )
    if rule.at_least is not None and rule.at_most is not None and rule.at_least > rule.at_most:
        says = f"no {_called(rule)} is at least {rule.at_least:g} and at most {rule.at_most:g}"
        yield RuleMistake(at, "at_most", "limit", says, "Exchange the two.")


def _is_share(rule: RuleEntry, model: ModelEntry) -> bool:
    """Say whether the rule's metric is known to lie between 0 and 1."""
    if isinstance(rule.metric, MetricCall) or model.task is None:
        return False
    try:
        return is_bounded(named(rule.metric, model.task).stem, model.task)
    except WrongUsage:
        return False


def _called(rule: RuleEntry) -> str:
    return rule.metric.call if isinstance(rule.metric, MetricCall) else rule.metric


def _no_rows(at: int, metric: str) -> RuleMistake:
    says = f"{metric} is measured on rows, and the model names none"
    return RuleMistake(
        at, "metric", "rows", says, "Write evaluate: {data: TABLE, target: COLUMN} under the model."
    )


def _no_group(at: int, why: str) -> RuleMistake:
    return RuleMistake(
        at, "metric", "rows", f"{why}, and no group is declared", "Write evaluate: {group: COLUMN}."
    )
