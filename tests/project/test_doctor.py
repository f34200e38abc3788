"""The doctor says what stands in the way of this project, and the command that mends it."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trueup.config.model_entries import GateEntry, ModelEntry, RuleEntry
from trueup.config.records import Project, Resources, Stage
from trueup.config.target_entries import TargetEntry
from trueup.project.doctor import Finding, Machine, blocked, diagnose, looked_for, report
from trueup.project.machine import look_around, look_at_packages, look_at_store, missing_by_extra
from trueup.reporting.blocks import Table

WELL = Machine(
    python=(3, 12, 1),
    programs={"git": "/bin/git", "python": "/bin/python"},
    installer="apt-get",
)


def a_project(root: Path = Path("/p"), **fields: Any) -> Project:
    stage = Stage(name="train", cmd=("python train.py",))
    fields = {"stages": {"train": stage}, **fields}
    return Project(root=root, file="trueup.yaml", name="p", store=".trueup/store", **fields)


def of(findings: tuple[Finding, ...], subject: str) -> Finding:
    (found,) = (each for each in findings if each.subject == subject)
    return found


def test_a_machine_with_all_that_the_project_needs_is_not_blocked() -> None:
    findings = diagnose(a_project(), WELL)
    assert not blocked(findings)
    assert of(findings, "python").detail == "/bin/python"


def test_without_git_the_remedy_is_the_command_of_this_machines_installer() -> None:
    bare = msgspec.structs.replace(WELL, programs={})
    assert of(diagnose(None, bare), "git").remedy == "apt-get install git"
    mac = msgspec.structs.replace(bare, installer="brew")
    assert of(diagnose(None, mac), "git").remedy == "brew install git"


def test_a_program_that_a_stage_begins_with_must_be_on_path() -> None:
    stages = {
        "a": Stage(name="a", cmd=("Rscript fit.R",)),
        "b": Stage(name="b", cmd=("cd sub && ls",)),
        "c": Stage(name="c", cmd=("X=1 other",)),
    }
    findings = diagnose(a_project(stages=stages), WELL)
    assert [each.subject for each in findings if each.state == "missing"] == ["Rscript"]
    assert looked_for(a_project(stages=stages)) >= {"Rscript", "git"}


def test_a_secret_that_a_stage_needs_and_nobody_set_is_missing() -> None:
    stages = {"a": Stage(name="a", cmd=("python a.py",), secrets=("TOKEN",))}
    found = of(diagnose(a_project(stages=stages), WELL), "TOKEN")
    assert (found.state, found.remedy) == ("missing", "export TOKEN=...")
    there = msgspec.structs.replace(WELL, environment=frozenset({"TOKEN"}))
    assert not blocked(diagnose(a_project(stages=stages), there))


def test_a_gpu_is_asked_for_only_where_a_stage_occupies_one() -> None:
    stages = {"a": Stage(name="a", cmd=("python a.py",), resources=Resources(gpu=1))}
    assert of(diagnose(a_project(stages=stages), WELL), "gpu").state == "missing"
    assert all(each.subject != "gpu" for each in diagnose(a_project(), WELL))


@pytest.mark.parametrize(
    ("environments", "state"),
    [({}, "absent"), ({"prod": TargetEntry(target="kubernetes")}, "missing")],
)
def test_helm_stands_in_the_way_only_of_a_project_that_deploys_with_it(
    environments: Mapping[str, Any], state: str
) -> None:
    assert of(diagnose(a_project(environments=environments), WELL), "helm").state == state


def test_an_extra_that_is_not_whole_names_what_it_lacks() -> None:
    machine = msgspec.structs.replace(WELL, extras={"ray": ("ray",), "serve": ()})
    findings = diagnose(None, machine)
    assert of(findings, "trueup[ray]").detail == "lacks ray"
    assert of(findings, "trueup[serve]").state == "ok"


RULES = (RuleEntry(metric="accuracy", at_least=0.8),)


@pytest.mark.parametrize(
    ("gate", "state"),
    [
        (GateEntry(rules=RULES), "missing"),
        (GateEntry(), "absent"),
        (GateEntry(mode="off", rules=RULES), "absent"),
    ],
)
def test_the_extra_gate_stands_in_the_way_where_rules_ask_something_of_a_model(
    gate: GateEntry, state: str
) -> None:
    machine = msgspec.structs.replace(WELL, extras={"gate": ("polars",), "serve": ("granian",)})
    project = a_project(models={"late": ModelEntry(path="m.skops", gate=gate)})
    findings = diagnose(project, machine)
    found = of(findings, "trueup[gate]")
    assert (found.state, found.detail) == (state, "lacks polars")
    assert found.remedy == "python -m pip install 'trueup[gate]'"
    assert of(findings, "trueup[serve]").state == "absent"
    assert blocked(findings) == (state == "missing")


def test_rules_of_an_environment_need_the_extra_gate_too() -> None:
    machine = msgspec.structs.replace(WELL, extras={"gate": ("polars",)})
    project = a_project(
        models={"late": ModelEntry(path="m.skops")},
        environments={"prod": TargetEntry(rules=RULES)},
    )
    assert of(diagnose(project, machine), "trueup[gate]").serves == "judging late"


def test_the_report_shows_what_is_missing_first_and_its_remedy_apart() -> None:
    bare = msgspec.structs.replace(WELL, programs={"python": "/bin/python"})
    first, mend, *_ = report(diagnose(a_project(), bare)).blocks
    assert isinstance(first, Table)
    assert isinstance(mend, Table)
    assert first.rows[0][:2] == ("git", "missing")
    assert mend.rows == (("git", "apt-get install git"),)


def test_looking_around_finds_programs_on_the_path_it_is_given(tmp_path: Path) -> None:
    program = tmp_path / "fitter"
    program.write_text("#!/bin/sh\n")
    program.chmod(stat.S_IRWXU)
    machine = look_around(["fitter", "git"], tmp_path, {"PATH": str(tmp_path), "EMPTY": ""})
    assert machine.programs == {"fitter": str(program)}
    assert machine.environment == frozenset({"PATH"})
    assert not machine.repository


def test_a_file_called_git_above_makes_the_place_a_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere")  # as in a worktree
    assert look_around([], tmp_path / "deep" / "down", os.environ).repository


def test_the_extras_of_the_installed_package_can_be_told() -> None:
    assert all(isinstance(names, tuple) for names in missing_by_extra().values())


def test_a_folder_store_that_can_be_linked_in_is_well_and_left_as_it_was(tmp_path: Path) -> None:
    findings = list(look_at_store(".trueup/store", root=tmp_path, env={}))
    assert [(each.subject, each.state) for each in findings] == [
        ("store", "ok"),
        ("hard links", "ok"),
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_hard_links_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    _, links = look_at_store("store", root=tmp_path, env={})
    assert links.state == "missing"
    assert str(tmp_path) in links.detail
    assert "s3://" in links.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_named_is_missing_with_its_own_remedy(tmp_path: Path) -> None:
    (found,) = look_at_store("s4://bucket", root=tmp_path, env={})
    assert found.state == "missing"
    assert "s4" in found.detail


def test_packages_that_the_lock_file_pins_and_python_lacks_are_named(tmp_path: Path) -> None:
    lines = (
        f"click=={version('click')} \\\n    --hash=sha256:00\n"
        "no-such-package==1.0 \\\n    --hash=sha256:00\n"
        "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
    )
    (tmp_path / "requirements.txt").write_text(lines)
    env = {"PATH": str(Path(sys.executable).parent)}
    (found,) = look_at_packages(a_project(tmp_path), env)
    assert found.state == "missing"
    assert found.detail.endswith("lacks no-such-package==1.0")
    assert found.remedy == "python -m pip install -r requirements.txt"


def test_packages_that_are_all_there_are_well(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"click=={version('click')} --hash=sha256:00\n")
    env = {"PATH": str(Path(sys.executable).parent)}
    (found,) = look_at_packages(a_project(tmp_path), env)
    assert found.state == "ok"


def test_the_command_ends_with_2_where_something_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trueup", "-C", str(tmp_path), "doctor", "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    findings = {each["subject"]: each for each in json.loads(done.stdout)["findings"]}
    assert findings["project"]["state"] == "missing"
    assert "trueup init" in findings["project"]["remedy"]


def test_a_bucket_with_a_damaged_object_is_told_with_exit_code_9(tmp_path: Path) -> None:
    (tmp_path / "trueup.yaml").write_text("stages: {a: {cmd: echo x > x, outs: [x]}}\n")
    damaged = tmp_path / ".trueup" / "store" / "objects" / ("0" * 64)
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"not what the name says")
    command = [sys.executable, "-m", "trueup", "-C", str(tmp_path), "doctor", "--bucket"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 9
    assert f"objects/{'0' * 64}" in done.stdout
    damaged.unlink()
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, "Nothing is wrong" in done.stdout) == (0, True)
