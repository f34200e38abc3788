"""A team's repository, its bucket and its forge, with what runs GitHub's workflows here."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.ci.execution.standins import actions
from tests.ci.projects import YAML, commit, git, shop
from tests.forges.standins.server import TOKEN
from tests.forges.worlds import BRANCH, World, world_of
from tests.support.seaweed import BUCKET, TEAM, S3Server, seaweed
from trueup.ci.workflows.github import CHECK, HEARTBEAT, LOOP
from trueup.ci.workflows.github_release import RELEASE

LOOP_OF_IT = """\
        loop: {when: [{schedule: "17 4 * * 1", do: retrain}], then: person}
"""
ENVIRONMENTS = """\
    environments: {dev: {}, prod: {}}
"""
ACT = Path(__file__).parents[3] / ".build" / "venv-act" / "bin" / "act"


@dataclass
class Ran:
    """One execution of a workflow."""

    failed: bool
    said: str


@dataclass
class Team:
    """Executes the repository's workflow for an event."""

    root: Path
    server: S3Server
    world: World
    standins: dict[str, Path] = field(default_factory=dict)

    def push(self) -> Ran:
        return self._act("push", {"ref": "refs/heads/main", "before": "0" * 40})

    def request(self, *, fork: bool = False) -> Ran:
        """Execute the pull request from the commit that is checked out, into main."""
        ours: dict[str, object] = {"full_name": "acme/flights"}
        theirs: dict[str, object] = {"full_name": "mallory/flights", "fork": True}
        base = {"sha": git(self.root, "rev-parse", "main"), "repo": ours}
        mine = {"sha": git(self.root, "rev-parse", "HEAD"), "ref": BRANCH}
        head = {**mine, "repo": theirs if fork else ours}
        request = {"number": 1, "head": head, "base": base}
        return self._act("pull_request", {"number": 1, "pull_request": request})

    def dispatch(self) -> Ran:
        """Execute the loop as for an event from elsewhere."""
        return self._act("repository_dispatch", {"action": "trueup-tick"}, LOOP)

    def schedule(self) -> Ran:
        return self._act("schedule", {}, LOOP)

    def heartbeat(self) -> Ran:
        """Execute the heartbeat as on a push."""
        return self._act("push", {"ref": "refs/heads/main"}, HEARTBEAT)

    def release(self) -> Ran:
        """Execute the release as the check starts it."""
        return self._act("workflow_dispatch", {"inputs": {"model": "all"}}, RELEASE)

    @property
    def asked(self) -> str:
        """Return what GitHub's program was asked for."""
        return (self.root.parent / "gh.log").read_text()

    def _act(self, event: str, payload: dict[str, Any], workflow: str = CHECK) -> Ran:
        return acted(self.root, self.standins, event, payload, workflow)


def acted(
    root: Path,
    standins: Mapping[str, Path],
    event: str,
    payload: dict[str, Any],
    workflow: str,
) -> Ran:
    """Execute a repository's workflow for an event, with actions that stand in."""
    if not ACT.exists():
        pytest.skip("act is not installed; install it with: scripts/env.sh act")
    file = root.parent / "event.json"
    payload |= {"repository": {"full_name": "acme/flights", "default_branch": "main"}}
    file.write_text(json.dumps(payload))
    shutil.rmtree(root.parent / "artifacts", ignore_errors=True)
    words = [str(ACT), event, "-e", str(file), "-W", workflow, "-P", "ubuntu-24.04=-self-hosted"]
    for uses, folder in standins.items():
        words += ["--local-repository", f"{uses}={folder}"]
    for name in ("TRUSTED", "PULL_REQUEST", "LOOP", "RELEASE"):
        words += ["--var", f"TRUEUP_{name}_ROLE={name}"]
    words += ["--var", "AWS_REGION=us-east-1", "-s", f"GITHUB_TOKEN={TOKEN}"]
    home = root.parent / "home"
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    kept["PATH"] = f"{root.parent / 'actions' / 'tools'}:{kept['PATH']}"
    env = kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "NO_COLOR": "1"}
    done = subprocess.run(
        words, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=300
    )
    return Ran(done.returncode != 0, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def team(weed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Yield a team whose main branch holds the shop and its generated workflow, unchanged."""
    folder = tmp_path_factory.mktemp("act")
    yaml = (
        YAML.replace("project: shop", f"project: shop\n    store: s3://{BUCKET}/{TEAM}")
        + LOOP_OF_IT
        + ENVIRONMENTS
    )
    root = shop(folder / "repository", **{"trueup.yaml": yaml})
    with working(root, weed, (CHECK, LOOP, HEARTBEAT, RELEASE)) as team:
        yield team


@contextmanager
def working(root: Path, weed: Path, files: Sequence[str]) -> Iterator[Team]:
    """Yield the team of a repository in whose main branch its workflows are committed."""
    folder, program = root.parent, Path(sys.executable).parent / "trueup"
    git(root, "remote", "add", "origin", "https://github.com/acme/flights.git")
    subprocess.run([program, "-C", str(root), "ci", "github"], check=True, capture_output=True)
    commit(root)
    with seaweed(weed, folder / "weed") as server, world_of("github", folder / "forge") as world:
        world.standin.branch(BRANCH)
        world.standin.open_by_hand(BRANCH, "noise")
        made = actions(folder / "actions", program, world.standin.url, _identities(server))
        text = "".join((root / one).read_text() for one in files)
        yield Team(root, server, world, used(text, made))


def used(text: str, made: Mapping[str, Path]) -> dict[str, Path]:
    """Return what stands in for the actions that a file uses, at their commits."""
    found = set(re.findall(r"uses: (\S+)", text))
    return {one: made[name] for one in found if (name := one.split("@")[0]) in made}


def _identities(server: S3Server) -> dict[str, dict[str, str]]:
    """Return what each role of the repository is for the bucket."""
    return {
        "TRUSTED": server.env,
        "PULL_REQUEST": server.request_env,
        "LOOP": server.env,
        "RELEASE": server.env,
    }
