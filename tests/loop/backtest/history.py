"""A year of flights as policies might have gone through it: for reports."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from tests.loop.backtest.streams import answered, rows_of
from trueup.gate.arrays import Floats
from trueup.loop.backtest.alarms import Fall, count
from trueup.loop.backtest.comparing import Asked, compare, levels
from trueup.loop.backtest.records import (
    Backtest,
    Cost,
    Outcome,
    PolicyRun,
    Scored,
    Step,
    Window,
)

BEGIN, WEEKS, A_DAY = datetime(2013, 3, 1, tzinfo=UTC), 43, 40
DAYS = WEEKS * 7
SAYS = {
    "never": "nothing is ever retrained",
    "all history": 'retrain on schedule "0 0 1 * *" (UTC); what the gate passes is promoted',
    "eight weeks": 'retrain on schedule "0 0 1 * *" (UTC); promoted without a gate',
    "eight weeks, gated": 'retrain on schedule "0 0 1 * *" (UTC); what the gate passes is promoted',
    "yours": "retrain on drift in 2 of 3 windows; what the gate passes is promoted",
}
COURSES: Mapping[str, tuple[tuple[int, Outcome], ...]] = {
    "never": (),
    "all history": tuple((week, "promoted") for week in range(4, 43, 5)),
    "eight weeks": tuple((week, "promoted") for week in range(4, 43, 5)),
    "eight weeks, gated": (
        *((week, "promoted") for week in (4, 9, 14, 24)),
        (19, "refused"),
        *((week, "inconclusive") for week in (29, 34, 39)),
    ),
    "yours": ((7, "promoted"), (13, "refused"), (22, "promoted"), (30, "no change")),
}
DRAW = {"all history": 0.42, "eight weeks": 0.30, "eight weeks, gated": 0.36, "yours": 0.40}


def lift(policy: str) -> Floats:
    """Return how well each row is answered: it declines, and a promotion brings most of it back."""
    day = rows_of(DAYS, A_DAY)[0]
    season = 0.25 * np.sin(day / 301 * 2 * np.pi)
    promoted = [week * 7 for week, came in COURSES[policy] if came == "promoted"]
    since = day - np.max([np.where(day >= at, at, 0) for at in [0, *promoted]], axis=0)
    behind = np.where(day >= min(promoted, default=DAYS), DRAW.get(policy, 0.0), 0.0)
    found: Floats = 0.95 + season + behind - 0.0012 * since
    return found


def scored() -> Scored:
    """Return what each policy has answered."""
    found = answered(
        2013, {name: lift(name) for name in SAYS}, days=DAYS, a_day=A_DAY, together=0.1
    )
    first = {
        name: min((w for w, c in COURSES[name] if c == "promoted"), default=WEEKS) for name in SAYS
    }
    day = rows_of(DAYS, A_DAY)[0]
    for name, week in first.items():  # until then all have the same champion
        found.predictions[name][day < week * 7] = found.predictions["never"][day < week * 7]
    return found


def backtest(confirm_from: datetime | None = None) -> Backtest:
    """Return the whole of it."""
    rows = scored()
    runs = tuple(_run(name, rows) for name in SAYS)
    metrics = ("roc_auc", "log_loss")
    asked = Asked(
        task="binary",
        metrics=metrics,
        twins={"eight weeks, gated": "eight weeks"},
        confirm_from=confirm_from,
    )
    return Backtest(
        model="flights/late",
        environment="production",
        begin=BEGIN,
        end=BEGIN + timedelta(days=DAYS),
        step_s=7 * 86_400.0,
        metric="roc_auc",
        higher=True,
        runs=runs,
        scores=levels(rows, asked),
        comparisons=compare(rows, asked),
        alarms=count(runs, Fall("roc_auc", higher=True, drop=0.03)),
        confirm_from=confirm_from,
        says=("The estimate without labels was not looked at: no policy asks for it.",),
    )


def _run(name: str, rows: Scored) -> PolicyRun:
    promoted = [week for week, came in COURSES[name] if came == "promoted"]
    windows, day = [], rows_of(DAYS, A_DAY)[0]
    for week in range(WEEKS):
        kept = (day >= week * 7) & (day < week * 7 + 7)
        part = Scored(rows.time[kept], rows.target[kept], {name: rows.predictions[name][kept]})
        found = levels(part, Asked(task="binary", metrics=("roc_auc", "log_loss")))
        begin = BEGIN + timedelta(weeks=week)
        reign = max((at for at in promoted if at <= week), default=0)
        windows.append(
            Window(
                begin=begin,
                end=begin + timedelta(weeks=1),
                rows=7 * A_DAY,
                labelled=7 * A_DAY,
                champion=f"{name} {reign}" if reign else "first",
                metrics={one.metric: one.value for one in found},
                triggers=("drift in 2 of 3 windows",)
                if name == "yours" and week + 1 in (7, 13, 22, 30)
                else (),
            )
        )
    steps = tuple(_step(week, came, name) for week, came in COURSES[name])
    came = [one.outcome for one in steps]
    cost = Cost(
        retrains=len(steps),
        promoted=came.count("promoted"),
        refused=came.count("refused"),
        inconclusive=came.count("inconclusive"),
        seconds=sum(one.seconds for one in steps),
    )
    return PolicyRun(name, SAYS[name], "gated" in name, tuple(windows), steps, cost)


def _step(week: int, came: Outcome, name: str) -> Step:
    why = {"refused": ("roc_auc is 0.012 worse than the champion's",)}
    return Step(
        at=BEGIN + timedelta(weeks=week),
        do="retrain",
        kind="drift" if name == "yours" else "schedule",
        cause="inputs have drifted" if name == "yours" else "the slot is due",
        outcome=came,
        candidate=f"{name} {week}",
        reasons=why.get(came, ()),
        seconds=11.0 + week / 3 if "all" in name else 6.0,
    )


def only(found: Backtest, *names: str) -> Backtest:
    """Return the same of some policies."""
    runs = tuple(run for run in found.runs if run.name in names)
    rows = scored()
    kept = Scored(rows.time, rows.target, {name: rows.predictions[name] for name in names})
    asked = Asked(task="binary", metrics=("roc_auc", "log_loss"))
    return msgspec.structs.replace(
        found, runs=runs, scores=levels(kept, asked), comparisons=compare(kept, asked)
    )
