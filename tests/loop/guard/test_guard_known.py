"""What a real project's guard knows of the live version, of the last training and of skew."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.loop.shop import LIVE, shop, ticked
from tests.project.projects import opened
from trueup.captures.finding import Span
from trueup.loop.guard.records import Guarded, decode_guarded
from trueup.loop.journal import Journal
from trueup.monitoring.broken.records import Pipe
from trueup.monitoring.watching.events import BrokenPart, Checked, Compared
from trueup.monitoring.watching.windows import Window
from trueup.project.knowing import served_otherwise, usual_error_of

DAY = timedelta(days=1)
FIRST = datetime(2026, 2, 1, tzinfo=UTC)


def verdicts(root: Path) -> list[Guarded]:
    """Return what the guard has found of each retrain, the oldest first."""
    bucket = opened(root).bucket
    courses = Journal(bucket, "shop/sale").history().courses.values()
    return [decode_guarded(bucket.get(one.guarded.record)) for one in courses if one.guarded]


def test_a_guard_knows_the_live_version_and_what_the_last_training_had(tmp_path: Path) -> None:
    root = shop(tmp_path, '{schedule: "17 4 * * 1", do: retrain}')
    config = root / "trueup.yaml"
    rules = "{metric: accuracy, at_least: 0.6}\n        - {metric: roc_auc"
    config.write_text(config.read_text().replace("{metric: roc_auc", rules))
    assert not ticked(root, LIVE + DAY).carried  # schedules count from here
    for week in (1, 2):
        done = ticked(root, LIVE + timedelta(days=7 * week, hours=5))
        assert [one.end for one in done.carried] == ["promoted"], done
    first, second = verdicts(root)
    assert any("the last training is not known" in one for one in first.not_checked)
    assert not any("signature" in one for one in first.not_checked)
    assert not any("the last training" in one for one in second.not_checked)
    assert usual_error_of(opened(root), "shop/sale", 2) == pytest.approx(0.12, abs=0.08)
    assert first.learnt is not None
    assert first.learnt.rows == first.rows < second.rows


def test_a_column_that_is_gone_stops_a_retrain_and_names_its_stage(tmp_path: Path) -> None:
    root = shop(tmp_path, '{schedule: "17 4 * * 1", do: retrain}')
    assert not ticked(root, LIVE + DAY).carried
    raw = root / "raw.csv"
    raw.write_text(raw.read_text().replace("near", "nearby", 1))
    done = ticked(root, LIVE + timedelta(days=7, hours=5))
    assert [one.end for one in done.carried] == ["stopped"], done
    (found,) = verdicts(root)
    assert {(one.check, one.column) for one in found.stopping} == {("schema", "near")}


def check(day: int, skew: Compared | None, *broken: BrokenPart) -> Checked:
    begin = FIRST + day * DAY
    return Checked(
        at=begin, by="ada", window=Window(begin, begin + DAY), version=3, reference=1, rows=9,
        segments="", broken=broken, skew=skew,
    )  # fmt: skip


def test_what_windows_have_compared_is_told_as_one_skew() -> None:
    skewed = BrokenPart("skew", "near", "90 of 100 are not", "certain", 90, str(Pipe("a", "b")))
    checks = [
        check(0, Compared("t.csv", 500, different={"staff": 400})),
        check(1, Compared("t.csv", 100, different={"near": 90, "staff": 1}), skewed),
        check(2, Compared("t.csv", why="the table lacks the ids")),
        check(3, None),
    ]
    found = served_otherwise(checks, Span(FIRST + DAY, FIRST + 9 * DAY))
    assert found is not None
    assert found.rows == 100
    assert [(one.name, one.different, one.is_skewed) for one in found.columns] == [
        ("near", 90, True),
        ("staff", 1, False),
    ]
    assert served_otherwise(checks[2:], Span()) is None
