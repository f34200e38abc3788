"""A team's project as GitLab would run it, by gitlab-ci-local in its shell executor.

The file runs unchanged. What GitLab says of a pipeline is given as variables, and so are the keys
of the identity that a job's token would be exchanged for: gitlab-ci-local makes no tokens.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import trueup
from tests.ci.projects import git
from tests.forges.standins.server import TOKEN
from tests.forges.worlds import World
from tests.support.seaweed import S3Server

PROGRAM = Path(__file__).parents[3] / ".build/forges/node_modules/.bin/gitlab-ci-local"
_PIP = """\
#!/bin/sh
[ "$*" = "install --quiet uv" ] || { echo "pip $*: not expected" >&2; exit 9; }
"""
_UV = """\
#!/bin/sh
[ "$*" = "tool install trueup[all]==%s" ] || { echo "uv $*: not expected" >&2; exit 9; }
mkdir -p "$HOME/.local/bin"
ln -sf "%s" "$HOME/.local/bin/trueup"
"""


@dataclass
class Executed:
    """One pipeline."""

    code: int
    said: str


@dataclass
class GitLabTeam:
    """Executes the project's pipeline for an event."""

    root: Path
    server: S3Server
    world: World
    home: Path

    def push(self) -> Executed:
        return self._execute({"CI_PIPELINE_SOURCE": "push"}, self.server.env)

    def schedule(self) -> Executed:
        given = {"CI_PIPELINE_SOURCE": "schedule", "TRUEUP_TICK": "1"}
        return self._execute(given, self.server.env)

    def request(self, *, fork: bool = False) -> Executed:
        """Execute the merge request from the commit that is checked out, into main."""
        given = {
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_MERGE_REQUEST_IID": "1",
            "CI_MERGE_REQUEST_PROJECT_ID": "1",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2" if fork else "1",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(self.root, "rev-parse", "main"),
        }
        return self._execute(given, {} if fork else self.server.request_env)

    def _execute(self, event: Mapping[str, str], identity: Mapping[str, str]) -> Executed:
        given = {
            **event, **identity, "GITLAB_CI": "true", "CI_DEFAULT_BRANCH": "main",
            "CI_SERVER_URL": self.world.standin.url,
            "GITLAB_TOKEN": TOKEN, "TRUEUP_TRUSTED_ROLE": "arn:trusted",
        }  # fmt: skip
        return executed(self.root, self.home, given)


def executed(root: Path, home: Path, given: Mapping[str, str]) -> Executed:
    """Execute a repository's pipeline with variables."""
    if not PROGRAM.exists():
        pytest.skip("gitlab-ci-local is not installed; install it with: make components")
    shutil.rmtree(root / ".gitlab-ci-local", ignore_errors=True)  # no job finds another's
    words = [str(PROGRAM), "--force-shell-executor", "--shell-isolation", "--no-color"]
    words += [f"--home={home}", *(f"--variable={name}={value}" for name, value in given.items())]
    path = f"{home / 'tools'}:{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8"}
    done = subprocess.run(
        words, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=300
    )
    return Executed(done.returncode, done.stdout + done.stderr)


def with_tools(home: Path, program: Path) -> Path:
    """Put a pip and a uv into a home that take the program under test for what they install."""
    for name, text in (("pip", _PIP), ("uv", _UV % (trueup.__version__, program))):
        file = home / "tools" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    return home
