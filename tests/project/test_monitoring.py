"""A model that is served over simulated days, and watched."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from shutil import copytree

import pytest

from tests.project.watched import (
    LIVE,
    columns_of,
    fitted,
    project,
    promoted,
    rows,
    said,
    served,
    states,
    watched,
)
from trueup.captures.finding import Span
from trueup.errors import TrueupError, WrongUsage
from trueup.monitoring.watching import counting
from trueup.monitoring.watching.events import Checked, Referenced
from trueup.monitoring.watching.gauges import gauges

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def watched_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shop with ten quiet days and four in which ``near`` has moved, all checked."""
    root = project(tmp_path_factory.mktemp("shop") / "project")
    promoted(root, 5)
    served(root, rows(LIVE, 10, 100, seed=3))
    served(root, rows(LIVE + 10 * DAY, 4, 100, seed=4, shift=0.35))
    assert said(root, "monitor", "sale") == 5
    return root


@pytest.fixture
def shop(watched_shop: Path, tmp_path: Path) -> Path:
    """Return a copy of that shop."""
    return copytree(watched_shop, tmp_path / "shop")


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """Return a shop that has served nothing."""
    return project(tmp_path / "fresh")


def keys(root: Path) -> set[str]:
    store = root / ".trueup" / "store"
    return {
        str(one.relative_to(store))
        for folder in ("monitoring", "profiles")
        for one in (store / folder).rglob("*")
        if one.is_file()
    }


def test_windows_are_quiet_until_a_column_moves(shop: Path) -> None:
    found = watched(shop)
    assert states(found) == ["quiet"] * 10 + ["alarm"] * 4
    first = found.checks[10]
    assert first.drift is not None
    assert (first.drift.columns[0].name, first.drift.columns[0].role) == ("near", "input")
    assert first.drift.incident
    assert {one.role for one in first.drift.columns if one.drifted} == {"input", "prediction"}
    assert not any(one.drift and one.drift.incident for one in found.checks[11:])


def test_running_again_changes_nothing_and_reports_the_same(shop: Path) -> None:
    before = keys(shop)
    assert said(shop, "monitor", "sale") == 5
    assert keys(shop) == before
    assert watched(shop).fresh == 0


def test_of_two_at_once_one_writes_and_the_other_reads(shop: Path) -> None:
    served(shop, rows(LIVE + 14 * DAY, 6, 100, seed=5))
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: watched(shop), range(2))
    assert one.checks == two.checks
    named = [(check.version, check.window.name) for check in one.history.checks()]
    assert len(named) == len(set(named)) == 20


def test_captures_that_come_late_are_a_revision_and_decide_nothing(shop: Path) -> None:
    before = watched(shop)
    served(shop, rows(LIVE + 2 * DAY, 1, 40, seed=6, shift=5.0))
    after = watched(shop)
    assert after.checks == before.checks
    (revised,) = after.history.revisions().values()
    assert (revised.window.name, revised.rows) == ("2026-03-03", 40)
    kept = keys(shop)
    assert watched(shop).history == after.history
    assert keys(shop) == kept


def test_a_window_is_open_until_its_lateness_is_over(fresh: Path) -> None:
    promoted(fresh, 5)
    served(fresh, rows(LIVE, 3, 100, seed=3))
    found = watched(fresh, now=LIVE + 2 * DAY + timedelta(minutes=59))
    assert ([one.window.name for one in found.checks], found.open) == (["2026-03-01"], 2)
    assert len(watched(fresh, now=LIVE + 2 * DAY + timedelta(minutes=60)).checks) == 2


def test_a_promoted_version_has_its_own_reference_and_begins_without_alarms(shop: Path) -> None:
    promoted(shop, 9)
    served(shop, rows(LIVE + 14 * DAY, 3, 100, seed=7))
    found = watched(shop)
    assert (found.version, found.word) == (2, None)
    assert states(found)[-3:] == ["quiet"] * 3
    (_, first), (_, second) = found.history.references()
    assert (first.version, second.version) == (1, 2)
    assert first.digest != second.digest
    assert first.grid == second.grid
    assert said(shop, "monitor", "sale") == 0


