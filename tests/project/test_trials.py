"""A canary's end on a real project: what live rows, captures, people and time make of it."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.live_traffic import (
    MODEL,
    answered,
    bring,
    shadowed,
    traffic,
    truths,
    with_champion,
)
from tests.delivery.test_delivering import PROJECT, said
from tests.project.projects import opened, write
from trueup.captures.trials import Difference, Side, Trial, keep
from trueup.errors import WrongUsage
from trueup.loop.carrying import Carried
from trueup.loop.explaining import explained
from trueup.project import looping
from trueup.project.registering import registry_of
from trueup.project.trials import slow, unanswered
from trueup.registry.history import Standing
from trueup.reporting.markdown import render_markdown

pl = pytest.importorskip("polars", minversion="1.31")

BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)
SLOT = datetime(2026, 11, 24, 4, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LOOP = """
    serve: {challenger: {shadow: true}}
    loop:
      when: [{schedule: "0 4 * * *", do: retrain}]
      cooldown: 1d
      retrain: {params: {train.noise: 0.3}}
      then: canary
"""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project whose loop has put its second version on trial."""
    root = write(tmp_path_factory.mktemp("shop") / "project", PROJECT)
    with_champion(root)
    config = root / "trueup.yaml"
    config.write_text(config.read_text().rstrip() + LOOP)
    assert not passed(root, BEGAN)
    (carried,) = passed(root, SLOT)
    assert (carried.end, standing(root).aliases) == ("", {"challenger": 2})
    return root


@pytest.fixture
def shop(begun: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return shutil.copytree(begun, tmp_path / "project")


def passed(root: Path, now: datetime) -> Sequence[Carried]:
    return looping.tick(opened(root), looping.Wanted("sale", now=now)).carried


def standing(root: Path) -> Standing:
    return registry_of(opened(root)).so_far(MODEL).standing("dev")


def live(root: Path, knows: dict[int, float], rows: int = 2000) -> None:
    """Let both answer rows of the trial's first day, and label them."""
    shadowed(root, traffic(rows, knows), begin=SLOT + HOUR / 4)


@pytest.mark.slow
def test_what_passes_by_its_live_rows_is_promoted_and_not_before(shop: Path) -> None:
    live(shop, {1: 0.5, 2: 0.6})
    (early,) = passed(shop, SLOT + 12 * HOUR)
    assert early.end == ""
    assert "version 2 is on trial until 2026-12-08 04:00 UTC at the latest" in early.says
    found = looping.explain(opened(shop), looping.Wanted("sale", now=SLOT + 13 * HOUR))
    assert "on trial" in render_markdown(explained(found))
    (course,) = found.history.courses.values()
    assert "trial" not in course.acts, "nothing was looked at before its time"
    (carried,) = passed(shop, SLOT + DAY)
    assert carried.end == "promoted", carried.says
    assert standing(shop).champion == 2
    last = registry_of(opened(shop)).so_far(MODEL)
    evidence = last.evidence(standing(shop).promotions[-1])
    assert evidence is not None
    assert (evidence.basis, evidence.outcome) == ("trial", "pass")


@pytest.mark.slow
def test_what_fails_by_its_live_rows_is_not_on_trial_any_more(shop: Path) -> None:
    live(shop, {1: 0.7, 2: 0.1})
    (carried,) = passed(shop, SLOT + DAY)
    assert (carried.end, standing(shop).aliases) == ("rolled back", {})
    assert carried.says.startswith("its live rows: ")
    assert standing(shop).champion == 1


@pytest.mark.slow
def test_rows_left_unanswered_end_it_before_any_verdict(shop: Path) -> None:
    some = traffic(600, {1: 0.5, 2: 0.6})
    begin = SLOT + HOUR / 4
    half = some.part(0, 300)
    bring(shop, [answered(some, 1, "champion", begin=begin), truths(some.ids, some.truth)])
    bring(shop, [answered(half, 2, "shadow", begin=begin)])
    (carried,) = passed(shop, SLOT + 25 * HOUR)
    assert (carried.end, standing(shop).aliases) == ("rolled back", {})
    assert "version 2 has left" in carried.says


@pytest.mark.slow
def test_harm_ends_it_where_the_gate_is_undecided(shop: Path) -> None:
    versions = registry_of(opened(shop)).so_far(MODEL).versions
    champion, challenger = (Side(one.version, one.model.digest) for one in versions)
    worse = Difference("log_loss", 900, 0.3, 0.5, 0.2, 0.1, 0.3)
    shown = Trial(
        model=MODEL, champion=champion, challenger=challenger, at=SLOT, by="ada", rows=900,
        labelled=900, differences=(worse,),
    )  # fmt: skip
    number = keep(opened(shop).bucket, shown)
    (carried,) = passed(shop, SLOT + DAY)
    assert (carried.end, standing(shop).aliases) == ("rolled back", {})
    assert carried.says == (f"it does harm: log_loss is +0.2 over 900 rows (trial record {number})")


@pytest.mark.slow
def test_what_no_row_decides_ends_undecided_after_its_time(shop: Path) -> None:
    assert "none has a label yet" not in passed(shop, SLOT + HOUR)[0].says
    (carried,) = passed(shop, SLOT + 13 * DAY)
    assert (carried.end, standing(shop).aliases) == ("", {"challenger": 2})
    assert "no row was answered by both" in carried.says
    again = passed(shop, SLOT + 13.5 * DAY)
    assert "looked at again from 2026-12-08 04:00 UTC" in again[0].says
    (over,) = passed(shop, SLOT + 14 * DAY)
    assert (over.end, standing(shop).aliases) == ("undecided", {})
    assert standing(shop).champion == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "end"),
    [
        (("promote", "sale/2"), "promoted"),
        (("alias", "sale/2", "challenger", "--remove"), "rolled back"),
    ],
)
def test_a_person_may_end_it_otherwise(shop: Path, words: tuple[str, ...], end: str) -> None:
    assert said(shop, *words).exit_code == 0
    (carried,) = passed(shop, SLOT + HOUR)
    assert carried.end == end
    assert "somebody else" in carried.says


