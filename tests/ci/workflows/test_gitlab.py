"""GitLab's jobs: its own schema takes them, and who gets which role stands in them."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tests.ci.projects import git, shop
from tests.ci.workflows.test_github import MANY
from trueup.ci.workflows.facts import Facts, ProjectFacts
from trueup.ci.workflows.gitlab import INCLUDE, JOBS, ROOT, ROOT_FILE, pipeline
from trueup.cli.group import trueup
from trueup.errors import WrongUsage


def jobs(facts: Facts) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(pipeline(facts)[JOBS])
    return found


@pytest.mark.slow
def test_its_schema_has_nothing_to_say(tmp_path: Path) -> None:
    checker = Path(__file__).parents[3] / ".build" / "venv-dev" / "bin" / "check-jsonschema"
    if not checker.exists():
        pytest.skip("check-jsonschema is not installed; install it with: make dev-env")
    texts = [ROOT_FILE, *(pipeline(facts)[JOBS] for facts in MANY)]
    files = [tmp_path / f"{nth}.yml" for nth in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    words = [checker, "--builtin-schema", "vendor.gitlab-ci", *files]
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_fork_gets_neither_a_role_nor_a_comment_and_no_bucket() -> None:
    found = jobs(MANY[1])
    fork, own = found["trueup-check-fork"], found["trueup-check-request"]
    assert fork["variables"]["TRUEUP_ROLE"] == ""
    assert fork["variables"]["TRUEUP_HOW"] == "--without-bucket"
    assert own["variables"]["TRUEUP_ROLE"] == "$TRUEUP_MERGE_REQUEST_ROLE"
    assert own["variables"]["TRUEUP_HOW"] == "--no-comment"
    of_fork, of_own = fork["rules"][0]["if"], own["rules"][0]["if"]
    assert of_fork == of_own.replace("==", "!=").replace("!=", "==", 1)
    assert found["trueup-comment"]["rules"][0]["if"] == of_own


def test_only_the_default_branch_is_trusted() -> None:
    for facts in MANY:
        for name, job in jobs(facts).items():
            if job.get("variables", {}).get("TRUEUP_SCOPE") == "trusted":
                (rule,) = job["rules"]
                assert "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in rule["if"], name


def test_the_job_with_the_token_runs_nothing_of_the_request() -> None:
    comment = jobs(MANY[0])["trueup-comment"]
    assert comment["variables"]["GIT_STRATEGY"] == "none"
    assert comment["script"] == ["trueup ci comment --report-dir trueup-report"]


def test_several_projects_have_a_job_each_and_their_own_reports() -> None:
    check = jobs(MANY[3])[".trueup-check"]
    assert check["parallel"]["matrix"] == [{"FOLDER": ["models/flights", "models/taxis"]}]
    assert check["artifacts"]["paths"] == ["trueup-report/$FOLDER"]
    assert "trueup ci affected" in check["script"][0]
    loop = jobs(MANY[3])["trueup-loop"]
    assert loop["parallel"]["matrix"] == [{"FOLDER": "models/flights", "MODEL": "late"}]
    assert "trueup-loop" not in jobs(MANY[0])


def test_a_runner_is_a_tag_and_a_role_is_taken_where_the_bucket_is_of_a_cloud() -> None:
    assert jobs(MANY[1])[".trueup-check"]["tags"] == ["gpu-large"]
    assert "TRUEUP_AWS_TOKEN" in jobs(MANY[1])[".trueup"]["id_tokens"]
    assert "tags" not in jobs(MANY[0])[".trueup-check"]
    assert list(jobs(MANY[0])[".trueup"]["id_tokens"]) == ["TRUEUP_ID_TOKEN"]


@pytest.mark.parametrize("name", ["a\nb", "$(id)", 'a"b', "-x"])
def test_a_name_that_would_have_to_be_escaped_is_refused(name: str) -> None:
    with pytest.raises(WrongUsage, match="cannot be written into a workflow"):
        pipeline(Facts((ProjectFacts("p", folder=name),), "0.1.0"))


def test_a_pipeline_of_ones_own_is_left_alone_and_edits_are_kept(tmp_path: Path) -> None:
    root = shop(tmp_path / "shop", **{ROOT: "build:\n  script: [make]\n"})
    git(root, "remote", "add", "origin", "https://gitlab.com/acme/shop.git")

    def called(*words: str) -> str:
        done = CliRunner().invoke(trueup, ["-C", str(root), "ci", "gitlab", *words])
        assert done.exit_code == 0, done.output
        return done.output

    assert f"write into it: {INCLUDE}" in called()
    assert (root / ROOT).read_text() == "build:\n  script: [make]\n"
    file = root / JOBS
    file.write_text(file.read_text().replace("image: python:3.12", "image: ours/python:1"))
    called("--update")
    assert "image: ours/python:1" in file.read_text()
    (root / ROOT).unlink()
    assert f"{ROOT}: written" in called("--update")
    assert called("--check") == ""
