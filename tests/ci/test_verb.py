"""The verb as a job calls it: files, summary, outputs, annotations, comment and exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.ci.projects import FILES, commit, git, line_of, noise, shop
from tests.forges.standins.server import TOKEN, Fault
from tests.forges.worlds import BRANCH, World, world_of
from trueup.cli import exit_code
from trueup.cli.group import trueup
from trueup.errors import TrueupError

pytestmark = pytest.mark.slow

WRITTEN = {
    "junit.xml", "trueup.sarif", "code-quality.json", "metrics.txt", "comment.md", "report.html",
    "results.json", "outputs.env",
}  # fmt: skip
CI = ("GITHUB_", "GITLAB_", "CI_", "TRUEUP_", "GH_")


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as on no forge at all, wherever this test itself runs."""
    for name in list(os.environ):
        if name.startswith(CI) or name == "CI":
            monkeypatch.delenv(name)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return shop(tmp_path / "shop")


@pytest.fixture
def github(tmp_path: Path) -> Iterator[World]:
    with world_of("github", tmp_path / "forge") as world:
        world.standin.branch(BRANCH)
        yield world


def ci(root: Path, *words: str, **env: str) -> Result:
    """Call the verb; an error a user can meet is its exit code."""
    result = CliRunner().invoke(
        trueup, ["-C", str(root), "ci", *words], standalone_mode=False, env=env
    )
    if isinstance(result.exception, TrueupError):
        result.exit_code = exit_code(result.exception)
    elif result.exception is not None:
        raise result.exception
    else:
        result.exit_code = result.return_value or 0
    return result


def pull_request(root: Path, world: World, head: str = "acme/flights") -> dict[str, str]:
    """Return the environment of a job of request 1, as GitHub documents it."""
    number = 1
    event: dict[str, Any] = {
        "number": number,
        "pull_request": {
            "head": {"sha": git(root, "rev-parse", "HEAD"), "repo": {"full_name": head}},
            "base": {"sha": git(root, "rev-parse", "HEAD"), "repo": {"full_name": "acme/flights"}},
        },
    }
    file = root.parent / "event.json"
    file.write_text(json.dumps(event))
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_SERVER_URL": world.standin.url,
        "GITHUB_REPOSITORY": "acme/flights",
        "GITHUB_REF": f"refs/pull/{number}/merge",
        "GITHUB_RUN_ID": "7",
        "GITHUB_STEP_SUMMARY": str(root.parent / "summary.md"),
        "GITHUB_OUTPUT": str(root.parent / "outputs"),
        "GITHUB_TOKEN": TOKEN,
    }


def run(root: Path, *words: str, **env: str) -> Result:
    return ci(root, "run", "--report-dir", str(root.parent / "report"), *words, **env)


def test_on_any_runner_every_file_is_written_and_the_gate_decides(project: Path) -> None:
    first = run(project)
    assert first.exit_code == 0, first.output
    assert {path.name for path in (project.parent / "report").iterdir()} == WRITTEN
    assert first.stdout == ""
    noise(project, 1)
    assert run(project).exit_code == 3


def test_a_page_is_written_where_it_is_asked_for(project: Path) -> None:
    assert run(project, "--page", str(project.parent / "public/index.html")).exit_code == 0
    assert "<html" in (project.parent / "public/index.html").read_text()


def test_a_pull_request_gets_one_comment_that_is_rewritten_in_place(
    project: Path, github: World
) -> None:
    github.standin.open_by_hand(BRANCH, "noise")
    env = pull_request(project, github)
    assert run(project, **env).exit_code == 0
    (first,) = github.standin.said(1)
    assert "shop" in first[1]
    assert not (project / ".trueup/store/models").exists()
    noise(project, 1)
    worse = run(project, **env)
    assert worse.exit_code == 3
    (second,) = github.standin.said(1)
    assert second != first
    line = line_of(project, "at_least: 0.7")
    assert f"::error file=trueup.yaml,line={line}" in worse.stdout
    summary = (project.parent / "summary.md").read_text()
    assert "roc\\_auc" in summary
    assert "exit-code=3" in (project.parent / "outputs").read_text()


def test_a_token_that_may_not_comment_changes_nothing_but_a_line(
    project: Path, github: World
) -> None:
    github.standin.open_by_hand(BRANCH, "noise")
    body = {"message": "Resource not accessible by integration"}
    github.standin.faults.append(Fault(status=403, body=body, method="POST"))
    done = run(project, **pull_request(project, github))
    assert done.exit_code == 0, done.output
    assert len([one for one in done.stderr.splitlines() if one.startswith("no comment:")]) == 1
    assert github.standin.said(1) == []