def test_a_canary_that_nothing_could_decide_is_refused_first(tmp_path: Path) -> None:
    root = write(tmp_path / "project", PROJECT)
    config = root / "trueup.yaml"
    config.write_text(config.read_text().rstrip() + LOOP.replace("shadow: true", "share: 0.5"))
    with pytest.raises(WrongUsage, match="could never be decided"):
        passed(root, BEGAN)


def rows_of(version: int, role: str, ids: range, seconds: float) -> Any:
    count = len(ids)
    return pl.DataFrame(
        {
            "id": [str(one) for one in ids],
            "version": [version] * count,
            "role": [role] * count,
            "latency_s": [seconds] * count,
        }
    )


def test_what_the_champion_leaves_too_is_no_error_of_the_other() -> None:
    given = rows_of(1, "champion", range(1000), 0.001)
    whole = rows_of(1, "champion", range(1000), 0.001)
    most = rows_of(2, "shadow", range(800), 0.001)
    assert "has left 200 of 1,000 rows unanswered" in unanswered(
        given, pl.concat([whole, most]), (1, 2), 0.05
    )
    rushed = pl.concat([whole.head(830), most])
    assert unanswered(given, rushed, (1, 2), 0.05) == ""
    assert unanswered(given, pl.concat([whole, most]), (1, 2), 0.2) == ""


def test_slow_is_what_takes_longer_than_the_champion_and_longer_than_nothing() -> None:
    usual = rows_of(1, "champion", range(1000), 0.020)
    for seconds, times, is_slow in ((0.090, 2.0, True), (0.090, 5.0, False), (0.029, 1.0, False)):
        other = rows_of(2, "challenger", range(200), seconds)
        assert bool(slow(pl.concat([usual, other]), (1, 2), times)) == is_slow
    other = rows_of(2, "challenger", range(200), 0.090)
    assert slow(pl.concat([usual.head(50), other]), (1, 2), 2.0) == "", "nobody knows what is usual"
