"""A backtest as a report: a sentence, one picture, and the numbers behind both."""

import math
from collections.abc import Iterator, Sequence

from trueup.loop.backtest.charts import score_chart
from trueup.loop.backtest.concluding import conclude
from trueup.loop.backtest.records import Backtest, Comparison, PolicyRun
from trueup.reporting.blocks import Block, Cell, Column, Report, Table, Text
from trueup.reporting.wording import duration, moment, number

_NEVER = "never"
_STEPS = (
    Column("policy"),
    Column("at"),
    Column("does"),
    Column("because"),
    Column("came of it"),
    Column("reasons"),
)


def backtest_report(found: Backtest) -> Report:
    """Return the report; its title is what the backtest says in a sentence.

    Policies stand in the order of their scores. The steps are a detail, which a page shows.
    """
    concluded = conclude(found)
    runs = _in_order(found)
    never = next((run for run in runs if run.name == _NEVER), None)
    blocks: list[Block] = [
        Text("\n".join([*concluded.says, _span(found)])),
        score_chart(found, runs, never),
        _policies(found, runs),
        *_differences(found),
        _words(runs),
        Text("\n".join([*_notes(found), *found.says])),
        _alarms(found, runs),
        _steps(runs),
    ]
    return Report(f"Backtest of {found.model}: {concluded.title}", tuple(blocks))


def _span(found: Backtest) -> str:
    step = duration(found.step_s).removesuffix(" 0 h")
    return (
        f"{found.begin:%Y-%m-%d} to {found.end:%Y-%m-%d} in {found.environment},"
        f" decided every {step}; {found.metric} decides."
    )


def _in_order(found: Backtest) -> list[PolicyRun]:
    """Return the policies, the best score first."""
    scores = {one.policy: one.value for one in found.scores if one.metric == found.metric}
    worst = -math.inf if found.higher else math.inf
    return sorted(found.runs, key=lambda run: scores.get(run.name, worst), reverse=found.higher)


def _policies(found: Backtest, runs: Sequence[PolicyRun]) -> Table:
    metrics = list(dict.fromkeys(one.metric for one in found.scores))
    scores = {(one.policy, one.metric): one.value for one in found.scores}
    alarms = {one.policy: one for one in found.alarms}
    columns = (
        Column("policy"),
        *(Column(name, "number", digits=4) for name in metrics),
        Column("retrains", "number"),
        Column("promoted", "number"),
        Column("refused", "number"),
        Column("inconclusive", "number"),
        Column("false alarms", "number"),
        Column("missed", "number"),
        Column("training", "number", unit="s", digits=4),
    )
    rows: list[tuple[Cell, ...]] = []
    for run in runs:
        alarm, cost = alarms.get(run.name), run.cost
        rows.append(
            (
                run.name,
                *(scores.get((run.name, name)) for name in metrics),
                cost.retrains,
                cost.promoted,
                cost.refused,
                cost.inconclusive,
                alarm.false if alarm else None,
                alarm.missed if alarm else None,
                cost.seconds,
            )
        )
    return Table(columns, tuple(rows), "Policies, by their mean monthly scores")


def _differences(found: Backtest) -> Iterator[Table]:
    """Yield a table for each metric, that which decides first."""
    metrics = dict.fromkeys([found.metric, *(one.metric for one in found.comparisons)])
    for name in metrics:
        each = [one for one in found.comparisons if one.metric == name]
        if each:
            columns = (
                Column("policy"),
                Column("against"),
                Column("is"),
                Column("by", "number", digits=3, sign=True),
                Column("from", "number", digits=3, sign=True),
                Column("to", "number", digits=3, sign=True),
                Column("months ahead"),
                Column("note"),
            )
            yield Table(columns, tuple(map(_compared, each)), f"Differences in {name}")


def _compared(one: Comparison) -> tuple[Cell, ...]:
    ahead = f"{one.ahead} of {one.months}" if one.months else None
    by = (one.difference, one.low, one.high)
    return one.policy, one.against, one.word, *by, ahead, _note(one) or None


def _note(one: Comparison) -> str:
    if one.says:
        return one.says
    where = f"on {one.confirmed_on}" if one.confirmed_on else ""
    if one.word == "undecided" and one.detectable is not None:
        would = f"would find {number(one.detectable, digits=2)}"
        return f"{where}; {would}" if where else would
    return where or ("exploratory" if one.exploratory and one.word != "the same" else "")


def _words(runs: Sequence[PolicyRun]) -> Table:
    rows = tuple((run.name, run.says) for run in runs)
    return Table((Column("policy"), Column("what it does")), rows, "What they do")


def _notes(found: Backtest) -> Iterator[str]:
    """Yield how the numbers are to be read."""
    several = next((one for one in found.comparisons if one.together > 1), None)
    yield (
        "Scores are means of calendar months, a month counting by its rows. More of a difference"
        " is better for the policy, whatever the metric."
    )
    if several is not None:
        level = f"{several.level * 100:.4g} %"
        yield (
            f"The intervals of a metric hold together at {level}; days, or longer blocks where"
            " days go together, were drawn again."
        )
    if found.alarms:
        one = found.alarms[0]
        yield (
            f"A champion has fallen where its {one.metric} is {number(one.drop, digits=3)} worse"
            f" than in its first windows. A false alarm: it had not, within {one.within} windows."
            " Missed: it had, and no trigger hit."
        )


def _alarms(found: Backtest, runs: Sequence[PolicyRun]) -> Table:
    names = ("right", "false", "missed", "windows judged", "windows")
    columns = (Column("policy"), *(Column(name, "number") for name in names))
    windows = {run.name: len(run.windows) for run in runs}
    rows = tuple(
        (one.policy, one.right, one.false, one.missed, one.judged, windows.get(one.policy))
        for one in found.alarms
    )
    return Table(columns, rows, "Alarms", empty="none were counted", detail=True)


def _steps(runs: Sequence[PolicyRun]) -> Table:
    rows = tuple(
        (run.name, moment(one.at), one.do, one.cause, one.outcome, "; ".join(one.reasons) or None)
        for run in runs
        for one in run.steps
    )
    return Table(_STEPS, rows, "Everything that was done", empty="nothing", detail=True)
