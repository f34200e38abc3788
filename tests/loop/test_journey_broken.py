"""A column that breaks is not learned from: people get a message that names it and its pipe."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

pytest.importorskip("apprise")

from tests.integrations.notifications.servers import hook
from tests.loop.journeys import asked, at, day, quiet, shop
from tests.loop.shop import said, ticked
from tests.project.projects import opened
from trueup.loop.events import Decided
from trueup.project.registering import registry_of

pytestmark = pytest.mark.slow

MONITOR = "{window: 1d, lateness: 1h, false_alarms: 1 per 5d}"
LOOP = (
    '{when: [{drift: {}, do: retrain}, {schedule: "0 1 * * *", do: retrain}], cooldown: 1h,'
    " retrain: {params: {prepare.until: now}}, then: promote}"
)
NOTIFY = "    notify: {oncall: {url: {secret: HOOK}}}"


def frozen(table: Any) -> Any:
    import polars as pl

    return table.with_columns(near=pl.lit(0.4))


def another_unit(table: Any) -> Any:
    return table.with_columns(near=table["near"] * 1000)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shop that has been asked on three quiet days."""
    root = shop(tmp_path_factory.mktemp("usual") / "shop", MONITOR, LOOP, NOTIFY)
    for nth in range(3):
        asked(root, quiet(nth))
    return root


@pytest.mark.parametrize("corrupted", [frozen, another_unit])
def test_broken_data_retrains_nothing_and_the_message_says_which_pipe_to_mend(
    corrupted: Callable[[Any], Any], usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copytree(usual, tmp_path / "shop")
    with hook() as oncall:
        monkeypatch.setenv("HOOK", oncall.url())
        assert not ticked(root, day(3)).decision.actions
        asked(root, corrupted(quiet(3)))
        assert said(root, "monitor", "sale", "--now", at(3)) == 9
        found = ticked(root, day(4) + timedelta(hours=2))
        assert said(root, "tick", "sale", "--now", at(3)) in (0, None)
    assert not [one for one in found.decision.actions if isinstance(one, Decided)]
    waits = {one.trigger: one.why for one in found.decision.left if one.do == "retrain"}
    assert waits == {"drift": "quiet", 'schedule "0 1 * * *" (UTC)': "data broken"}
    assert len(registry_of(opened(root)).so_far("shop/sale").versions) == 1
    (posted,) = oncall.posted
    text = f"{posted['title']} {posted['message']}"
    assert "near: " in text
    assert "prepare: train.csv" in text
