"""Slices: the rows that share a value, those too small to judge, and the rest made of them."""

from dataclasses import dataclass

from trueup.errors import WrongUsage, did_you_mean
from trueup.gate.arrays import Whole, np
from trueup.gate.comparing import Comparison
from trueup.gate.evidence import View, events_of
from trueup.gate.resampling import resamples_for
from trueup.gate.rows import numbered
from trueup.gate.rules import Rule


@dataclass(frozen=True)
class Part:
    """Some rows, by name; ``reason`` where they are too few to judge."""

    name: str
    view: View
    rows: int
    events: int | None
    reason: str = ""


def whole(rule: Rule, comparison: Comparison, alpha: float) -> Part:
    """Return all rows."""
    view = View(comparison.table, comparison.blocks, comparison.seed, resamples_for(alpha))
    return _part("", view, rule)


def parts(rule: Rule, comparison: Comparison, alpha: float) -> list[Part]:
    """Return the slices of a rule, made once for all rules that slice alike."""
    key = (rule.each, rule.min_rows, rule.min_events, rule.min_groups, alpha)
    if key not in comparison.kept:
        comparison.kept[key] = _parts(rule, comparison, alpha)
    found: list[Part] = comparison.kept[key]
    return found


def _parts(rule: Rule, comparison: Comparison, alpha: float) -> list[Part]:
    """Return the slices that can be judged, the rest, and those too small, which are in the rest.

    The rest holds every row of a slice too small to be judged by itself.
    """
    column = comparison.table.slices.get(rule.each)
    if column is None:
        raise WrongUsage(
            f"the rule for {rule.metric} is for each {rule.each}, which is no slice",
            remedy=did_you_mean(rule.each, comparison.table.slices)
            + "Name the column under evaluate: slices.",
        )
    everything = View(comparison.table, comparison.blocks, comparison.seed, resamples_for(alpha))
    codes, count = numbered(column)
    narrow = codes.astype(np.uint16) if count < 2**16 else codes  # which sort in linear time
    order = np.argsort(narrow, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(count + 1))
    found: list[Part] = []
    small: list[Part] = []
    left: list[Whole] = []
    for value in range(count):
        kept = order[ends[value] : ends[value + 1]]
        part = _part(f"{rule.each}={column[kept[0]]}", _only(everything, kept), rule)
        (small if part.reason else found).append(part)
        if part.reason:
            left.append(kept)
    if left:
        kept = np.sort(np.concatenate(left))
        found.append(_part(f"{rule.each}=(rest)", _only(everything, kept), rule))
    return [*found, *small]


def _only(view: View, kept: Whole) -> View:
    return View(view.table.only(kept), view.blocks.only(kept), view.seed, view.resamples, False)


def _part(name: str, view: View, rule: Rule) -> Part:
    events = int(events_of(view.table)) if view.table.task == "binary" else None
    reason = ""
    if len(view.table) < rule.min_rows:
        reason = "few_rows"
    elif events is not None and events < rule.min_events:
        reason = "few_events"
    elif view.blocks.kind != "rows" and _groups(view) < rule.min_groups:
        reason = "few_groups"
    return Part(name, view, len(view.table), events, reason)


def _groups(view: View) -> int:
    ways = (view.blocks, *view.blocks.crossed[:1])
    return min(len(np.unique(way.units)) for way in ways)
