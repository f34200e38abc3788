"""The example is a project that a newcomer can copy: what it names is there."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.examples.flights import FOLDER
from trueup.config.load import load

PROJECT = yaml.safe_load((FOLDER / "trueup.yaml").read_text())
LOOP = yaml.safe_load((FOLDER / "loop.yaml").read_text())
PARAMETERS = yaml.safe_load((FOLDER / "params.yaml").read_text())
STAGES: dict[str, dict[str, Any]] = PROJECT["stages"]
ALL = [*STAGES.values(), LOOP["stages"]["learn"]]


def test_trueup_reads_the_project_and_finds_its_lock() -> None:
    project = load(FOLDER)
    assert list(project.stages) == ["ingest", "prepare", "train", "evaluate"]
    assert project.environment.lock == "requirements.txt"
    kinds = {out.path: out.kind for out in project.stages["evaluate"].outs}
    assert kinds["metrics.json"] == "metrics"
    assert kinds["plots/roc.csv"] == "plots"


def test_the_project_with_a_loop_differs_in_what_is_learned_judged_and_repeated(
    tmp_path: Path,
) -> None:
    shutil.copy(FOLDER / "loop.yaml", tmp_path / "trueup.yaml")
    project = load(tmp_path)
    assert list(project.stages) == ["ingest", "prepare", "learn"]
    model = project.models["flight-late"]
    assert model.loop is not None
    assert model.loop.then == "promote"
    for name in ("ingest", "prepare"):
        assert LOOP["stages"][name] == STAGES[name]
    changed = ("seen", "evaluate", "gate", "loop")
    theirs, ours = LOOP["models"]["flight-late"], PROJECT["models"]["flight-late"]
    assert {key: theirs[key] for key in ours if key not in changed} == {
        key: ours[key] for key in ours if key not in changed
    }


def test_parameters_that_a_retrain_sets_are_there() -> None:
    policies = yaml.safe_load((FOLDER / "policies.yaml").read_text())["policies"]
    loops = [LOOP["models"]["flight-late"]["loop"], *policies.values()]
    for loop in loops:
        for name in loop["retrain"]["params"]:
            section, key = name.split(".")
            assert key in PARAMETERS[section]


def outputs(stage: dict[str, Any]) -> list[str]:
    listed = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
    return [next(iter(one)) if isinstance(one, dict) else one for one in listed]


def neighbours(script: str) -> set[str]:
    """Return the scripts beside one that it imports, and those that they import."""
    text = (FOLDER / script).read_text()
    named = {f"{one}.py" for one in re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)}
    ours = {one for one in named if (FOLDER / one).exists()}
    return ours.union(*map(neighbours, ours))


@pytest.mark.parametrize("stage", ALL, ids=lambda stage: stage["cmd"])
def test_a_stage_depends_on_its_script_and_on_every_neighbour_that_the_script_imports(
    stage: dict[str, Any],
) -> None:
    script = stage["cmd"].removeprefix("python ")
    ours = neighbours(script)
    assert {script} | ours == {one for one in stage["deps"] if one.endswith(".py")}


def test_what_no_stage_makes_is_in_the_folder() -> None:
    made = {path for stage in STAGES.values() for path in outputs(stage)}
    for stage in STAGES.values():
        for path in stage["deps"]:
            assert path in made or (FOLDER / path).is_file()


def test_parameters_that_a_stage_names_are_there() -> None:
    for stage in ALL:
        for name in stage.get("params", []):
            value: Any = PARAMETERS
            for part in name.split("."):
                value = value[part]


@pytest.mark.parametrize("name", sorted(set(STAGES) - {"ingest"}))  # which names a package's files
def test_a_stage_reads_and_writes_no_path_that_it_does_not_declare(name: str) -> None:
    stage = STAGES[name]
    text = (FOLDER / stage["cmd"].removeprefix("python ")).read_text()
    named = set(re.findall(r'"([\w/]+\.(?:json|csv|parquet|skops))"', text))
    declared = (*stage["deps"], *outputs(stage))
    assert named
    assert [path for path in sorted(named) if not path.startswith(declared)] == []


def test_git_ignores_what_the_store_keeps_and_nothing_else() -> None:
    ignored = [line.strip("/") for line in (FOLDER / ".gitignore").read_text().splitlines()]
    for stage in STAGES.values():
        for one in [*stage.get("outs", []), *stage.get("plots", [])]:
            path = next(iter(one)) if isinstance(one, dict) else one
            assert path in ignored or path.split("/")[0] in ignored
        for one in stage.get("metrics", []):
            assert next(iter(one)) not in ignored


def test_the_lock_pins_every_package_by_hash_and_names_no_host() -> None:
    lock = (FOLDER / "requirements.txt").read_text()
    assert "://" not in lock
    assert "index-url" not in lock
    wanted = re.findall(r"^([\w-]+)", (FOLDER / "requirements.in").read_text(), re.MULTILINE)
    pinned = re.findall(r"^([\w.-]+)==\S+.*\\\n    --hash=sha256:", lock, re.MULTILINE)
    assert set(wanted) <= set(pinned)
    assert len(pinned) == len(re.findall(r"^[\w.-]+==", lock, re.MULTILINE))


def test_scripts_stay_short_enough_to_read() -> None:
    for path in Path(FOLDER).glob("*.py"):
        assert len(path.read_text().splitlines()) <= 100, path.name
