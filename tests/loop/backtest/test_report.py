"""The report of a backtest: its sentence says no more than was shown."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tests.loop.backtest.history import backtest
from tests.reporting.pages import checked
from trueup.loop.backtest.charts import score_chart
from trueup.loop.backtest.concluding import conclude
from trueup.loop.backtest.records import (
    Alarms,
    Backtest,
    Compared,
    Comparison,
    Cost,
    Outcome,
    PolicyRun,
    Score,
    Step,
    Window,
    plain,
)
from trueup.loop.backtest.report import backtest_report
from trueup.reporting.blocks import Chart, Table
from trueup.reporting.html import render_html
from trueup.reporting.markdown import render_markdown
from trueup.reporting.terminal import render_text

BEGIN, WEEK = datetime(2013, 3, 4, tzinfo=UTC), timedelta(weeks=1)
AUGUST = datetime(2013, 8, 1, tzinfo=UTC)


def against(policy: str, other: str, word: Compared, **more: object) -> Comparison:
    by = {"better": 0.02, "worse": -0.02, "the same": 0.0, "undecided": 0.001}[word]
    room = 0.0 if word == "the same" else 0.01
    told = {"detectable": 0.02, "months": 10, "ahead": 7, **more}
    return Comparison(
        policy, other, "roc_auc", by, by - room, by + room, blocks=40, word=word, **told,  # type: ignore[arg-type]  # of the test's own
    )  # fmt: skip


def found(scores: dict[str, float], *comparisons: Comparison, **more: object) -> Backtest:
    return Backtest(
        model="flights/late",
        environment="production",
        begin=BEGIN,
        end=BEGIN + 4 * WEEK,
        step_s=604_800.0,
        metric="roc_auc",
        higher=True,
        runs=tuple(run(name, value) for name, value in scores.items()),
        scores=tuple(Score(name, "roc_auc", value, 400, 1) for name, value in scores.items()),
        comparisons=comparisons,
        **more,  # type: ignore[arg-type]  # of the test's own
    )


def run(name: str, value: float) -> PolicyRun:
    windows = tuple(
        Window(BEGIN + n * WEEK, BEGIN + (n + 1) * WEEK, 100, 100, "a", {"roc_auc": value})
        for n in range(4)
    )
    done: tuple[Outcome, ...] = ("promoted", "refused", "failed") if name == "monthly" else ()
    steps = tuple(
        Step(BEGIN + n * WEEK, "retrain", "schedule", "the slot is due", came)
        for n, came in enumerate(done, 1)
    )
    return PolicyRun(name, "in words", True, windows, steps, Cost(len(steps), 1, 1, 0, 3.0))


THREE = {"never": 0.68, "yours": 0.69, "monthly": 0.70}


def test_the_best_of_several_is_exploratory() -> None:
    told = conclude(
        found(
            THREE,
            against("yours", "never", "better"),
            against("monthly", "never", "better"),
            against("monthly", "yours", "better"),
        )
    )
    assert (told.best, told.standing) == ("monthly", "exploratory")
    assert told.title == "monthly is better than never and yours: exploratory"
    assert "best of 3" in told.says[-2]
    assert "--confirm-from" in told.says[-1]


def test_where_nothing_could_be_confirmed_that_is_said() -> None:
    more = [against("monthly", other, "better") for other in ("never", "yours")]
    told = conclude(found(THREE, *more, confirm_from=AUGUST))
    assert told.standing == "exploratory"
    assert "never was best before 2013-08-01" in told.says[-1]


def test_one_interval_that_spans_zero_leaves_it_undecided() -> None:
    told = conclude(
        found(
            THREE, against("monthly", "never", "better"), against("monthly", "yours", "undecided")
        )
    )
    assert told.standing == "undecided"
    assert told.title == "monthly scores best, and is not told apart from yours: undecided"
    assert told.says[-1] == "A true difference of 0.02 to yours would be found in 4 of 5 cases."


def test_a_single_comparison_picks_nothing_and_shows_what_it_shows() -> None:
    two = {"never": 0.68, "yours": 0.70}
    told = conclude(found(two, against("yours", "never", "better", exploratory=False)))
    assert (told.standing, told.title) == ("shown", "yours is better than never: shown")


def test_where_never_is_best_the_comparison_is_turned_round() -> None:
    two = {"never": 0.70, "yours": 0.68}
    told = conclude(found(two, against("yours", "never", "worse", exploratory=False)))
    assert told.title == "never is better than yours: shown"
    assert told.says == ("Against yours: 0.02 better in roc_auc (95 % interval +0.01 to +0.03).",)


@pytest.mark.parametrize(
    ("word", "standing", "part"),
    [
        ("better", "confirmed", "monthly is better than yours: confirmed"),
        ("worse", "not confirmed", "worse than yours after: not confirmed"),
        ("the same", "not confirmed", "like yours after"),
        ("undecided", "undecided", "whether better than yours after: undecided"),
    ],
)
def test_what_the_later_part_says_stands_above_all_else(
    word: Compared, standing: str, part: str
) -> None:
    tested = against("monthly", "yours", word, confirmed_on="2013-08-01 to 2013-12-31")
    told = conclude(
        found(THREE, tested, against("monthly", "never", "undecided"), confirm_from=AUGUST)
    )
    assert told.standing == standing
    assert part in told.title
    assert "once, on 2013-08-01 to 2013-12-31" in told.says[0]


def test_policies_that_never_differ_and_policies_without_scores_are_said_to_be_so() -> None:
    same = conclude(found(dict.fromkeys(THREE, 0.7), against("yours", "never", "the same")))
    assert same.title == "no policy differs from the others"
    assert conclude(found({})).title == "no policy could be scored"
    assert conclude(found({"never": 0.7})).title == "there is one policy, and nothing beside it"


def test_a_loss_is_ordered_with_the_least_first() -> None:
    more = found(THREE, against("monthly", "never", "better"))
    less = msgspec.structs.replace(more, higher=False)
    for one, first in ((more, "monthly"), (less, "never")):
        (table,) = (
            block
            for block in backtest_report(one).blocks
            if isinstance(block, Table) and block.title.startswith("Policies")
        )
        assert table.rows[0][0] == first


def test_each_policy_has_a_row_with_never_in_grey_and_a_mark_for_each_retrain() -> None:
    one = found(THREE, confirm_from=BEGIN + 2 * WEEK)
    chart = score_chart(one, one.runs, one.runs[0])
    yours, monthly = chart.spec["vconcat"]
    assert yours["title"]["text"] == "yours: 0.69 (+0.01 against never)"
    marks = monthly["layer"][-1]["data"]["values"]
    assert [each["came"] for each in marks] == ["promoted", "refused", "other"]
    assert yours["layer"][-1]["data"]["values"] == []
    assert "▲x-" in chart.fallback
    assert "shaded" in chart.title


def test_never_alone_is_drawn_all_the_same() -> None:
    one = found({"never": 0.7})
    chart = score_chart(one, one.runs, one.runs[0])
    assert len(chart.spec["vconcat"]) == 1


def test_letters_are_on_one_scale() -> None:
    one = found(THREE)
    lines = score_chart(one, one.runs, one.runs[0]).fallback.split("\n")
    assert any("████" in line for line in lines if line.startswith("monthly"))
    assert any("▁▁▁▁" in line for line in lines if line.startswith("never"))


@pytest.mark.slow
def test_every_renderer_shows_it_and_no_name_can_do_harm() -> None:
    name = "<script>alert(1)</script>|\x1b[2J"
    alarm = Alarms("never", 1, 2, 3)
    one = found({"never": 0.6, name: 0.7}, against(name, "never", "undecided"), alarms=(alarm,))
    report = backtest_report(one)
    page = render_html(report)
    assert "figure" in checked(page).tags
    assert "<script" not in page
    assert "\x1b" not in render_text(report)
    assert "&lt;script" in render_markdown(report).split("\n")[0]


def test_the_record_is_what_json_says() -> None:
    one = found(THREE, against("monthly", "never", "better"))
    again = msgspec.convert(plain(one), Backtest)
    assert again == one


@pytest.mark.slow
def test_a_year_is_told_in_a_sentence_one_picture_and_tables() -> None:
    report = backtest_report(backtest(AUGUST))
    assert sum(isinstance(block, Chart) for block in report.blocks) == 1
    text = render_text(report, room=120)
    for word in ("roc_auc", "log_loss", "false alarms", "Differences in log_loss", "2013-08-01"):
        assert word in text
    assert "Everything that was done" not in text
    assert checked(render_html(report)).tags
