"""A branch is made without touching the checkout and pushed, really, over HTTP."""

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tests.forges.standins.githttp import git
from tests.forges.standins.server import TOKEN
from tests.forges.test_proposing import DRAFT
from tests.forges.worlds import BRANCH, World, given
from trueup.errors import AccessRefused, RemoteSilent, SomebodyElseFirst, WrongUsage
from trueup.forges.port import Draft, Proposal
from trueup.forges.pushing import Change, propose_change, push_target
from trueup.git import head
from trueup.git.branches import Person, commit_files, files_of
from trueup.git.pushing import BranchMoved, Login, Target, push_branch, tip

BY = Person("trueup", "trueup@example.org", datetime(2013, 3, 1, tzinfo=UTC))
FILES = {"trueup.lock": b"format: 1\n", "params.yaml": b"prepare: {until: 2013-03-01}\n"}
CHANGE = Change("HEAD", dict(FILES), "Retrain flight-late", BY)


@pytest.fixture
def checkout(github: World, tmp_path: Path) -> Path:
    """A clone of the stand-in's repository, in which somebody is at work."""
    folder = tmp_path / "checkout"
    git(tmp_path, "clone", "--quiet", str(github.standin.bare), str(folder))
    (folder / "trueup.yaml").write_text("stages: {half: written}\n")
    (folder / "notes.txt").write_text("mine\n")
    git(folder, "add", "notes.txt")
    return folder


def target(world: World, secret: str = TOKEN) -> Target:
    return Target(world.place.git_url, Login("x-access-token", secret))


def made(checkout: Path, files: Mapping[str, bytes | None] = FILES) -> str:
    return commit_files(checkout, "HEAD", files, "Retrain flight-late", BY)


def test_a_commit_is_made_and_the_checkout_is_not_touched(checkout: Path) -> None:
    before = (git(checkout, "status", "--porcelain=v2", "--branch"), head(checkout))
    commit = made(checkout)
    assert (git(checkout, "status", "--porcelain=v2", "--branch"), head(checkout)) == before
    assert (checkout / "trueup.yaml").read_text() == "stages: {half: written}\n"
    assert files_of(checkout, "HEAD", commit) == set(FILES)
    assert git(checkout, "show", f"{commit}:params.yaml") == FILES["params.yaml"].decode().strip()
    assert git(checkout, "log", "-1", "--format=%an <%ae> %cn %cI", commit) == (
        "trueup <trueup@example.org> trueup 2013-03-01T00:00:00+00:00"
    )


def test_the_same_files_at_the_same_moment_are_the_same_commit(checkout: Path) -> None:
    assert made(checkout) == made(checkout)
    assert made(checkout) != made(checkout, {**FILES, "params.yaml": b"{}"})


def test_a_project_in_a_folder_names_its_files_from_there(checkout: Path) -> None:
    (checkout / "a").mkdir()
    commit = commit_files(checkout / "a", "HEAD", {"trueup.lock": b"x"}, "m", BY)
    assert files_of(checkout, "HEAD", commit) == {"a/trueup.lock"}


def test_a_file_keeps_its_mode_and_another_is_taken_away(checkout: Path) -> None:
    (checkout / "run.sh").write_text("#!/bin/sh\n")
    (checkout / "run.sh").chmod(0o755)
    git(checkout, "add", "run.sh")
    git(checkout, "commit", "--quiet", "-m", "Run", "run.sh")
    commit = made(checkout, {"run.sh": b"#!/bin/sh\necho\n", "trueup.yaml": None})
    assert git(checkout, "ls-tree", "-r", "--format=%(objectmode) %(path)", commit) == (
        "100755 run.sh"
    )


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", ".git/config"])
def test_a_path_outside_the_repository_is_refused(checkout: Path, path: str) -> None:
    with pytest.raises(WrongUsage):
        made(checkout, {path: b""})


def test_a_branch_is_pushed_once_and_found_there(github: World, checkout: Path) -> None:
    commit = made(checkout)
    assert tip(checkout, target(github), BRANCH) == ""
    assert push_branch(checkout, target(github), BRANCH, commit) == "pushed"
    assert push_branch(checkout, target(github), BRANCH, commit) == "there"
    assert github.standin.tip(BRANCH) == commit
    assert git(checkout, "branch", "--all", "--format=%(refname)").split() == [
        "refs/heads/main", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"
    ]  # fmt: skip


