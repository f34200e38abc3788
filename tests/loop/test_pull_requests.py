"""A loop that proposes: a real push over HTTP, a forge that stands in, a person who merges."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copy, copytree
from urllib.parse import urlsplit

import pytest

from tests.forges.standins.githttp import git
from tests.forges.standins.server import TOKEN, Fault
from tests.forges.worlds import World, world_of
from tests.loop.shop import LIVE, said, shop
from tests.project.projects import opened
from trueup.errors import AccessRefused
from trueup.forges.places import Kind
from trueup.loop.history import History
from trueup.loop.journal import Journal
from trueup.loop.ticking import Ticked
from trueup.project import looping
from trueup.project.registering import registry_of
from trueup.project.running import status
from trueup.registry.records import Judged

pytestmark = pytest.mark.slow
WEEKLY = '{schedule: "17 4 * * 1", do: retrain}'
BRANCH = "trueup/sale"
DUE = LIVE + timedelta(days=7, hours=5)
WEEK = timedelta(days=7)
KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from functools import partial
from trueup.project import looping, proposing
from trueup.project.workspace import Workspace

looping.Loop = partial(looping.Loop, lease_s=0.05)
proposing.propose_change = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
wanted = looping.Wanted("sale", now=datetime.fromisoformat(sys.argv[2]))
looping.tick(Workspace(Path(sys.argv[1]), dict(os.environ)), wanted)
"""


