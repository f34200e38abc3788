"""Policies compared on the same rows: mean monthly scores, their differences, and how sure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace as replaced

from trueup.errors import WrongUsage
from trueup.gate.arrays import Whole, np
from trueup.gate.blockwise import estimate
from trueup.gate.bounds import detectable
from trueup.gate.catalogue import metric_named
from trueup.gate.evidence import LEAST_DISCORDANT, Evidence, events_of
from trueup.gate.metrics import Labels, Metric, Task
from trueup.gate.rows import Rows, Table, prepared
from trueup.gate.traps import usable
from trueup.gate.wording import REASONS
from trueup.loop.backtest.monthly import Apart, apart, measured
from trueup.loop.backtest.records import Compared, Comparison, Score, Scored

_LEAST_EVENTS = 30  # rows of the rarer class
_TASKS = ("binary", "multiclass", "multilabel", "regression")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be compared, declared before anything is looked at.

    The first metric decides. ``twins`` names, of a policy with a gate, the one without. From
    ``confirm_from`` on is the later part: the best of the earlier one is tested on it.
    """

    task: Task
    metrics: tuple[str, ...]
    never: str = "never"
    yours: str = "yours"
    twins: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[Any, ...] = ()
    positive: Any = None
    confidence: float = 0.95
    confirm_from: datetime | None = None


def levels(scored: Scored, asked: Asked) -> tuple[Score, ...]:
    """Return each policy's mean monthly score by each metric that is defined in a month.

    A month counts by its rows.
    """
    ready, found = _ready(scored, asked), list[Score]()
    for name in asked.metrics:
        part = _part(ready, name, asked)
        rows, months = len(part.table), len(np.unique(part.months))
        values = _values(part)
        found += [
            Score(policy, name, value, rows, months)
            for policy, value in values.items()
            if math.isfinite(value)
        ]
    return tuple(found)


def compare(scored: Scored, asked: Asked) -> tuple[Comparison, ...]:
    """Return the differences of each policy to ``never``, to ``yours`` and to its twin.

    Those of one metric hold together: with so many different ones each errs that much less often
    (Bonferroni). Where a part was kept for it, what was confirmed there stands first.
    """
    ready = _ready(scored, asked)
    pairs = list(_pairs(list(scored.predictions), asked))
    found = [*_confirmed(ready, asked)]
    for name in asked.metrics:
        part = _part(ready, name, asked)
        unequal = _unequal(part, pairs)
        alpha = (1 - asked.confidence) / 2 / max(1, unequal)
        for policy, against in pairs:
            one = _compared(part, (policy, against), alpha)
            differ = one.word != "the same"
            found.append(
                replaced(
                    one,
                    together=unequal if differ else 1,
                    level=asked.confidence,
                    exploratory=unequal > 1 and differ,
                )
            )
    return tuple(found)


def best_of(scores: Sequence[Score], metric: str, *, higher: bool) -> str | None:
    """Return the policy with the best score, of equals the first; None where there is none."""
    there = [one for one in scores if one.metric == metric and math.isfinite(one.value)]
    if not there:
        return None
    return max(there, key=lambda one: one.value if higher else -one.value).policy


@dataclass(frozen=True)
class _Ready:
    """Rows that every policy has answered, with the month of each."""

    table: Table  # predictions by policy
    months: Whole
    moments: Any  # datetime64


@dataclass(frozen=True)
class _Part:
    """Rows of the months in which a metric is defined for every policy."""

    name: str  # as it was asked for
    metric: Metric
    table: Table
    months: Whole
    policies: tuple[str, ...]


def _ready(scored: Scored, asked: Asked) -> _Ready:
    if asked.task not in _TASKS:
        raise WrongUsage(
            f"policies cannot be compared on a {asked.task} task",
            remedy=f"There are comparisons of: {', '.join(_TASKS)}",
        )
    predicted = {}
    table = None
    moments = np.asarray(scored.time).astype("datetime64[us]")
    for policy, answers in scored.predictions.items():
        table = prepared(
            Rows(
                task=asked.task,
                truth=scored.target,
                candidate=answers,
                time=moments,
                classes=asked.classes,
                positive=asked.positive,
            )
        )
        predicted[policy] = table.predicted["candidate"]
    if table is None:
        raise WrongUsage("no policy was replayed", remedy="Name a policy, such as: never")
    whole = replace(table, predicted=predicted)
    kept = usable(whole)
    whole = whole.only(kept)
    if asked.task == "binary":
        whole = replace(whole, truth=whole.truth.astype(np.bool_))
    months = moments[kept].astype("datetime64[M]").astype(np.int64)
    return _Ready(whole, months, moments[kept])


def _part(ready: _Ready, name: str, asked: Asked) -> _Part:
    metric = metric_named(name, asked.task)
    policies = tuple(ready.table.predicted)
    defined = [
        month
        for month in np.unique(ready.months)
        if _lasts(ready, metric, ready.months == month)
        and all(
            math.isfinite(_value(metric, ready.table, policy, ready.months == month))
            for policy in policies
        )
    ]
    kept = np.isin(ready.months, defined)
    return _Part(name, metric, ready.table.only(kept), ready.months[kept], policies)


def _lasts(ready: _Ready, metric: Metric, kept: Any) -> bool:
    """Say whether a month has a value without any one of its days, as far as rows can tell."""
    days, truth = ready.moments[kept].astype("datetime64[D]"), ready.table.truth[kept]
    both = metric.needs_both and truth.dtype == np.bool_
    parts = [days[truth], days[~truth]] if both else [days]
    return all(len(np.unique(part)) > 1 for part in parts)