def test_our_own_branch_is_moved_on_with_a_lease(github: World, checkout: Path) -> None:
    first, second = made(checkout), made(checkout, {"trueup.lock": b"later"})
    push_branch(checkout, target(github), BRANCH, first)
    assert push_branch(checkout, target(github), BRANCH, second, expected=first) == "pushed"
    assert github.standin.tip(BRANCH) == second


def test_what_somebody_force_pushed_is_told_and_not_overwritten(
    github: World, checkout: Path
) -> None:
    first, second = made(checkout), made(checkout, {"trueup.lock": b"later"})
    push_branch(checkout, target(github), BRANCH, first)
    theirs = github.standin.branch(BRANCH, "{'theirs': 1}")
    with pytest.raises(BranchMoved, match="somebody else has changed it") as caught:
        push_branch(checkout, target(github), BRANCH, second, expected=first)
    assert isinstance(caught.value, SomebodyElseFirst)
    assert (caught.value.found, github.standin.tip(BRANCH)) == (theirs, theirs)


def test_a_branch_that_was_deleted_after_its_merge_is_made_again(
    github: World, checkout: Path
) -> None:
    first, second = made(checkout), made(checkout, {"trueup.lock": b"later"})
    push_branch(checkout, target(github), BRANCH, first)
    git(github.standin.bare, "branch", "-D", BRANCH)
    assert push_branch(checkout, target(github), BRANCH, second, expected=first) == "pushed"


def test_a_branch_that_is_there_already_is_not_ours(github: World, checkout: Path) -> None:
    theirs = github.standin.branch(BRANCH)
    with pytest.raises(BranchMoved, match="should not be there"):
        push_branch(checkout, target(github), BRANCH, made(checkout))
    assert github.standin.tip(BRANCH) == theirs