def test_the_report_says_when_alarms_began_anew(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    promoted(shop, 9)
    served(shop, rows(LIVE + 14 * DAY, 1, 100, seed=7))
    said(shop, "monitor", "sale")
    assert "Version 2 from window 2026-03-15: first check of the version" in capfd.readouterr().out


def test_an_acknowledged_incident_is_reported_no_more(shop: Path) -> None:
    assert said(shop, "acknowledge", "sale", "2026-03-12", "--why", "new shop") is None
    found = watched(shop)
    assert found.word is None
    assert states(found)[-1] == "alarm"
    before = found.history
    said(shop, "acknowledge", "sale", "2026-03-12", "--why", "again")
    assert watched(shop).history == before


def test_what_is_new_in_an_acknowledged_incident_is_reported(shop: Path) -> None:
    said(shop, "acknowledge", "sale", "2026-03-14", "--why", "new shop")
    table = rows(LIVE + 14 * DAY, 1, 100, seed=8, shift=0.35)
    served(shop, table.with_columns(staff=table["staff"] // 4))
    found = watched(shop)
    assert [one.window.name for one in found.troubles] == ["2026-03-15"]


def test_acknowledging_wants_a_reason_and_a_window_that_there_is(shop: Path) -> None:
    with pytest.raises(WrongUsage, match="reason"):
        said(shop, "acknowledge", "sale", "2026-03-12")
    with pytest.raises(WrongUsage, match="no checked window '2025-01-01'"):
        said(shop, "acknowledge", "sale", "2025-01-01", "--why", "x")


def test_after_a_rebase_the_next_check_makes_a_grid_of_its_own(shop: Path) -> None:
    said(shop, "monitor", "rebase", "sale", "--why", "the shops are others now")
    moved = rows(LIVE - 60 * DAY, 50, 60, seed=11, shift=0.35)
    moved.write_csv(shop / "test.csv")
    served(shop, rows(LIVE + 14 * DAY, 2, 100, seed=12, shift=0.35))
    found = watched(shop)
    assert states(found)[-2:] == ["quiet"] * 2
    one, two = (event for _, event in found.history.references())
    assert one.grid != two.grid
    assert found.word is None
    assert "has changed since" not in " ".join(one.says)


def test_a_span_of_own_captures_can_be_the_reference(shop: Path) -> None:
    span = Span(LIVE + 10 * DAY, LIVE + 14 * DAY)
    found = watched(shop, reference=span)
    reference = found.reference
    assert reference is not None
    assert (reference.basis, reference.rows) == ("captures", 400)
    served(shop, rows(LIVE + 14 * DAY, 1, 100, seed=13, shift=0.35))
    assert states(watched(shop))[-1] == "unsupported"  # four windows promise nothing
    kept = len(watched(shop, reference=span).history.references())
    assert kept == 2


def test_other_settings_calibrate_the_same_rows_again(shop: Path) -> None:
    path = shop / "trueup.yaml"
    path.write_text(path.read_text().replace("lateness: 1h", "drift: {min_effect: 0.9}"))
    served(shop, rows(LIVE + 14 * DAY, 1, 100, seed=14, shift=0.35))
    found = watched(shop)
    assert states(found)[-1] == "quiet"
    (_, one), (_, two) = found.history.references()
    assert one.reference == two.reference
    assert one.threshold != two.threshold


def test_a_season_that_the_reference_is_too_short_for_is_said_instead_of_a_rate(
    tmp_path: Path,
) -> None:
    root = project(tmp_path / "shop", "{window: 1d, drift: {seasonal: month}}")
    promoted(root, 5)
    served(root, rows(LIVE, 2, 100, seed=3))
    found = watched(root)
    assert states(found) == ["out of season"] * 2
    assert found.word is None


def test_nulls_that_were_never_there_are_broken_data_not_drift(shop: Path) -> None:
    from polars import lit, when

    table = rows(LIVE + 14 * DAY, 1, 100, seed=15)
    empty = when(table["staff"] < 3).then(lit(None)).otherwise(table["staff"]).alias("staff")
    served(shop, table.with_columns(empty))
    found = watched(shop)
    assert states(found)[-1] == "broken"
    last = found.checks[-1]
    assert [(one.check, one.column) for one in last.broken] == [("nulls", "staff")]
    assert "staff" not in columns_of(last)
    assert said(shop, "monitor", "sale") == 9


def test_a_day_with_a_fraction_of_the_usual_rows_is_broken(shop: Path) -> None:
    served(shop, rows(LIVE + 14 * DAY, 1, 100, seed=16).head(8))
    last = watched(shop).checks[-1]
    assert [(one.check, one.column) for one in last.broken] == [("row_count", "")]


def test_the_day_of_a_promotion_has_no_usual_number_of_rows(shop: Path) -> None:
    table = rows(LIVE + 14 * DAY, 1, 100, seed=16)
    served(shop, table.head(8))
    promoted(shop, 9)
    served(shop, table.tail(92))
    found = watched(shop)
    assert [(one.version, one.state) for one in found.checks[-2:]] == [(1, "quiet"), (2, "quiet")]


def test_many_rows_are_streamed_and_come_to_the_same(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copytree(shop, tmp_path / "other")
    for root in (shop, other):
        served(root, rows(LIVE + 14 * DAY, 2, 100, seed=17))
    expected = watched(shop).checks[-2:]
    monkeypatch.setattr(counting, "_IN_MEMORY_BYTES", 0)
    found = watched(other).checks[-2:]
    assert [(one.state, one.rows, one.drift) for one in found] == [
        (one.state, one.rows, one.drift) for one in expected
    ]


def test_a_version_can_be_watched_before_it_is_champion(fresh: Path) -> None:
    promoted(fresh, 5)
    said(fresh, "alias", "sale/1", "live")
    served(fresh, rows(LIVE, 1, 100, seed=3), "sale@live")
    assert states(watched(fresh, "sale/1")) == ["quiet"]


def test_a_model_without_champion_is_refused(fresh: Path) -> None:
    (fresh / "model.skops").write_bytes(fitted(5))
    said(fresh, "register", "sale")
    with pytest.raises(TrueupError, match="champion"):
        watched(fresh)


def test_a_newer_format_is_refused(shop: Path) -> None:
    folder = shop / ".trueup" / "store" / "monitoring" / "shop" / "sale" / "dev" / "events"
    last = max(folder.iterdir())
    newer = json.dumps({"event": "checked", "format": 2, "nonce": "x"})
    (folder / f"{int(last.stem) + 1:0{len(last.stem)}d}.json").write_text(newer)
    with pytest.raises(WrongUsage, match="format 2, this trueup reads up to 1"):
        watched(shop)


def test_as_json_each_window_has_its_state(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert said(shop, "monitor", "sale", "--since", "2026-03-10", "--json") == 5
    told = json.loads(capfd.readouterr().out)
    named = {one["name"]: one["state"] for one in told["windows"]}
    assert named == {
        "2026-03-10": "quiet",
        **{f"2026-03-{day}": "alarm" for day in range(11, 15)},
    }
    assert (told["alarm"], told["broken"], told["fresh"]) == (True, False, 0)


def test_the_page_shows_columns_before_and_now(shop: Path) -> None:
    said(shop, "monitor", "sale", "--html", str(shop / "page.html"))
    page = (shop / "page.html").read_text()
    assert "Windows" in page
    assert "near" in page
    assert "2026-03-14" in page


def test_python_can_do_what_the_command_line_can(shop: Path) -> None:
    import trueup

    assert trueup.monitor("sale", folder=shop).word == "alarm"
    trueup.acknowledge("sale", "2026-03-14", "seen", folder=shop)
    assert trueup.monitor("sale", folder=shop).word is None


def test_gauges_are_of_the_last_check_and_bounded(shop: Path) -> None:
    last = watched(shop).history.last
    assert isinstance(last, Checked)
    found = {(one.name, one.labels): one.value for one in gauges("sale", last)}
    of = (("model", "sale"),)
    assert found["trueup_monitor_state", (*of, ("state", "alarm"))] == 1
    assert found["trueup_monitor_state", (*of, ("state", "quiet"))] == 0
    assert found["trueup_monitor_window_end_seconds", of] == (LIVE + 14 * DAY).timestamp()
    assert len(found) < 40


def test_every_reference_says_where_it_comes_from(shop: Path) -> None:
    (_, event) = watched(shop).history.references()[0]
    assert isinstance(event, Referenced)
    assert event.reference.startswith("profiles/shop/sale/")
    assert (event.basis, event.rows, event.claimed) == ("evaluation", 3000, True)


def test_columns_are_ranked_by_effect_times_what_they_count_for_the_model(shop: Path) -> None:
    found = watched(shop)
    assert found.reference is not None
    counts = found.reference.importance
    assert found.reference.importance_by == "importances of RandomForestClassifier"
    assert sum(counts.values()) == pytest.approx(3)
    assert counts["near"] > counts["shop"] > counts["staff"]
    assert found.checks[-1].drift is not None
    ranked = found.checks[-1].drift.columns
    assert ranked[0].importance == counts["near"]
    weights = [one.effect * one.importance for one in ranked if not one.drifted]
    assert weights == sorted(weights, reverse=True)


def narrowed(shop: Path, features: str, cut: str) -> None:
    """Promote a version of other inputs."""
    path = shop / "trueup.yaml"
    path.write_text(path.read_text().replace("features: [shop, near, staff]", features))
    (shop / "model.skops").write_bytes(fitted(5, without=cut))
    said(shop, "register", "sale")
    said(shop, "promote", "sale/2", "--override", "--why", "a test")


def test_a_version_without_a_column_that_was_counted_is_refused_by_its_name(shop: Path) -> None:
    narrowed(shop, "features: [shop, near]", "staff")
    served(shop, rows(LIVE + 14 * DAY, 1, 100, seed=7))
    with pytest.raises(WrongUsage, match="shop/sale/2 cannot be watched") as error:
        watched(shop)
    assert "staff: it is missing" in str(error.value)
    assert "trueup monitor rebase shop/sale --why" in str(error.value)
    said(shop, "monitor", "rebase", "sale", "--why", "staff is not asked for any more")
    assert states(watched(shop))[-1] == "quiet"