def _value(metric: Metric, table: Table, policy: str, kept: Any) -> float:
    labels = Labels(table.truth[kept], table.predicted[policy][kept], table.classes)
    return estimate(metric, labels)


def _values(part: _Part) -> dict[str, float]:
    """Return each policy's mean of months, each with the weight of its rows."""
    months, rows = np.unique(part.months, return_counts=True)
    if not len(months):
        return dict.fromkeys(part.policies, math.nan)
    return {
        policy: float(
            np.average(
                [_value(part.metric, part.table, policy, part.months == month) for month in months],
                weights=rows,
            )
        )
        for policy in part.policies
    }


def _pairs(policies: Sequence[str], asked: Asked) -> Iterator[tuple[str, str]]:
    """Yield who is compared with whom, no two of them twice."""
    seen: set[frozenset[str]] = set()
    for against in (asked.never, asked.yours):
        for policy in policies:
            pair = frozenset((policy, against))
            if against in policies and policy != against and pair not in seen:
                seen.add(pair)
                yield policy, against
    for policy, twin in asked.twins.items():
        pair = frozenset((policy, twin))
        if policy in policies and twin in policies and pair not in seen:
            seen.add(pair)
            yield policy, twin


def _unequal(part: _Part, pairs: Sequence[tuple[str, str]]) -> int:
    """Return how many comparisons there are: policies that predict the same are one."""
    firsts = {
        policy: next(one for one in part.policies if not _differ(part, policy, one))
        for policy in part.policies
    }
    distinct = {frozenset((firsts[policy], firsts[against])) for policy, against in pairs}
    return sum(len(pair) > 1 for pair in distinct)


def _differ(part: _Part, policy: str, against: str) -> bool:
    predicted = part.table.predicted
    return not np.array_equal(predicted[policy], predicted[against])


def _compared(part: _Part, pair: tuple[str, str], alpha: float) -> Comparison:
    """Return a difference with its interval.

    Measured on the months in which the two differ at all, and spread over all of them: the others
    would look like so many days that say the same.
    """
    policy, against = pair
    begun = Comparison(
        policy=policy,
        against=against,
        metric=part.name,
        difference=None,
        low=None,
        high=None,
        blocks=0,
        word="undecided",
        rows=len(part.table),
    )
    if not len(part.table):
        return replaced(begun, says="there is no month in which the metric is defined")
    if not _differ(part, policy, against):
        return replaced(begun, difference=0.0, low=0.0, high=0.0, word="the same")
    found = apart(part.metric, part.table, part.months, pair)
    share = len(found.parts) / len(part.table)
    begun = replaced(
        begun,
        difference=found.difference * share,
        months=len(np.unique(part.months)),
        ahead=sum(month > 0 for month in found.months),
        behind=sum(month < 0 for month in found.months),
    )
    if why := _too_few(part, found):
        return replaced(begun, says=REASONS[why])
    return _worded(begun, measured(found, alpha), share, alpha)


def _too_few(part: _Part, found: Apart) -> str:
    """Return why the rows cannot tell, as the gate words it; empty where they may."""
    if not np.isfinite(found.parts).all():
        return "undefined"
    if found.discordant < LEAST_DISCORDANT:
        return "few_discordant"
    return "few_events" if events_of(found.table) < _LEAST_EVENTS else ""


def _worded(begun: Comparison, found: Evidence, share: float, alpha: float) -> Comparison:
    """Return the comparison with its interval, spread over the months without a difference."""
    begun = replaced(begun, blocks=found.blocks)
    if found.bounds is None:
        return replaced(begun, says=REASONS.get(found.reason, found.reason))
    lower, upper, _ = found.bounds.between(alpha)
    low, high = (bound * share if math.isfinite(bound) else None for bound in (lower, upper))
    word: Compared = "better" if lower > 0 else "worse" if upper < 0 else "undecided"
    seen = detectable(found.bounds, alpha) * share
    return replaced(begun, low=low, high=high, word=word, detectable=seen)


def _confirmed(ready: _Ready, asked: Asked) -> Iterator[Comparison]:
    """Yield the best of the earlier part, tested once on the later one.

    Against ``yours``, as that is what would be changed; where yours is the best, against never.
    """
    if asked.confirm_from is None:
        return
    begins = np.datetime64(asked.confirm_from.astimezone(UTC).replace(tzinfo=None))
    name = asked.metrics[0]
    early = _part(_only(ready, ready.moments < begins), name, asked)
    scores = [Score(policy, name, value, 0, 0) for policy, value in _values(early).items()]
    best = best_of(scores, name, higher=early.metric.higher)
    against = asked.never if best == asked.yours else asked.yours
    if against not in early.policies:
        against = asked.never
    if best is None or best == against or against not in early.policies:
        return
    late = _only(ready, ready.moments >= begins)
    part = _part(late, name, asked)
    found = _compared(part, (best, against), (1 - asked.confidence) / 2)
    ends = late.moments.max() if len(late.moments) else begins
    on = f"{begins.astype('datetime64[D]')} to {ends.astype('datetime64[D]')}"
    yield replaced(found, level=asked.confidence, exploratory=False, confirmed_on=on)


def _only(ready: _Ready, kept: Any) -> _Ready:
    return _Ready(ready.table.only(kept), ready.months[kept], ready.moments[kept])
