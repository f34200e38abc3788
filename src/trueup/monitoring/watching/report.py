"""A watched model as a report: its windows, the newest trouble in full, what stands behind it."""

from collections.abc import Iterator, Sequence

from trueup.monitoring.performance.dropping import Drop
from trueup.monitoring.watching.events import Checked, Moved
from trueup.monitoring.watching.standing import Standing, resets
from trueup.monitoring.watching.telling import by_month, summary
from trueup.reporting.blocks import Block, Cell, Chart, Check, Column, Report, Table, Text, Verdict
from trueup.reporting.wording import number

_TOP = 3  # columns, in a window's line
_WINDOWS = (
    Column("window"),
    Column("version", "number"),
    Column("rows", "number", digits=15),
    Column("state"),
    Column("what"),
    Column("late", "number", digits=15),
)
_COLUMNS = (
    Column("rank", "number"),
    Column("column"),
    Column("is"),
    Column("drift"),
    Column("importance", "number", digits=3),
    Column("effect", "number", digits=3),
    Column("at least", "number", digits=3),
    Column("score", "number", digits=3),
    Column("above", "number", digits=3),
)
_BROKEN = (Column("column"), Column("check"), Column("what"), Column("sure"), Column("mend"))


def watch_report(
    standing: Standing, above: Sequence[Block] = (), further: Sequence[Block] = ()
) -> Report:
    """Return the report of a standing: charts above its windows, tables of ``further`` below."""
    months = by_month(standing)
    told = [months] if months else []
    drawn = [one for one in further if isinstance(one, Chart) and not one.detail]
    blocks: list[Block] = [_verdict(standing), *above, *drawn, *told, _windows(standing)]
    newest = newest_of(standing)
    if newest is not None:
        blocks += _in_full(newest)
    blocks += [one for one in further if one not in drawn]
    blocks.append(Text("\n".join(_notes(standing))))
    return Report(f"{standing.model}, {standing.environment}", tuple(blocks))


def _verdict(standing: Standing) -> Verdict:
    troubles = standing.troubles
    reasons = [
        f"{one.window.name}: {line}"
        for one in troubles[-3:]
        for line in _reasons(standing, one)[:4]
    ]
    if len(troubles) > 3:
        reasons.insert(0, f"{len(troubles)} windows alarm or are broken; the last ones:")
    if not standing.checks:
        reasons = ["no window is closed yet"]
    said = (*summary(standing), *(reasons or ["nothing to act on"]))
    return Verdict(
        f"version {standing.version}",
        "fail" if troubles else "pass",
        said,
        tuple(_check(one, standing) for one in standing.checks),
    )


def _late(standing: Standing, one: Checked) -> list[Drop]:
    """Return the drops that labels have shown of a window since it was checked."""
    found = standing.history.matured().get((one.version, one.window))
    return [drop for drop in (found.drops if found else ()) if drop.alarmed]


def _reasons(standing: Standing, one: Checked) -> list[str]:
    late = [line for drop in _late(standing, one) for line in drop.reasons]
    return [*late, *one.reasons] or [_what(one, standing)]


def _check(one: Checked, standing: Standing) -> Check:
    words = {"alarm": "fail", "broken": "fail", "quiet": "pass"}
    word = words.get(standing.history.state(one), "inconclusive")
    return Check(f"{one.window.name} version {one.version}", word, standing.history.state(one))  # type: ignore[arg-type]  # one of these words


def _windows(standing: Standing) -> Table:
    seen, revised = standing.history.acknowledged(), standing.history.revisions()
    rows: list[tuple[Cell, ...]] = []
    for one in reversed(standing.checks):
        key = (one.version, one.window)
        late = revised[key].rows if key in revised else 0
        now = standing.history.state(one)
        state = f"{now}, seen" if key in seen else now
        rows.append(
            (one.window.name, one.version, one.rows, state, _what(one, standing), late or None)
        )
    return Table(_WINDOWS, tuple(rows), "Windows", empty="no window is closed yet")


def _what(one: Checked, standing: Standing) -> str:
    """Say in a line what a window shows."""
    if one.broken:
        named = dict.fromkeys(f"{each.column} {each.check}".strip() for each in one.broken)
        return _listed(list(named))
    if not one.rows:
        return "; ".join(one.reasons)
    worse = [f"{name} fired" for name in (one.detected.triggers if one.detected else ())]
    worse += [f"{each.kind} performance" for each in one.drops if each.alarmed]
    worse += [f"{each.kind} performance" for each in _late(standing, one)]
    columns = one.drift.columns if one.drift else ()
    drifted = [each for each in columns if each.drifted]
    told = [f"{each.name} {_effect(each)}" for each in drifted or columns[:1]]
    return _listed([*worse, *told])


def _effect(one: Moved) -> str:
    return f"{number(one.effect, digits=2)} (at least {number(one.lower, digits=2)})"


def _listed(named: Sequence[str]) -> str:
    more = f" and {len(named) - _TOP} more" if len(named) > _TOP else ""
    return ", ".join(named[:_TOP]) + more


def newest_of(standing: Standing) -> Checked | None:
    """Return the window to be shown in full: the last trouble, else the last of all."""
    shown = standing.troubles or standing.checks
    return shown[-1] if shown else None


def _in_full(one: Checked) -> Iterator[Block]:
    if one.broken:
        rows = [
            (each.column or "-", each.check, each.says, each.sure, each.mend or None)
            for each in one.broken
        ]
        yield Table(_BROKEN, tuple(rows), f"Broken in {one.window.name}")
    if one.drift is not None:
        rows_of = enumerate(one.drift.columns, 1)
        yield Table(
            _COLUMNS,
            tuple(_column(rank, each) for rank, each in rows_of),
            f"Columns of {one.window.name}",
        )


def _column(rank: int, one: Moved) -> tuple[Cell, ...]:
    word = "drifted" if one.drifted else "small" if one.score > one.at else "no"
    return (rank, one.name, one.role, word, *_numbers(one))


def _numbers(one: Moved) -> tuple[Cell, ...]:
    return one.importance, one.effect, one.lower, one.score, one.at


def _notes(standing: Standing) -> Iterator[str]:
    reference = standing.reference
    if reference is not None:
        words = {
            "evaluation": "rows that the version is judged on and was not trained on",
            "training": "rows that the version was trained on",
            "captures": f"its own {reference.source}",
        }
        yield (
            f"Version {reference.version} is compared with {reference.rows:,} rows:"
            f" {words[reference.basis]}."
        )
        yield from (_sentence(one) for one in (*reference.says, *reference.rate))
    yield from (_sentence(one) for one in resets(standing.history, standing.checks).values())
    late = sum(1 for one in standing.history.revisions().values() if one.rows)
    if late:
        yield f"{late} windows have changed since they were closed; what was decided stays."
    if standing.open:
        yield f"{standing.open} windows are not closed yet."


def _sentence(text: str) -> str:
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith(".") else f"{whole}."