class Team:
    """A shop whose repository lies on a forge."""

    def __init__(self, root: Path, world: World) -> None:
        self.root, self.world, self.forge = root, world, world.standin
        host = urlsplit(world.standin.url).netloc
        self.env = {
            "github": {"GITHUB_SERVER_URL": world.standin.url, "GITHUB_TOKEN": TOKEN},
            "gitlab": {"GITLAB_HOST": host, "GITLAB_TOKEN": TOKEN},
        }[world.kind]
        git(root, "remote", "add", "origin", world.place.git_url)
        git(root, "push", "-q", "--force", str(self.forge.bare), "main")
        self.forge.main = self.forge.tip("main")
        self.tick(LIVE + timedelta(days=1))

    def tick(self, at: datetime) -> Ticked:
        return looping.tick(opened(self.root, **self.env), looping.Wanted("sale", now=at))

    def champion(self) -> int | None:
        return registry_of(opened(self.root)).history("shop/sale").champion("dev")

    def verdicts(self) -> int:
        events = registry_of(opened(self.root)).history("shop/sale").events
        return sum(isinstance(one, Judged) for one in events)

    def log(self) -> History:
        return Journal(opened(self.root, **self.env).bucket, "shop/sale").history()

    def lies(self) -> dict[str, bytes | None]:
        """Return what a retrain changes, byte for byte, and what Git sees."""
        files = ("trueup.lock", "params.yaml", "train.csv", "model.skops")
        there = {one: self.root / one for one in files}
        seen = git(self.root, "status", "--porcelain", "--ignored").encode()
        found = {one: path.read_bytes() if path.exists() else None for one, path in there.items()}
        return {**found, "git": seen}

    def on_branch(self, path: str) -> str:
        return git(self.forge.bare, "show", f"{BRANCH}:{path}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop with its first version, committed; each test has a copy."""
    root = tmp_path_factory.mktemp("made")
    shop(root, WEEKLY, then="pull_request")
    git(root, "add", "trueup.lock")
    git(root, "commit", "-qm", "the first version")
    git(root, "branch", "-M", "main")
    return root


@contextmanager
def team(made: Path, root: Path, kind: Kind) -> Iterator[Team]:
    with world_of(kind, root / "forge") as world:
        copytree(made, root / "shop")
        yield Team(root / "shop", world)


def ends(done: Ticked) -> list[str]:
    return [one.end for one in done.carried]


def test_a_retrain_is_proposed_updated_merged_and_then_promoted(made: Path, tmp_path: Path) -> None:
    with team(made, tmp_path, "github") as its:
        before = its.lies()
        done = its.tick(DUE)
        assert ends(done) == ["proposed"], done
        assert 'until: "2026-01-26T04:17:00Z"' in its.on_branch("params.yaml")
        assert its.lies() == before
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
        assert its.lies() == before
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
        assert (closed.merged, closed.promoted, closed.commit) == (True, True, landed)
        git(its.root, "fetch", "-q", str(its.forge.bare), "main")
        git(its.root, "reset", "-q", "--hard", landed)
        assert {step.action for step in status(opened(its.root))} == {"fetch"}


def test_a_closed_one_is_remembered_and_somebody_elses_branch_is_kept(
    made: Path, tmp_path: Path
) -> None:
    with team(made, tmp_path, "github") as its:
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


def test_nothing_is_trained_that_could_not_be_proposed(made: Path, tmp_path: Path) -> None:
    with team(made, tmp_path, "github") as its:
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

        lies, its.env = its.lies(), {**env, "GITHUB_TOKEN": "expired-secret"}
        refused = its.tick(DUE + WEEK)
        assert "does not accept the token" in refused.says[0]
        assert ends(refused) == ["failed"]
        assert "The token may have expired" in refused.carried[0].says
        assert its.lies() == lies
        assert "expired-secret" not in str(its.log())


def test_a_fresh_clone_goes_on_where_a_killed_one_and_a_silent_forge_have_left_it(
    made: Path, tmp_path: Path
) -> None:
    with team(made, tmp_path, "gitlab") as its:
        store = {"TRUEUP_STORE": str(its.root / ".trueup" / "store")}
        its.env |= store
        before = its.lies()
        dead = subprocess.run(
            [sys.executable, "-c", KILLED, str(its.root), DUE.isoformat()],
            env={**os.environ, **its.env},
            capture_output=True,
        )
        assert dead.returncode == -signal.SIGKILL, dead.stderr
        assert its.lies() != before
        its.forge.faults.extend(Fault(503) for _ in range(4))
        silent = its.tick(DUE + timedelta(hours=1))
        assert its.lies() == before, silent
        assert "does not answer" in silent.carried[0].says

        its.forge.faults.clear()
        ours, its.root = its.root, tmp_path / "clone"
        git(tmp_path, "clone", "-q", "--depth=1", f"file://{its.forge.bare}", str(its.root))
        git(its.root, "checkout", "-q", "--detach")
        git(its.root, "remote", "set-url", "origin", its.world.place.git_url)
        for name in ("raw.csv", "test.csv"):
            copy(ours / name, its.root / name)
        its.env["CI_COMMIT_BRANCH"] = "main"
        empty = its.lies()
        assert ends(its.tick(DUE + timedelta(hours=2))) == ["proposed"]
        assert its.forge.shown(1)[0] == "Retrain sale: version 2"
        assert git(its.forge.bare, "rev-list", "--count", BRANCH) == "3"
        after = its.lies()
        assert {**after, "git": b""} == {**empty, "git": b""}
        assert after["model.skops"] is None
        assert ends(its.tick(DUE + WEEK)) == ["proposed"]
        assert len(its.log().proposals) == 1
        its.forge.merge_squashed(1)
        merged = its.tick(DUE + WEEK + timedelta(hours=1))
        assert merged.says == ("pull request 1 was merged: version 3 is the champion",)


def test_what_was_merged_is_judged_against_the_new_champion_and_waits_for_its_approval(
    made: Path, tmp_path: Path
) -> None:
    with team(made, tmp_path, "github") as its:
        assert ends(its.tick(DUE)) == ["proposed"]
        assert said(its.root, "run", "--set", "prepare.until=2026-02-10") in (0, None)
        assert its.champion() == 3
        git(its.root, "checkout", "params.yaml", "trueup.lock")
        with (its.root / "trueup.yaml").open("a") as file:
            file.write("environments: {dev: {approvals: 1}}\n")
        git(its.root, "commit", "-qam", "Ask a person")
        verdicts = its.verdicts()
        its.forge.merge_squashed(1)
        before = its.lies()
        asked = its.tick(DUE + timedelta(hours=1))
        assert "needs the approval of one more person for dev" in asked.says[0]
        assert (its.verdicts(), its.champion(), its.lies()) == (verdicts + 1, 3, before)

        number = its.log().number
        assert its.tick(DUE + timedelta(hours=2)).says == ()
        assert its.log().number == number
        approve = ["approve", "sale/2", "--env", "dev"]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GIT_AUTHOR_EMAIL", "grace@example.org")
            assert said(its.root, *approve) in (0, None)
        done = its.tick(DUE + timedelta(hours=3))
        assert done.says == ("pull request 1 was merged: version 2 is the champion",)
        assert its.champion() == 2
        closed = its.log().proposals[-1].closed
        assert closed is not None
        assert (closed.promoted, closed.waits) == (True, False)
        assert its.tick(DUE + timedelta(hours=4)).says == ()
