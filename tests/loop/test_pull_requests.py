"""A loop that proposes: a real push over HTTP, a forge that stands in, a person who merges."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.forges.standins.githttp import git
from tests.forges.standins.server import TOKEN
from tests.forges.worlds import World, world_of
from tests.loop.shop import LIVE, shop
from tests.project.projects import opened
from trueup.errors import AccessRefused
from trueup.forges.places import Kind
from trueup.loop.history import History
from trueup.loop.journal import Journal
from trueup.loop.ticking import Ticked
from trueup.project import looping
from trueup.project.registering import registry_of
from trueup.project.running import status

WEEKLY = '{schedule: "17 4 * * 1", do: retrain}'
BRANCH = "trueup/sale"
DUE = LIVE + timedelta(days=7, hours=5)
WEEK = timedelta(days=7)


class Team:
    """A shop whose repository lies on a forge."""

    def __init__(self, root: Path, world: World) -> None:
        self.root, self.world, self.forge = root, world, world.standin
        host = urlsplit(world.standin.url).netloc
        self.env = {
            "github": {"GITHUB_SERVER_URL": world.standin.url, "GITHUB_TOKEN": TOKEN},
            "gitlab": {"GITLAB_HOST": host, "GITLAB_TOKEN": TOKEN},
        }[world.kind]
        shop(root, WEEKLY, then="pull_request")
        git(root, "add", "trueup.lock")
        git(root, "commit", "-qm", "the first version")
        git(root, "branch", "-M", "main")
        git(root, "remote", "add", "origin", world.place.git_url)
        git(root, "push", "-q", "--force", str(self.forge.bare), "main")
        self.forge.main = self.forge.tip("main")
        self.tick(LIVE + timedelta(days=1))

    def tick(self, at: datetime) -> Ticked:
        return looping.tick(opened(self.root, **self.env), looping.Wanted("sale", now=at))

    def champion(self) -> int | None:
        return registry_of(opened(self.root)).history("shop/sale").champion("dev")

    def log(self) -> History:
        return Journal(opened(self.root).bucket, "shop/sale").history()

    def on_branch(self, path: str) -> str:
        return git(self.forge.bare, "show", f"{BRANCH}:{path}")


@contextmanager
def team(root: Path, kind: Kind) -> Iterator[Team]:
    with world_of(kind, root / "forge") as world:
        (root / "shop").mkdir()
        yield Team(root / "shop", world)


def ends(done: Ticked) -> list[str]:
    return [one.end for one in done.carried]


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_a_retrain_is_proposed_updated_merged_and_then_promoted(tmp_path: Path, kind: Kind) -> None:
    with team(tmp_path, kind) as its:
        done = its.tick(DUE)
        assert ends(done) == ["proposed"], done
        assert 'until: "2026-01-26T04:17:00Z"' in its.on_branch("params.yaml")
        assert its.on_branch("trueup.lock") == (its.root / "trueup.lock").read_text().strip()
        assert git(its.forge.bare, "diff", "--name-only", "main", BRANCH).split() == [
            "params.yaml", "trueup.lock"
        ]  # fmt: skip
        title, body, labels = its.forge.shown(1)
        assert (title, labels) == ("Retrain sale: version 2", ["trueup"])
        for said in ("the slot of 2026-01-26", "shop/sale/2", "roc\\_auc", "The guard: pass",
                     "trueup rollback shop/sale"):  # fmt: skip
            assert said in body
        first, written = its.forge.tip(BRANCH), list(its.forge.writes)

        again = its.tick(DUE + timedelta(minutes=1))
        assert (again.decision.actions, again.carried) == ((), ())
        assert (its.forge.tip(BRANCH), its.forge.writes) == (first, written)

        assert ends(its.tick(DUE + WEEK)) == ["proposed"]
        assert its.forge.tip(BRANCH) != first
        assert its.forge.shown(1)[0] == "Retrain sale: version 3"
        assert len(its.log().proposals) == 1
        assert its.champion() == 1

        landed = its.forge.merge_squashed(1)
        merged = its.tick(DUE + WEEK + timedelta(hours=1))
        assert merged.says[0] == "pull request 1 was merged: version 3 is the champion"
        assert its.champion() == 3
        closed = its.log().proposals[-1].closed
        assert closed is not None
        assert (closed.merged, closed.commit) == (True, landed)
        git(its.root, "fetch", "-q", str(its.forge.bare), "main")
        git(its.root, "reset", "-q", "--hard", landed)
        assert [step.action for step in status(opened(its.root))] == ["keep", "keep"]


def test_a_closed_one_is_remembered_and_somebody_elses_branch_is_kept(tmp_path: Path) -> None:
    with team(tmp_path, "github") as its:
        its.tick(DUE)
        its.forge.close(1, by="grace")
        after = its.tick(DUE + timedelta(hours=1))
        assert (after.decision.actions, its.champion()) == ((), 1)
        closed = its.log().proposals[-1].closed
        assert closed is not None
        assert (closed.merged, closed.who) == (False, "grace")

        assert ends(its.tick(DUE + WEEK)) == ["proposed"]
        assert [one.opened.number for one in its.log().proposals] == [1, 2]

        theirs = its.forge.branch(BRANCH, "{'theirs': 1}")
        kept = its.tick(DUE + 2 * WEEK)
        assert "somebody else has changed it" in kept.carried[0].says
        assert (its.forge.tip(BRANCH), ends(kept)) == (theirs, [""])


def test_nothing_is_trained_that_could_not_be_proposed(tmp_path: Path) -> None:
    with team(tmp_path, "github") as its:
        before = (its.root / "model.skops").read_bytes()
        env, its.env = its.env, {"GITHUB_SERVER_URL": its.forge.url}
        with pytest.raises(AccessRefused, match="no token for GitHub"):
            its.tick(DUE)
        its.env = env
        with (its.root / "train.py").open("a") as code:
            code.write("# better\n")
        left = its.tick(DUE)
        assert "train.py is changed in this checkout" in left.carried[0].says
        git(its.root, "checkout", "train.py")
        git(its.root, "commit", "-q", "--allow-empty", "-m", "not pushed yet")
        assert "this checkout is not where main of GitHub" in its.tick(DUE).carried[0].says
        assert (its.root / "model.skops").read_bytes() == before
        git(its.root, "reset", "-q", "--hard", "HEAD~1")
        assert ends(its.tick(DUE)) == ["proposed"]
