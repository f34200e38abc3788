"""A forge's workflow for a decision: asked for once, also while the forge does not list it."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.forges.standins.githttp import git
from tests.forges.standins.gitlab import GitLabStandIn
from tests.forges.standins.server import TOKEN
from tests.forges.worlds import world_of
from tests.project.projects import opened, write
from trueup.config.loop_entries import CiEntry
from trueup.errors import SomebodyElseFirst, WrongUsage
from trueup.project.retraining_in_ci import Workflow

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAME = "0123456789abcdef0123"
PROJECT = 'project: shop\nstages: {train: {cmd: "true"}}\n'
SETS = ('prepare.until="2026-03-02T00:00:00Z"', "train.depth=8")


def checkout(root: Path, url: str) -> Path:
    write(root, {"trueup.yaml": PROJECT})
    for words in (["init", "-q", "-b", "main"], ["add", "--all"], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    git(root, "remote", "add", "origin", url)
    return root


def test_what_was_asked_for_is_waited_for_until_it_must_be_lost(tmp_path: Path) -> None:
    with world_of("gitlab", tmp_path / "forge") as world:
        assert isinstance(world.standin, GitLabStandIn)
        forge, at = world.standin, [NOON]
        root = checkout(tmp_path / "shop", world.place.git_url)
        env = {"GITLAB_HOST": urlsplit(forge.url).netloc, "GITLAB_TOKEN": TOKEN}

        def workflow(**more: str) -> Workflow:
            workspace = opened(root, **{**env, **more})
            return Workflow(workspace, "shop/sale", CiEntry(), lambda: at[0])

        assert workflow().find(NAME) is None
        with pytest.raises(SomebodyElseFirst, match="is not where main of GitLab"):
            workflow().start(NAME, SETS)
        assert forge.pipelines == []
        git(root, "push", "-q", "--force", str(forge.bare), "main")
        forge.main = forge.tip("main")
        started = workflow().start(NAME, SETS)
        assert (started.state, started.reference) == ("running", f"{forge.url}/pipelines/1")
        assert forge.pipelines[0]["variables"] == {
            "TRUEUP_DECISION": NAME, "TRUEUP_MODEL": "sale", "TRUEUP_SETS": "\n".join(SETS),
        }  # fmt: skip

        listed, forge.pipelines = forge.pipelines, []
        for minutes, state in ((1, "running"), (4, "running"), (5, None)):
            at[0] = NOON + timedelta(minutes=minutes)
            found = workflow().find(NAME)
            assert (found.state if found else None) == state
        forge.pipelines = listed
        for well, state in ((True, "done"), (False, "failed")):
            forge.finish(1, well=well)
            found = workflow().find(NAME)
            assert found is not None
            assert found.state == state
        with pytest.raises(WrongUsage, match="would be started twice"):
            workflow(GITLAB_TOKEN="", CI_JOB_TOKEN=TOKEN, CI_SERVER_URL=forge.url)


def test_a_checkout_that_lies_on_no_forge_is_refused(tmp_path: Path) -> None:
    root: Any = write(tmp_path, {"trueup.yaml": PROJECT})
    with pytest.raises(WrongUsage, match="where: ci has no forge to go to"):
        Workflow(opened(root), "shop/sale", CiEntry(), lambda: NOON)
