"""Rules as the gate judges them: one question each, every default resolved."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from trueup.config.model_entries import GateEntry, MetricCall, RuleEntry
from trueup.errors import WrongUsage
from trueup.gate.spending import Spending
from trueup.gate.verdict import Question, Standing

LEAST_ROWS, LEAST_EVENTS, LEAST_GROUPS = 30, 10, 8


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One question about one metric, on all rows or on each value of a column."""

    position: int
    metric: str
    per: Literal["", "row", "group", "table"] = ""  # of a function of the project's own
    question: Question
    limit: float | None  # at_least, at_most, or the margin; None: a margin that was not given
    versus: str = ""
    each: str = ""
    evidence: Literal["interval", "point"] = "interval"
    min_rows: int = LEAST_ROWS
    min_events: int = LEAST_EVENTS
    min_groups: int = LEAST_GROUPS
    on_inconclusive: Standing = "block"


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate must show: all of the rules."""

    rules: tuple[Rule, ...]
    confidence: float = 0.95
    mode: Literal["off", "warn", "enforce"] = "enforce"
    spending: Spending = Spending()
    margin_total: float | None = None
    on_inconclusive: Standing = "block"

    @property
    def alpha(self) -> float:
        """The error of each one-sided bound."""
        return self.spending.alpha(self.confidence)


def rules_of(gate: GateEntry, also: Sequence[RuleEntry] = (), use: int = 1) -> Rules:
    """Return the rules of a model and, beside them, those of an environment.

    ``use``: which distinct candidate this is on these rows.
    """
    entries = (*gate.rules, *also)
    each = [rule for at, entry in enumerate(entries) for rule in _questions(at, entry, gate)]
    return Rules(
        rules=tuple(each),
        confidence=gate.confidence,
        mode=gate.mode,
        spending=Spending(use=use, reuse=gate.reuse, plan=gate.spending),
        margin_total=gate.margin_total,
        on_inconclusive=gate.on_inconclusive,
    )


def _questions(at: int, entry: RuleEntry, gate: GateEntry) -> list[Rule]:
    """Return one rule for each thing that an entry asks."""
    asked: list[tuple[Question, float | None]] = []
    if entry.at_least is not None:
        asked.append(("at_least", entry.at_least))
    if entry.at_most is not None:
        asked.append(("at_most", entry.at_most))
    if entry.better:
        asked.append(("better", 0.0))
    elif entry.versus:
        asked.append((_comparison(entry), entry.margin))
    call = entry.metric if isinstance(entry.metric, MetricCall) else None
    return [
        Rule(
            position=at,
            metric=call.call if call else str(entry.metric),
            per=call.per if call else "",
            question=question,
            limit=limit,
            versus="" if question in ("at_least", "at_most") else entry.versus or "champion",
            each=entry.each,
            evidence=entry.evidence,
            min_rows=max(entry.min_rows, LEAST_ROWS),
            min_events=max(entry.min_events, LEAST_EVENTS),
            min_groups=max(entry.min_groups, LEAST_GROUPS),
            on_inconclusive=entry.on_inconclusive or gate.on_inconclusive,
        )
        for question, limit in asked
    ]


def _comparison(entry: RuleEntry) -> Question:
    """Return what a comparison asks: slices are searched for harm unless proof is asked for."""
    if entry.question is None:
        return "harm" if entry.each else "non_inferior"
    return entry.question


def missing_margin(rule: Rule, suggested: float | None) -> WrongUsage:
    """Return the error of a comparison without a margin, with one that these rows can prove."""
    written = "0.01" if suggested is None else f"{suggested:.2g}"
    why = "" if suggested is None else ", the smallest difference that these rows can detect"
    return WrongUsage(
        f"the rule for {rule.metric} versus {rule.versus} has no margin",
        remedy=f"Write how much worse it may be, such as margin: {written}{why}.",
    )
