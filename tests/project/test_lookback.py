"""What the old champion would have done on the rows after a retrain, told on a real project."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.project.projects import opened
from tests.project.watched import LIVE, labelled, project, promoted, rows, served
from trueup import clock
from trueup.captures.finding import Span
from trueup.loop.aftermath.judging import judge
from trueup.loop.aftermath.records import Losses, Plan, Question
from trueup.project.loading import entry_of
from trueup.project.lookback import Rows, lookback_of
from trueup.project.looping import Wanted, policy_for

SETTINGS = """{window: 1d, performance: {metric: log_loss, labels: {mature_after: 2d}}}
    loop:
      when: [{drift: {}, do: retrain}]
      then: promote
      aftermath: {windows: 2, influences: INFLUENCES}"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shop whose second version, of one more tree than the first, has answered."""
    settings = SETTINGS.replace("INFLUENCES", "false")
    root = project(tmp_path_factory.mktemp("shop") / "project", settings)
    promoted(root, 1)
    promoted(root, 20)
    table = rows(LIVE, 3, 100, seed=3)
    served(root, table)
    labelled(root, table.head(250))
    return root


def question(old: int) -> Question:
    return Question(
        decision="d", model="shop/sale", version=2, old=old, metric="log_loss", higher=False,
        windows=("a", "b"), at=clock.now(),
    )  # fmt: skip


def losses(root: Path, old: int) -> Losses:
    workspace = opened(root)
    policy = policy_for(workspace, Wanted("sale"))
    found = Rows(workspace, policy, entry_of(workspace, policy.model), "log_loss")
    return found.of(question(old), Span(LIVE, LIVE + timedelta(days=3)))


def test_the_old_version_is_asked_again_on_the_labelled_rows(shop: Path) -> None:
    found = losses(shop, old=1)
    assert (found.basis, len(found.new), len(found.old)) == ("replay", 250, 250)
    judged = judge(found, question(1), Plan(windows=2))
    assert judged.rows == 250
    assert judged.difference is not None
    assert judged.difference > 0.05  # twenty trees beat one


def test_a_version_asked_again_has_the_losses_that_it_had(shop: Path) -> None:
    found = losses(shop, old=2)
    assert np.allclose(found.new, found.old, rtol=1e-6)
    assert len(found.new) == 250


def test_what_is_declared_says_how_it_is_looked_back(shop: Path) -> None:
    workspace = opened(shop)
    policy = policy_for(workspace, Wanted("sale"))
    assert lookback_of(workspace, policy) is not None
    config = shop / "trueup.yaml"
    plain = config.read_text()
    config.write_text(plain.replace("metric: log_loss, ", ""))
    assert lookback_of(opened(shop), policy) is None
    config.write_text(plain.replace("influences: false", "influences: true"))
    found = losses(shop, old=1)
    config.write_text(plain)
    told = judge(found, question(1), Plan(windows=2, influences=True))
    assert told.effect == "cannot be known"
