"""A retrain that somebody else computes: asked for once, waited for, and taken from the bucket."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.forges.standins.githttp import git
from tests.forges.standins.github import GitHubStandIn
from tests.forges.standins.server import TOKEN
from tests.forges.worlds import World, world_of
from tests.loop.shop import LIVE
from tests.loop.withheld import withheld
from tests.project.projects import opened
from trueup.compute.ray_jobs import Job, RayJobs
from trueup.errors import RemoteSilent
from trueup.loop.journal import Journal
from trueup.loop.ticking import Ticked
from trueup.project import looping
from trueup.project.registering import registry_of

RAY = Path(__file__).parents[2] / ".build" / "venv-ray" / "bin" / "ray"
DUE = LIVE + timedelta(days=7, hours=5)
WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)


class Team:
    """A shop that trains in its forge's workflow, and who runs that."""

    def __init__(self, folder: Path, world: World) -> None:
        assert isinstance(world.standin, GitHubStandIn)
        self.folder, self.root, self.forge = folder, folder / "shop", world.standin
        self.env = {"GITHUB_SERVER_URL": self.forge.url, "GITHUB_TOKEN": TOKEN}
        self.root.mkdir()
        withheld(self.root, ", where: ci", then="promote", store="../bucket")
        git(self.root, "remote", "add", "origin", world.place.git_url)
        git(self.root, "push", "-q", "--force", str(self.forge.bare), "main")
        self.forge.main = self.forge.tip("main")
        self.tick(LIVE + timedelta(days=1))

    def tick(self, at: datetime) -> Ticked:
        wanted = looping.Wanted("sale", now=at)
        return looping.tick(opened(self.root, **self.env), wanted)

    def workflow(self, number: int) -> None:
        """Do what the workflow of the how-to does: a fresh checkout, the parameters, a run."""
        place = self.folder / f"runner-{number}"
        git(self.folder, "clone", "-q", "--branch", "main", str(self.forge.bare), str(place))
        sets = self.forge.inputs[number - 1]["sets"].split("\n")
        words = [word for one in sets for word in ("--set", one)]
        command = [sys.executable, "-m", "trueup", "run", "--no-gate", "-q", *words]
        subprocess.run(command, cwd=place, check=True, capture_output=True)
        self.forge.finish(number, well=True)


@pytest.mark.slow
def test_a_workflow_trains_once_and_what_it_made_is_taken_from_the_bucket(tmp_path: Path) -> None:
    with world_of("github", tmp_path / "forge") as world:
        its = Team(tmp_path, world)
        before = (its.root / "model.skops").read_bytes()
        for nth in range(3):
            waits = its.tick(DUE + nth * MINUTE)
            assert [(one.end, one.says[:21]) for one in waits.carried] == [
                ("", "it is being trained: ")
            ]
        assert len(its.forge.runs) == 1
        assert its.forge.inputs[0]["model"] == "sale"
        assert 'prepare.train_until="2026-01-19T04:17:00Z"' in its.forge.inputs[0]["sets"]
        assert (its.root / "model.skops").read_bytes() == before

        its.workflow(1)
        made = (tmp_path / "runner-1" / "model.skops").read_bytes()
        done = its.tick(DUE + 3 * MINUTE)
        assert [one.end for one in done.carried] == ["promoted"], done.carried
        assert (its.root / "model.skops").read_bytes() == made != before
        assert registry_of(opened(its.root)).history("shop/sale").champion("dev") == 2

        its.tick(DUE + WEEK)
        its.forge.finish(2, well=True)  # it says so, and has put nothing into this bucket
        lost = its.tick(DUE + WEEK + MINUTE)
        assert [one.end for one in lost.carried] == ["failed"]
        assert "the stage train was run elsewhere, and the bucket's cache" in lost.carried[0].says
        assert (its.root / "model.skops").read_bytes() == made

        its.tick(DUE + 2 * WEEK)
        its.forge.finish(3, well=False)
        failed = its.tick(DUE + 2 * WEEK + MINUTE)
        assert [one.end for one in failed.carried] == ["failed"]
        assert failed.carried[0].says.startswith("the workflow failed: http")


@pytest.fixture
def cluster() -> Iterator[str]:
    """Run a Ray of one node, and yield the address of its dashboard.

    Its folder has a short name: Ray's sockets lie 63 characters below, and 107 are the most.
    """
    if not RAY.exists():
        pytest.skip("Ray is not installed; install it with: scripts/env.sh ray")
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    port, dashboard = free_ports(2)
    words = [
        *(str(RAY), "start", "--head", "--block", "--disable-usage-stats", "--num-cpus=1"),
        *(f"--port={port}", "--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"),
        *("--object-store-memory=80000000", f"--temp-dir={folder}"),
    ]
    address = f"http://127.0.0.1:{dashboard}"
    with (folder / "said").open("wb") as said:
        head = subprocess.Popen(words, stdout=said, stderr=said, start_new_session=True)
    try:
        until(lambda: takes_jobs(address), 150.0)
        yield address
    finally:
        os.killpg(head.pid, signal.SIGTERM)
        try:
            head.wait(5)
        except subprocess.TimeoutExpired:  # it waits for its parts longer than they live
            os.killpg(head.pid, signal.SIGKILL)
            head.wait(5)
        shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago, all different."""
    with ExitStack() as held:
        found = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(one.getsockname()[1]) for one in found]


def takes_jobs(address: str) -> bool:
    """Say whether a cluster is up, with the agent on its node that starts jobs."""
    try:
        RayJobs(address).submit(Job("the-first", ["true"], "", {}))
    except RemoteSilent:
        return False
    return True


def until(holds: Callable[[], bool], limit_s: float) -> None:
    last = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < last
        time.sleep(0.2)


@pytest.mark.slow
def test_a_job_of_ray_trains_once_and_its_refit_too(tmp_path: Path, cluster: str) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    more = f", refit: true, where: ray, ray: {{address: '{cluster}', env: [PATH, HOME, TOKEN]}}"
    withheld(root, more, store="../bucket")
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "TOKEN": "secret-of-mine"}

    def tick(at: datetime) -> list[tuple[str, str]]:
        done = looping.tick(opened(root, **env), looping.Wanted("sale", now=at))
        return [(one.end, one.says) for one in done.carried]

    def ended(at: datetime) -> list[tuple[str, str]]:
        found = [("", "")]

        def over() -> bool:
            found[:] = tick(at)
            return found[0][0] != ""

        until(over, 180.0)
        return found

    tick(LIVE + timedelta(days=1))
    before = (root / "model.skops").read_bytes()
    ((end, says),) = tick(DUE)
    assert (end, says.rpartition("/")[0]) == ("", f"it is being trained: {cluster}/#/jobs")
    assert (root / "model.skops").read_bytes() == before
    assert ended(DUE) == [("asked", "version 3 is a refit of version 2, not judged itself")]
    history = registry_of(opened(root)).history("shop/sale")
    assert history.version(3).refit_of == 2
    (decision,) = Journal(opened(root).bucket, "shop/sale").history().courses
    jobs = RayJobs(cluster)
    assert all(jobs.find(name) for name in (decision, f"{decision}-refit"))

    with (root / "train.py").open("a") as code:
        code.write("import os\nprint('token', os.environ['TOKEN'])\nraise SystemExit(3)\n")
    ((end, says),) = ended(DUE + WEEK)
    assert end == "failed"
    assert "has ended as FAILED" in says
    assert "token $TOKEN" in says
    assert "secret-of-mine" not in says