def test_a_branch_that_moves_between_the_look_and_the_push_is_kept(
    github: World, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look finds nothing; then, while git pushes, somebody else's branch appears."""
    real, log = subprocess.run, []

    def run(words: list[str], **rest: object) -> object:
        if "push" in words:
            log.append(github.standin.branch(BRANCH))
        return real(words, **rest)  # type: ignore[call-overload]  # handed on as it came

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(BranchMoved, match="should not be there"):
        push_branch(checkout, target(github), BRANCH, made(checkout))
    assert github.standin.tip(BRANCH) == log[0]


def test_a_token_that_expired_is_refused_and_never_shown(
    github: World, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = subprocess.run

    def run(words: list[str], **rest: object) -> object:
        seen.append(" ".join(words))
        return real(words, **rest)  # type: ignore[call-overload]  # handed on as it came

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(AccessRefused, match="refused the push") as caught:
        push_branch(checkout, target(github, "expired-secret"), BRANCH, made(checkout))
    assert "expired-secret" not in f"{caught.value} {target(github, 'expired-secret')!r} {seen}"
    assert any("ls-remote" in words for words in seen)


def test_what_a_machine_is_set_up_with_does_not_come_before_the_token(
    github: World, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As actions/checkout leaves it: a header with the job's token, and a helper of somebody's."""
    url = github.standin.url
    git(checkout, "config", f"http.{url}/.extraheader", "AUTHORIZATION: basic d3Jvbmc6d3Jvbmc=")
    git(checkout, "config", "credential.helper", "!echo username=x; echo password=wrong; :")
    given = {"COUNT": "1", "KEY_0": f"url.{url}/.insteadOf", "VALUE_0": "short:"}
    for name, value in given.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    assert git(checkout, "ls-remote", "--get-url", "short:x") == f"{url}/x"
    assert push_branch(checkout, target(github), BRANCH, made(checkout)) == "pushed"


def test_a_hook_of_the_checkout_does_not_run(github: World, checkout: Path) -> None:
    hook = checkout / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert push_branch(checkout, target(github), BRANCH, made(checkout)) == "pushed"


def test_a_protected_branch_says_what_the_server_said(github: World, checkout: Path) -> None:
    hook = github.standin.bare / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho 'GH006: Protected branch update failed' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(AccessRefused, match="GH006: Protected branch"):
        push_branch(checkout, target(github), BRANCH, made(checkout))


def test_a_server_that_is_down_is_silent(checkout: Path) -> None:
    with pytest.raises(RemoteSilent, match="does not answer"):
        tip(checkout, Target("http://127.0.0.1:1/a/b.git", Login("x", TOKEN)), BRANCH)


@pytest.mark.parametrize(
    "url", ["http://github.example.org/a/b.git", "https://me:pw@github.com/a/b.git"]
)
def test_a_token_is_not_pushed_with_in_the_clear_or_beside_another(
    checkout: Path, url: str
) -> None:
    with pytest.raises(WrongUsage) as caught:
        tip(checkout, Target(url, Login("x", TOKEN)), BRANCH)
    assert "pw" not in str(caught.value)


def test_a_name_that_is_no_branch_is_refused(github: World, checkout: Path) -> None:
    with pytest.raises(WrongUsage, match="no name of a branch"):
        push_branch(checkout, target(github), "a..b", made(checkout))


def test_without_a_token_git_pushes_as_it_is_set_up(github: World, checkout: Path) -> None:
    commit = made(checkout)
    assert push_branch(checkout, Target("origin"), BRANCH, commit) == "pushed"
    assert github.standin.tip(BRANCH) == commit


@pytest.fixture
def clone(world: World, tmp_path: Path) -> Path:
    """A clone of the repository on each forge in turn."""
    git(tmp_path, "clone", "--quiet", str(world.standin.bare), str(tmp_path / "clone"))
    return tmp_path / "clone"


def proposed(world: World, clone: Path, change: Change, draft: Draft = DRAFT) -> Proposal:
    where = push_target(world.place, given())
    return propose_change(clone, world.forge(), where, change, draft)


def test_from_the_files_to_the_merge_on_either_forge(world: World, clone: Path) -> None:
    opened = proposed(world, clone, CHANGE)
    assert (opened.number, opened.state, opened.commit) == (1, "open", world.standin.tip(BRANCH))
    assert proposed(world, clone, CHANGE) == opened
    landed = world.standin.merge_squashed(opened.number)
    found = world.forge().find(BRANCH, DRAFT.subject)
    assert found is not None
    assert (found.state, found.merge_commit) == ("merged", landed)
    git(clone, "fetch", "--quiet", "origin")
    assert git(clone, "show", f"{landed}:trueup.lock") == "format: 1"
    assert TOKEN not in str(os.environ)


def test_a_newer_candidate_moves_the_branch_and_the_request(world: World, clone: Path) -> None:
    first = proposed(world, clone, CHANGE)
    later = msgspec.structs.replace(CHANGE, files={"trueup.lock": b"2"}, pushed=first.commit)
    again = proposed(world, clone, later, msgspec.structs.replace(DRAFT, decision="d-0002"))
    assert (again.number, again.decision) == (1, "d-0002")
    assert again.commit == world.standin.tip(BRANCH) != first.commit


def test_after_closing_nothing_is_pushed_for_that_decision(world: World, clone: Path) -> None:
    first = proposed(world, clone, CHANGE)
    world.standin.close(1, by="grace")
    later = msgspec.structs.replace(CHANGE, files={"trueup.lock": b"2"}, pushed=first.commit)
    assert proposed(world, clone, later).closed_by == "grace"
    assert world.standin.tip(BRANCH) == first.commit


def test_a_request_on_a_branch_that_somebody_moved_is_left_alone(world: World, clone: Path) -> None:
    first = proposed(world, clone, CHANGE)
    written = len(world.standin.writes)
    world.standin.branch(BRANCH, "{'theirs': 1}")
    later = msgspec.structs.replace(CHANGE, files={"trueup.lock": b"2"}, pushed=first.commit)
    with pytest.raises(BranchMoved):
        proposed(world, clone, later, msgspec.structs.replace(DRAFT, title="Mine"))
    assert len(world.standin.writes) == written


def test_a_request_that_conflicts_with_its_base_is_made_anew_on_it(
    world: World, clone: Path
) -> None:
    first = proposed(world, clone, CHANGE)
    world.standin.main = world.standin.branch("main", "{'theirs': 1}")
    merging = ["merge-tree", "--write-tree", "main", BRANCH]
    git(clone, "fetch", "--quiet", "origin", "main")
    with pytest.raises(AssertionError, match="merge-tree"):
        git(world.standin.bare, *merging)
    anew = msgspec.structs.replace(CHANGE, base="FETCH_HEAD", pushed=first.commit)
    again = proposed(world, clone, anew, msgspec.structs.replace(DRAFT, decision="d-0002"))
    assert (again.number, again.commit) == (1, world.standin.tip(BRANCH))
    assert git(world.standin.bare, *merging)
    assert git(world.standin.bare, "rev-parse", f"{BRANCH}^") == world.standin.main
