"""What the shown windows come to, in a few sentences and a row for each month."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import get_args

import msgspec

from trueup.monitoring.watching.events import Checked, State
from trueup.monitoring.watching.standing import Standing
from trueup.reporting.blocks import Cell, Column, Table

_LEAST_WINDOWS = 4  # below these the table of windows says it as shortly
_LEAST_MONTHS = 3
_NAMED = 3
_SEASON = timedelta(days=60)  # over which the seasons show


class Measured(msgspec.Struct, frozen=True):
    """How well a window did: measured, and estimated before that; None: not known."""

    window: str
    rows: int
    realised: float | None
    estimated: float | None

    @property
    def off(self) -> float | None:
        """Return by how much the estimate was too high."""
        if self.realised is None or self.estimated is None:
            return None
        return self.estimated - self.realised


def summary(standing: Standing) -> tuple[str, ...]:
    """Return what happened, in sentences; nothing of so few windows that their table tells it."""
    if len(standing.checks) < _LEAST_WINDOWS:
        return ()
    return tuple(_sentences(standing))


def _sentences(standing: Standing) -> Iterator[str]:
    checks = standing.checks
    found = Counter(standing.history.state(one) for one in checks)
    counted = ", ".join(f"{found[word]} {word}" for word in get_args(State) if found[word])
    first, last = checks[0].window.begin, checks[-1].window.end
    yield f"{len(checks)} windows from {first:%Y-%m-%d} to {last:%Y-%m-%d}: {counted}"
    drifted = [(one, one.drift.moved if one.drift else ()) for one in checks]
    if any(names for _, names in drifted):
        yield f"drifted most often: {_often(drifted)}"
    broken = [
        (one, tuple(dict.fromkeys(f"{each.column} {each.check}".strip() for each in one.broken)))
        for one in checks
    ]
    if any(names for _, names in broken):
        yield f"found broken most often: {_often(broken)}"
    yield from _performance(standing)
    yield from _careful(standing)


def _careful(standing: Standing) -> Iterator[str]:
    """Say what all this does not tell."""
    checks, reference = standing.checks, standing.reference
    if reference is not None and not reference.claimed:
        yield "how often chance alone would do that is not known: the reference is too small"
    settings = standing.settings
    is_long = checks[-1].window.end - checks[0].window.begin > _SEASON
    if is_long and not settings.seasonal and any(one.drift and one.drift.moved for one in checks):
        yield "season is not told from drift: monitor.drift.seasonal names none"


def _often(found: Sequence[tuple[Checked, Sequence[str]]]) -> str:
    """Name what was found in most windows, in how many, and since when."""
    counts = Counter(name for _, names in found for name in names)
    since = {name: one.window.name for one, names in reversed(found) for name in names}
    told = [f"{name} in {many} (first {since[name]})" for name, many in counts.most_common(_NAMED)]
    more = f" and {len(counts) - _NAMED} more" if len(counts) > _NAMED else ""
    return ", ".join(told) + more


def _performance(standing: Standing) -> Iterator[str]:
    metric = standing.settings.metric
    known = [one for one in measured(standing) if one.realised is not None]
    if not metric or not known:
        return
    low = min(known, key=lambda one: one.realised or 0.0)
    high = max(known, key=lambda one: one.realised or 0.0)
    mean = _mean(known, [one.realised for one in known])
    text = f"{metric} {_round(mean)} on average, from {_round(low.realised)} ({low.window})"
    text += f" to {_round(high.realised)} ({high.window})"
    offs = [(abs(one.off), one) for one in known if one.off is not None]
    if offs:
        most, far = max(offs, key=lambda pair: pair[0])
        usual = _mean([one for _, one in offs], [off for off, _ in offs])
        text += f"; estimated without labels it was off by {_round(usual)} on average"
        text += f", by {_round(most)} at most ({far.window}: {_round(far.estimated)})"
    yield text


def measured(standing: Standing) -> list[Measured]:
    """Return how well each shown window did, as far as that is known."""
    metric, late = standing.settings.metric, standing.history.matured()
    found = []
    for one in standing.checks:
        came = late.get((one.version, one.window))
        real = came.performance.headline(metric) if came else None
        made = one.performance.estimate(metric) if one.performance else None
        found.append(
            Measured(
                one.window.name,
                one.rows,
                real.value if real else None,
                made.value if made else None,
            )
        )
    return found


def by_month(standing: Standing) -> Table | None:
    """Return a row for each month, by the middle of its windows; None for few months."""
    months: dict[str, list[tuple[Checked, Measured]]] = {}
    for pair in zip(standing.checks, measured(standing), strict=True):
        months.setdefault(f"{_middle(pair[0]):%Y-%m}", []).append(pair)
    if len(months) < _LEAST_MONTHS:
        return None
    metric = standing.settings.metric
    columns = [Column("month"), Column("rows", "number", digits=15)]
    columns += [Column(name, "number") for name in ("windows", "alarm", "broken")]
    columns.append(Column("drifted, in how many"))
    if metric:
        columns += [Column(metric, "number", digits=3), Column("estimated", "number", digits=3)]
        columns.append(Column("off by", "number", digits=2, sign=True))
    rows = [_month(month, pairs, standing) for month, pairs in months.items()]
    return Table(tuple(columns), tuple(rows), "By month")


def _month(
    month: str, pairs: Sequence[tuple[Checked, Measured]], standing: Standing
) -> tuple[Cell, ...]:
    checks = [one for one, _ in pairs]
    states = [standing.history.state(one) for one in checks]
    moved = Counter(name for one in checks for name in (one.drift.moved if one.drift else ()))
    named = [f"{name} {many}" for name, many in moved.most_common(_NAMED)]
    more = f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
    row: tuple[Cell, ...] = (
        month,
        sum(one.rows for one in checks),
        len(checks),
        states.count("alarm"),
        states.count("broken"),
        (", ".join(named) + more) or None,
    )
    if not standing.settings.metric:
        return row
    known = [one for _, one in pairs if one.realised is not None]
    made = [one for _, one in pairs if one.estimated is not None]
    both = [one for _, one in pairs if one.off is not None]
    off = _mean(both, [one.off for one in both])
    return (
        *row,
        _mean(known, [one.realised for one in known]),
        _mean(made, [one.estimated for one in made]),
        None if off is None else round(off, 3) + 0.0,  # and no minus before nothing
    )


def _middle(one: Checked) -> datetime:
    return one.window.begin + (one.window.end - one.window.begin) / 2


def _mean(found: Sequence[Measured], values: Sequence[float | None]) -> float | None:
    """Return the mean of windows, each by its rows."""
    rows = sum(one.rows for one in found)
    pairs = zip(found, values, strict=True)
    return sum(one.rows * (value or 0.0) for one, value in pairs) / rows if rows else None


def _round(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