def test_without_a_token_the_check_stands(project: Path, github: World) -> None:
    env = pull_request(project, github) | {"GITHUB_TOKEN": ""}
    done = run(project, **env)
    assert done.exit_code == 0
    assert "no comment: no token" in done.stderr


def test_a_fork_is_checked_without_the_bucket_and_asks_the_forge_nothing(
    project: Path, github: World
) -> None:
    env = pull_request(project, github, head="mallory/flights")
    done = run(project, "--without-bucket", **env)
    assert done.exit_code == 0, done.output
    assert github.standin.asked == []
    assert "without the bucket" in (project.parent / "summary.md").read_text()
    assert "::notice" in done.stdout


def test_another_job_comments_with_the_files_of_this_one(project: Path, github: World) -> None:
    github.standin.open_by_hand(BRANCH, "noise")
    env = pull_request(project, github)
    run(project, "--no-comment", **env)
    assert github.standin.said(1) == []
    assert ci(project, "comment", "--report-dir", str(project.parent), **env).exit_code == 0
    assert len(github.standin.said(1)) == 1
    assert ci(project, "comment", "--report-dir", str(project), **env).exit_code == 2


def test_a_request_may_not_call_itself_trusted(project: Path, github: World) -> None:
    env = pull_request(project, github) | {"TRUEUP_SCOPE": "trusted"}
    assert run(project, **env).exit_code == 2
    assert not (project / ".trueup").exists()


def test_a_broken_project_keeps_no_other_from_its_check(tmp_path: Path) -> None:
    two = {f"two/{name}": text for name, text in FILES.items()}
    root = shop(tmp_path / "shop", **two)
    (root / "two/trueup.yaml").write_text("format: 1\nproject: two\nstagess: {}\n")
    done = run(root, "--all")
    assert done.exit_code == 2
    kept = json.loads((tmp_path / "report/results.json").read_text())["results"]
    assert {one["folder"]: one["word"] for one in kept} == {"": "pass", "two": "refused"}
    assert any(one["place"]["line"] == 3 for one in kept[1]["problems"])
    junit = (tmp_path / "report/junit.xml").read_text()
    assert "shop/sale" in junit


def test_only_projects_that_a_change_reaches_are_listed(tmp_path: Path) -> None:
    more = "deps: [split.py, ../shared.csv]"
    reads = {"two/trueup.yaml": FILES["trueup.yaml"].replace("deps: [split.py]", more)}
    two = {f"two/{name}": text for name, text in FILES.items()} | reads
    root = shop(tmp_path / "shop", **two, **{"shared.csv": "a\n", "docs/read.md": "hello\n"})
    base = git(root, "rev-parse", "HEAD")
    assert affected(root, base) == []
    (root / "two/README.md").write_text("of two alone\n")
    assert affected(root, base) == ["two"]
    (root / "two/README.md").unlink()
    (root / "shared.csv").write_text("b\n")
    commit(root)
    assert affected(root, base) == [".", "two"]
    assert affected(root, "0" * 40) == [".", "two"]  # of a branch's first push


def affected(root: Path, base: str) -> list[str]:
    found: list[str] = json.loads(ci(root, "affected", "--base", base).stdout)
    return found


def begun(file: Path, job: "subprocess.Popen[bytes]") -> None:
    """Wait until the stage that is to be interrupted has made its mark."""
    deadline_s = time.monotonic() + 60
    while not file.exists():
        assert job.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_a_job_that_was_killed_is_gone_on_with_from_the_bucket(tmp_path: Path) -> None:
    slow = FILES["trueup.yaml"].replace("cmd: python score.py", "cmd: python wait.py")
    wait = """
        import os, time
        open("begun", "w").close()
        time.sleep(float(os.environ["WAIT_S"]))
        import score
    """
    root = shop(tmp_path / "one", **{"trueup.yaml": slow, "wait.py": wait})
    git(root, "clone", "-q", ".", str(tmp_path / "two"))
    env = {**os.environ, "TRUEUP_STORE": str(tmp_path / "bucket"), "WAIT_S": "60"}
    words = (sys.executable, "-m", "trueup", "ci", "run", "--report-dir", str(tmp_path / "report"))
    killed = subprocess.Popen(words, cwd=root, env=env, start_new_session=True)
    begun(root / "begun", killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    again = subprocess.run(
        words, cwd=tmp_path / "two", env={**env, "WAIT_S": "0"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "split: fetched" in again.stderr
    assert "train: fetched" in again.stderr
    assert "score: ran" in again.stderr
