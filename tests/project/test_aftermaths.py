"""A tick looks back on a version that a person has promoted: by replay, shadow and split."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.live_traffic import MODEL, bring
from tests.delivery.test_delivering import said
from tests.project.projects import opened
from tests.project.watched import LIVE, fitted, project, rows
from trueup import clock
from trueup.captures.records import Captured, Labelled, Role
from trueup.loop.aftermath.records import decode_judged
from trueup.loop.events import Aftermath
from trueup.loop.explaining import explained
from trueup.project import looping
from trueup.project.referencing import answers_to
from trueup.project.registering import registry_of
from trueup.registry.names import VersionName
from trueup.reporting.markdown import render_markdown

pl = pytest.importorskip("polars", minversion="1.31")
pytestmark = pytest.mark.slow

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SETTINGS = """{window: 1d, performance: {metric: log_loss, labels: {mature_after: 2d}}}
    serve: {}
    gate:
      rules:
        - {metric: roc_auc, at_least: 0.5}
    loop:
      when: [{schedule: "0 4 * * *", do: retrain}]
      cooldown: 90d
      then: person
      aftermath: {windows: 12, influences: false}
stages:
  train: {cmd: cp made.skops model.skops, deps: [made.skops], outs: [model.skops]}"""


class Hand:
    """The clock's."""

    def __init__(self) -> None:
        self.at = LIVE - 3 * DAY


@pytest.fixture(scope="module")
def hand() -> Iterator[Hand]:
    """A clock that is set by hand."""
    found = Hand()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: found.at)
        yield found


def ticked(root: Path, now: datetime) -> Any:
    return looping.tick(opened(root), looping.Wanted("sale", now=now))


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory, hand: Hand) -> Path:
    """Return a project whose retrain waited for a person, who has promoted it."""
    root = project(tmp_path_factory.mktemp("shop") / "project", SETTINGS)
    (root / "made.skops").write_bytes(fitted(2, "AdaBoostClassifier"))
    assert said(root, "run").exit_code == 0
    assert not ticked(root, LIVE - 2.5 * DAY).carried
    (root / "made.skops").write_bytes(fitted(20))
    (carried,) = ticked(root, LIVE - 2 * DAY + 5 * HOUR).carried
    assert carried.end == "asked", carried.says
    hand.at = LIVE - DAY
    assert said(root, "promote", "sale/2").exit_code == 0
    hand.at = LIVE + 18 * DAY
    return root


@pytest.fixture
def shop(promoted: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return shutil.copytree(promoted, tmp_path / "project")


def served(root: Path, version: int, role: Role, table: Any) -> None:
    """Capture what a version answers to rows."""
    workspace = opened(root)
    found = registry_of(workspace).resolve(VersionName(MODEL, version), "dev")
    given = table.select("id", "shop", "near", "staff")
    answers = given.select("id").join(answers_to(workspace, MODEL, found, given), on="id")
    outputs = [one for one in answers.columns if one.startswith("output.")]
    batch = Captured(
        *(MODEL, version, found.version.model.digest, table["at"].to_list()),
        table["id"].to_list(),
        {name: table[name].to_list() for name in ("shop", "near", "staff")},
        {name.removeprefix("output."): answers[name].to_numpy() for name in outputs},
        role=role,
        environment="dev",
    )
    bring(root, [batch])


def labelled(root: Path, table: Any) -> None:
    at = LIVE + 14 * DAY
    bring(root, [Labelled(MODEL, table["id"].to_list(), table["sold"].to_list(), at)])


def configured(root: Path, serve: str = "{}", influences: str = "false") -> None:
    path = root / "trueup.yaml"
    text = path.read_text().replace("serve: {}", f"serve: {serve}")
    path.write_text(text.replace("influences: false", f"influences: {influences}"))


def aftermath(root: Path) -> Aftermath:
    """Return what the next pass writes down."""
    assert not ticked(root, LIVE + 18 * DAY).carried
    found = looping.explain(opened(root), looping.Wanted("sale", now=LIVE + 18 * DAY))
    (course,) = found.history.courses.values()
    assert course.aftermath is not None
    assert course.aftermath.effect in render_markdown(explained(found))
    return course.aftermath


def test_the_old_version_is_asked_again_and_history_tells_it(shop: Path) -> None:
    table = rows(LIVE, 13, 60, seed=3)
    served(shop, 2, "champion", table)
    labelled(shop, table)
    found = aftermath(shop)
    assert (found.effect, found.basis, found.version) == ("helped", "replay", 2), found.says
    assert found.windows[::11] == ("2026-03-01", "2026-03-12")
    kept = decode_judged(opened(shop).bucket.get(found.record))
    assert (kept.question.old, kept.rows) == (1, 720)
    text = said(shop, "history", "sale").stdout
    assert "What came of retrains" in text
    assert "helped" in text
    told = json.loads(said(shop, "history", "sale", "--json").stdout)["aftermath"]
    assert [(one["effect"], one["recovery"]) for one in told] == [("helped", None)]


def test_a_shadow_tells_without_asking(shop: Path) -> None:
    configured(shop, "{challenger: {shadow: true}}")
    table = rows(LIVE, 13, 60, seed=3)
    served(shop, 2, "champion", table)
    served(shop, 1, "shadow", table)
    labelled(shop, table)
    found = aftermath(shop)
    assert (found.effect, found.basis) == ("helped", "shadow"), found.says


def test_where_predictions_influence_outcomes_only_a_split_tells(shop: Path) -> None:
    configured(shop, "{challenger: {share: 0.5}}", influences="true")
    table = rows(LIVE, 13, 300, seed=3).with_row_index("nth")
    for version, role, rest in ((2, "champion", 0), (1, "challenger", 1)):
        served(shop, version, role, table.filter(pl.col("nth") % 2 == rest))  # type: ignore[arg-type] # a literal in a tuple
    labelled(shop, table)
    found = aftermath(shop)
    assert (found.effect, found.basis) == ("helped", "live split"), found.says


def test_without_a_split_it_cannot_be_known(shop: Path) -> None:
    configured(shop, influences="true")
    table = rows(LIVE, 13, 60, seed=3)
    served(shop, 2, "champion", table)
    labelled(shop, table)
    found = aftermath(shop)
    assert (found.effect, found.difference) == ("cannot be known", None)
    assert "only a live split can tell" in found.says


def test_what_influences_outcomes_is_not_learned_from_unless_actions_are_recorded(
    shop: Path,
) -> None:
    configured(shop, influences="true")
    path = shop / "trueup.yaml"
    path.write_text(path.read_text().replace("cooldown: 90d", "cooldown: 1d"))
    (carried,) = ticked(shop, LIVE + 5 * HOUR).carried
    assert carried.end == "stopped"
    assert "it is declared that predictions influence outcomes" in carried.says
    path.write_text(
        path.read_text().replace("influences: true", "influences: true, actions: [staff]")
    )
    (carried,) = ticked(shop, LIVE + 2 * DAY + 5 * HOUR).carried
    assert carried.end == "no change", carried.says
