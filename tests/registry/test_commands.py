"""The registry's commands, on a real project, as a person or CI calls them."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

import trueup as package
from tests.project.projects import opened, ran, write
from tests.registry.events import AT, CI, body
from trueup.cli import exit_code
from trueup.cli.group import trueup
from trueup.errors import TrueupError, WrongUsage
from trueup.project.promoting import Wanted, promote, terms_of
from trueup.project.registering import Extras, register, registry_of, resolve
from trueup.registry.records import Evidence, Judged
from trueup.registry.refusals import Refused
from trueup.store.hashing import digest_bytes

PROJECT = {
    "trueup.yaml": """
        format: 1
        project: flights
        stages:
          prepare: {cmd: cp raw.csv test.csv, deps: [raw.csv], outs: [test.csv]}
          train: {cmd: cat test.csv params.yaml > model.bin, deps: [test.csv], params: [depth],
                  outs: [model.bin]}
        models:
          late:
            path: model.bin
            task: binary
            evaluate: {data: test.csv, target: y}
            gate: {rules: [{metric: roc_auc, at_least: 0.7}]}
        environments:
          staging: {}
          prod: {approvals: 1}
    """,
    "raw.csv": "x,y\n1,0\n",
    "params.yaml": "depth: 1\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that has run; who acts is ada."""
    be("ada", monkeypatch)
    root = write(tmp_path / "project", PROJECT)
    ran(root)
    return root


