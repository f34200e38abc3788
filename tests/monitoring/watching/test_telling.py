"""What many windows come to, in sentences and by month."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from trueup.monitoring.maturity import WindowMaturity
from trueup.monitoring.performance.records import Coverage, Estimated, Performance, Realised
from trueup.monitoring.watching.charts import effects
from trueup.monitoring.watching.events import (
    BrokenPart,
    Checked,
    Drifted,
    Matured,
    Moved,
    Referenced,
)
from trueup.monitoring.watching.history import History
from trueup.monitoring.watching.report import watch_report
from trueup.monitoring.watching.settings import Settings
from trueup.monitoring.watching.standing import Standing
from trueup.monitoring.watching.telling import by_month, measured, summary
from trueup.monitoring.watching.windows import Window
from trueup.reporting.blocks import Report
from trueup.reporting.html import render_html
from trueup.reporting.terminal import render_text

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WHO: dict[str, Any] = {"at": NOW, "by": "ada", "version": 1, "reference": 1}
FIXED: dict[str, Any] = {"at": NOW, "by": "ada", "version": 1, "digest": "d", "grid": "g"}
SETTINGS = Settings(7 * 86_400.0, 1.0, 90 * 86_400.0, 0.8, 1, 1, 0.1, metric="roc_auc")


def week(nth: int) -> Window:
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=7 * nth)
    return Window(begin, begin + timedelta(days=7))


def performance(nth: int, realised: float | None, estimated: float | None) -> Performance:
    came = () if realised is None else (Realised("roc_auc", "all rows", 10, realised),)
    made = () if estimated is None else (Estimated("roc_auc", "CBPE", estimated),)
    ripe = WindowMaturity(realised is not None, None, None, False, None, None)
    window = week(nth)
    return Performance(window.begin, window.end, NOW, 10, came, made, ripe, Coverage(10, 10, 10))


def checked(nth: int, *moved: str, rows: int = 100, **more: Any) -> Checked:
    columns = tuple(Moved(name, "input", 0.3, 0.2, 4.0, 2.0, drifted=True) for name in moved)
    drift = Drifted(bool(moved), bool(moved), False, False, 4.0, 2.0, "psi", columns, moved)
    made = performance(nth, None, more.pop("estimated", None))
    known: dict[str, Any] = {"state": "alarm" if moved else "quiet", "drift": drift}
    known |= {"performance": made, "segments": "s", "rows": rows, **more}
    return Checked(**WHO, window=week(nth), **known)


def came(nth: int, value: float) -> Matured:
    return Matured(**WHO, window=week(nth), performance=performance(nth, value, None))


def standing(*events: Checked | Matured, settings: Settings = SETTINGS) -> Standing:
    history = History((Referenced(**FIXED, reference="r", claimed=True), *events))
    return Standing("shop/sale", "dev", 1, history.checks(), history, settings)


def test_the_headline_says_what_happened_how_often_and_since_when() -> None:
    nulls = (BrokenPart("nulls", "price", "all null", "certain"),)
    told = summary(
        standing(
            checked(0), checked(1, "dest"), checked(2, "dest", "temp"),
            checked(3, state="broken", broken=nulls), checked(4, "dest"),
        )
    )  # fmt: skip
    assert told == (
        "5 windows from 2026-01-01 to 2026-02-05: 1 quiet, 3 alarm, 1 broken",
        "drifted most often: dest in 3 (first 2026-01-08), temp in 1 (first 2026-01-15)",
        "found broken most often: price nulls in 1 (first 2026-01-22)",
    )


def test_the_headline_says_how_far_the_estimate_was_off() -> None:
    events = [checked(nth, estimated=0.7, rows=100 * (nth + 1)) for nth in range(4)]
    found = standing(*events, came(0, 0.5), came(1, 0.7), came(2, 0.8))
    assert summary(found)[-1] == (
        "roc_auc 0.717 on average, from 0.500 (2026-01-01) to 0.800 (2026-01-15); estimated without"
        " labels it was off by 0.083 on average, by 0.200 at most (2026-01-01: 0.700)"
    )
    assert measured(found)[3].realised is None


def test_few_windows_are_told_by_their_table_alone() -> None:
    few = standing(*(checked(nth, "dest") for nth in range(3)))
    assert summary(few) == ()
    assert by_month(few) is None


def test_a_month_counts_the_windows_whose_middle_it_holds() -> None:
    events = [checked(nth, *(["dest"] if nth > 3 else []), estimated=0.7) for nth in range(10)]
    found = by_month(standing(*events, came(0, 0.5), came(1, 0.6)))
    assert found is not None
    rows = {row[0]: row[1:] for row in found.rows}
    assert rows["2026-01"][:5] == (400, 4, 0, 0, None)
    assert rows["2026-02"][:5] == (400, 4, 4, 0, "dest 4")
    realised, estimated, off = rows["2026-01"][5:]
    assert (realised, estimated) == (0.55, 0.7)
    assert isinstance(off, float)
    assert off == 0.15  # of the windows that have both


def test_a_model_whose_performance_is_not_watched_has_no_column_of_it() -> None:
    settings = Settings(7 * 86_400.0, 1.0, 90 * 86_400.0, 1.0, 1, 1, 0.1)
    found = by_month(standing(*map(checked, range(10)), settings=settings))
    assert found is not None
    assert [column.name for column in found.columns][-1] == "drifted, in how many"


def test_the_report_begins_with_the_headline() -> None:
    text = render_text(watch_report(standing(*(checked(nth, "dest") for nth in range(10)))))
    assert text.index("10 windows from") < text.index("By month") < text.index("2026-03-05  ")


def test_a_long_time_without_a_season_says_that_season_looks_like_drift() -> None:
    many = standing(*(checked(nth, "dest") for nth in range(10)))
    assert summary(many)[-1] == "season is not told from drift: monitor.drift.seasonal names none"
    assert len(summary(standing(*map(checked, range(10))))) == 1


def test_columns_are_drawn_window_by_window_the_most_frequent_first() -> None:
    frozen = (BrokenPart("frozen", "humid", "one value", "certain"),)
    drawn = effects([checked(0, "dest"), checked(1, "dest", "temp"), checked(2, broken=frozen)])
    assert drawn.fallback.splitlines() == ["dest   ██·", "temp   ·█·", "humid  ··B"]
    assert len(drawn.spec["data"]["values"]) == 9


def test_where_no_column_has_drifted_there_is_nothing_to_draw() -> None:
    drawn = effects([checked(0), checked(1)])
    assert drawn.detail
    assert render_html(Report("calm", (drawn,)))


def test_an_alarm_is_told_by_its_columns_where_it_has_no_other_reason() -> None:
    text = render_text(watch_report(standing(*(checked(nth, "dest") for nth in range(4)))))
    assert "2026-01-22: dest 0.3 (at least 0.2)" in text


def test_a_reference_that_claims_no_rate_is_said_to_be_too_small() -> None:
    few = standing(*map(checked, range(4)))
    without = msgspec.structs.replace(few.history.events[0], claimed=False)
    told = summary(msgspec.structs.replace(few, history=History((without, *few.checks))))
    assert told[-1].endswith("the reference is too small")