def be(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", f"{name}@example.org")


def call(root: Path, *words: str) -> Result:
    """Run a command; an error of ours becomes its exit code, as at the process's edge."""
    done = CliRunner().invoke(trueup, ["-C", str(root), *words], standalone_mode=False)
    if isinstance(done.exception, TrueupError):
        done.exit_code = exit_code(done.exception)
        done.stderr_bytes = str(done.exception).encode()
    elif done.exception is not None:
        raise done.exception
    else:
        done.exit_code = done.return_value or 0
    return done


def out(root: Path, *words: str) -> str:
    done = call(root, *words)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def as_json(root: Path, *words: str) -> Any:
    return json.loads(out(root, *words, "--json"))


def another(root: Path, depth: int) -> None:
    (root / "params.yaml").write_text(f"depth: {depth}\n")
    ran(root)


def judge(root: Path, number: int, outcome: str = "pass", environment: str = "staging") -> None:
    """Do what the gate does at its end, with whatever outcome."""
    workspace = opened(root)
    registry = registry_of(workspace)
    history = registry.history("flights/late")
    version = history.version(number)
    terms = terms_of(workspace, "late", environment)
    found = Evidence(
        verdict="",
        model=version.model.digest,
        outcome=outcome,  # type: ignore[arg-type]  # one of the three
        data=terms.data,
        rules=terms.rules,
        code=version.code,
        champion=history.champion_digest(environment),
        environment=environment,
        reasons=("roc_auc is 0.61",) if outcome == "fail" else (),
    )
    found = msgspec.structs.replace(found, verdict=digest_bytes(body(found)))
    registry.judge("flights/late", Judged(at=AT, by=CI, evidence=found), body(found))


def test_a_model_is_registered_with_its_lineage(project: Path) -> None:
    assert out(project, "register", "late") == "flights/late/1\n"
    assert out(project, "register", "late") == "flights/late/1\n"
    version = resolve(opened(project), "late/1").version
    assert set(version.lineage) == {"prepare", "train"}
    assert version.run
    assert version.by.name == "ada@example.org"
    record = as_json(project, "resolve", "late/1")
    assert record["digest"] == version.model.digest
    assert record["status"] == "candidate"
    another(project, 2)
    assert out(project, "register", "late") == "flights/late/2\n"
    assert [one["version"] for one in as_json(project, "models", "late")["versions"]] == [2, 1]


def test_a_file_that_its_stage_did_not_make_is_not_registered(project: Path) -> None:
    (project / "model.bin").write_text("painted over\n")
    done = call(project, "register", "late")
    assert done.exit_code == 2
    assert "not what trueup.lock says" in done.stderr
    assert call(project, "register", "lat").exit_code == 2
    assert "Did you mean 'late'" in call(project, "register", "lat").stderr


def test_promotion_ends_as_its_verdict_says(project: Path) -> None:
    out(project, "register", "late")
    assert call(project, "promote", "late/1").exit_code == 4
    judge(project, 1, "fail")
    done = call(project, "promote", "late/1")
    assert done.exit_code == 3
    assert "roc_auc is 0.61" in done.stderr
    judge(project, 1, "inconclusive")
    assert call(project, "promote", "late/1").exit_code == 4
    judge(project, 1)
    assert "promoted in staging by a passing verdict" in out(project, "promote", "late/1")
    assert call(project, "promote", "late/1").exit_code == 0
    assert as_json(project, "resolve", "late")["version"] == 1
    assert call(project, "resolve", "late", "--env", "prod").exit_code == 2


def test_a_moved_champion_ends_with_7(project: Path) -> None:
    for depth in (1, 2, 3):
        another(project, depth)
        out(project, "register", "late")
        judge(project, depth)
    out(project, "promote", "late/2")
    done = call(project, "promote", "late/3")
    assert done.exit_code == 7
    assert "trueup gate flights/late/3 --env staging" in done.stderr


def test_rules_that_changed_since_ask_for_a_new_verdict(project: Path) -> None:
    out(project, "register", "late")
    judge(project, 1)
    text = (project / "trueup.yaml").read_text()
    (project / "trueup.yaml").write_text(text.replace("at_least: 0.7", "at_least: 0.8"))
    done = call(project, "promote", "late/1")
    assert done.exit_code == 4
    assert "other rules" in done.stderr
    (project / "trueup.yaml").write_text(text.replace("gate: {", "gate: {mode: warn, "))
    assert call(project, "promote", "late/1").exit_code == 0


def test_an_environment_asks_for_approvals_and_takes_objections(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out(project, "register", "late")
    judge(project, 1, environment="prod")
    assert call(project, "promote", "late/1", "--env", "prod").exit_code == 4
    done = call(project, "approve", "late/1", "--env", "prod")
    assert done.exit_code == 2
    assert "own approval" in done.stderr
    be("bob", monkeypatch)
    assert "rejected for prod: in peak week" in out(
        project, "reject", "late/1", "--env", "prod", "--why", "in peak week"
    )
    assert call(project, "promote", "late/1", "--env", "prod").exit_code == 4
    out(project, "approve", "late/1", "--env", "prod")
    assert "was approved so before" in call(project, "approve", "late/1", "--env", "prod").stderr
    assert "approved by bob@example.org (unverified)" in out(
        project, "promote", "late/1", "--env", "prod"
    )


def test_a_rollback_is_one_command(project: Path) -> None:
    for depth in (1, 2):
        another(project, depth)
        out(project, "register", "late")
        judge(project, depth)
        out(project, "promote", f"late/{depth}")
    assert out(project, "rollback", "late", "--why", "angry calls") == (
        "version 2 rolled back in staging to 1: angry calls\n"
    )
    assert as_json(project, "resolve", "late@champion")["version"] == 1
    assert call(project, "rollback", "late").exit_code == 2
    assert call(project, "rollback", "late/2").exit_code == 2
    events = as_json(project, "history", "late", "--env", "staging")["events"]
    assert events[0]["text"].startswith("version 2 rolled back")
    assert "rolled back in staging to 1" in out(project, "history", "late")


def test_an_override_wants_a_reason_and_is_shown(project: Path) -> None:
    out(project, "register", "late")
    assert call(project, "promote", "late/1", "--override").exit_code == 2
    out(project, "promote", "late/1", "--override", "--why", "the first one")
    for words in (["models", "late"], ["models", "late/1"], ["history", "late"]):
        assert "by override: the first one" in out(project, *words)
    assert as_json(project, "resolve", "late")["notes"]
    assert "by override: the first one" in call(project, "resolve", "late").stderr


def test_aliases_and_deprecation(project: Path) -> None:
    out(project, "register", "late")
    assert "challenger of staging is version 1" in out(project, "alias", "late/1", "challenger")
    assert as_json(project, "resolve", "late@challenger")["aliases"] == ["challenger"]
    assert call(project, "deprecate", "late/1").exit_code == 2
    assert "taken away" in out(project, "alias", "late", "challenger", "--remove")
    assert "deprecated: leaks" in out(project, "deprecate", "late/1", "--why", "leaks")
    for words in (["alias", "late/1", "champion"], ["alias", "late", "blue"]):
        assert call(project, *words).exit_code == 2
    assert "flights/late" in out(project, "models")
    assert as_json(project, "models")["models"][0]["versions"] == 1


def test_an_unknown_environment_is_refused_with_a_guess(project: Path) -> None:
    out(project, "register", "late")
    done = call(project, "resolve", "late", "--env", "stagging")
    assert done.exit_code == 2
    assert "Did you mean 'staging'" in done.stderr


def test_a_version_comes_from_another_bucket_with_content_and_evidence(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out(project, "register", "late")
    judge(project, 1)
    out(project, "promote", "late/1")
    store = str(project / ".trueup" / "store")
    prod = write(tmp_path / "prod", PROJECT)
    ran(prod)
    (prod / "model.bin").unlink()
    monkeypatch.setenv("TRUEUP_STORE", str(tmp_path / "bucket"))
    words = ["promote", "late", "--env", "prod", "--from", store]
    assert call(prod, *words).exit_code == 4
    be("bob", monkeypatch)
    out(prod, "approve", "late/1", "--env", "prod")
    assert "promoted in prod by a passing verdict" in out(prod, *words)
    workspace = opened(prod, TRUEUP_STORE=str(tmp_path / "bucket"))
    found = resolve(workspace, "late", "prod")
    assert found.version.copied_from is not None
    assert found.version.copied_from.url == store
    assert workspace.content.has(found.version.model)


def test_what_a_command_can_do_python_can_do(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert package.register("late", folder=project).version.version == 1
    with pytest.raises(Refused) as caught:
        package.promote("late/1", folder=project)
    assert caught.value.refusal.reason == "no verdict"
    judge(project, 1)
    assert package.promote("late/1", folder=project).event is not None
    assert package.resolve("late", env="staging", folder=project).version.version == 1
    be("bob", monkeypatch)
    assert package.reject("late/1", env="prod", why="no", folder=project) is not None
    assert package.approve("late/1", env="prod", folder=project) is not None
    assert package.alias("late/1", "blue", folder=project) is not None
    assert package.alias("late", "blue", remove=True, folder=project) is not None
    for verb in (package.rollback, package.deprecate):
        with pytest.raises(Refused):
            verb("late" if verb is package.rollback else "late/1", folder=project)
    assert package.history("late", folder=project).champion("staging") == 1


def test_parts_of_a_version_are_kept_and_brought_along(project: Path, tmp_path: Path) -> None:
    workspace = opened(project)
    (project / "signature.json").write_text("{}")
    part = workspace.content.add(project / "signature.json")
    extras = Extras(signature=part.digest, parts={"signature": part})
    found = register(workspace, "late", extras)
    assert found.version.parts == {"signature": part}
    judge(project, 1, environment="prod")
    prod = write(tmp_path / "prod", PROJECT)
    ran(prod)
    wanted = Wanted(environment="prod", source=str(project / ".trueup/store"), why="x")
    with pytest.raises(Refused, match="approval"):
        promote(opened(prod), "late/1", wanted)
    assert opened(prod).content.has(part)


def test_a_model_of_another_project_is_promoted_there(project: Path) -> None:
    out(project, "register", "late")
    registry = registry_of(opened(project))
    registry.register("other/late", registry.history("flights/late").version(1))
    done = call(project, "promote", "other/late/1")
    assert done.exit_code == 2
    assert isinstance(done.exception, WrongUsage)
    assert "another project" in done.stderr
