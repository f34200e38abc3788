"""The stages that init proposes, and the files that it writes of them."""

import ast
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from trueup.config.load import load
from trueup.errors import WrongUsage
from trueup.project.beginning.drafting import ignore_lines, parameter_file, project_file
from trueup.project.beginning.examples import copy_example, example_names
from trueup.project.beginning.findings import Draft, Listing, StageDraft
from trueup.project.beginning.listing import list_project
from trueup.project.beginning.looking import look
from trueup.project.beginning.proposing import propose
from trueup.project.beginning.writing import Change, added_lines, write_all

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def listed(texts: dict[str, str], *others: str) -> Listing:
    texts = {path: dedent(text) for path, text in texts.items()}
    return Listing(frozenset([*texts, *others]), texts)


def proposed(texts: dict[str, str], *others: str) -> Draft:
    return propose(look(listed(texts, *others), "demo"))


def stage_of(draft: Draft, name: str) -> StageDraft:
    (found,) = (stage for stage in draft.stages if stage.name == name)
    return found


def test_stages_follow_each_other_by_who_writes_what_another_reads() -> None:
    draft = proposed(
        {
            "a_evaluate.py": "open('model.bin'); open('metrics.json', 'w')",
            "b_train.py": "open('data/train.csv'); open('model.bin', 'wb')",
            "c_prepare.py": "open('data/raw.csv'); open('data/train.csv', 'w')",
            "test_train.py": "open('model.bin', 'wb')",
            "setup.py": "open('setup.log', 'w')",
            "app.py": "import flask\nopen('log', 'w')",
        },
        "data/raw.csv",
    )
    assert [stage.name for stage in draft.stages] == ["c_prepare", "b_train", "a_evaluate"]
    assert draft.missing == ()
    assert stage_of(draft, "a_evaluate").metrics == ("metrics.json",)


def test_of_two_scripts_that_write_one_file_the_second_is_left_out() -> None:
    draft = proposed({"a.py": "open('m', 'w')", "b.py": "open('m', 'w')"})
    assert [stage.name for stage in draft.stages] == ["a"]
    assert draft.notes == ("b.py: left out, it writes m, which stage a writes too",)


def test_scripts_that_wait_for_each_other_do_not_make_a_circle() -> None:
    draft = proposed({"a.py": "open('x'); open('y', 'w')", "b.py": "open('y'); open('x', 'w')"})
    assert len(draft.stages) == 1
    assert "it reads what depends on what it writes" in draft.notes[0]


def test_a_stage_never_reads_what_it_writes() -> None:
    source = "import os\nos.listdir('data')\nopen('data/out.csv', 'w')"
    draft = proposed({"merge.py": source}, "data/a.csv", "data/b.csv", "data/out.csv")
    assert stage_of(draft, "merge").deps == ("merge.py", "data/a.csv", "data/b.csv")


def test_an_input_that_is_neither_there_nor_made_is_missing() -> None:
    draft = proposed({"train.py": "open('data/raw.csv'); open('m', 'w')"})
    assert draft.missing == ("data/raw.csv, which train reads, is not there and no stage makes it",)


def test_data_that_dvc_keeps_elsewhere_is_named_with_its_command() -> None:
    draft = proposed({"dvc.yaml": "stages: {}"}, "data/raw.csv.dvc")
    assert draft.pipeline == "dvc.yaml"
    assert draft.missing == (
        "data/raw.csv is kept by DVC and is not here; fetch it with: dvc pull",
    )


def test_an_mlproject_becomes_stages_with_its_parameters() -> None:
    mlproject = """
        name: wine
        entry_points:
          prepare:
            parameters: {share: {type: float, default: 0.8}}
            command: python prepare.py --share {share} --out wine.csv
          main:
            parameters: {alpha: float, l1-ratio: {default: 0.1}}
            command: python train.py {alpha} {l1-ratio}
        """
    prepare = """
        import argparse
        p = argparse.ArgumentParser()
        p.add_argument("--share", required=True); p.add_argument("--out", required=True)
        open(p.parse_args().out, "w")
        """
    draft = proposed(
        {"MLproject": mlproject, "prepare.py": prepare, "train.py": "open('wine.csv')"}
    )
    assert draft.project == "wine"
    assert stage_of(draft, "prepare").cmd == (
        "python prepare.py --share ${prepare.share} --out wine.csv"
    )
    assert stage_of(draft, "prepare").outs == ("wine.csv",)
    assert stage_of(draft, "main").deps == ("train.py", "wine.csv")
    assert draft.params == {"prepare": {"share": 0.8}, "main": {"l1_ratio": 0.1}}
    assert draft.missing == ("main.alpha, a parameter in MLproject, has no default",)


def test_an_entry_point_that_is_no_step_is_left_out_with_the_reason() -> None:
    mlproject = """
        entry_points:
          main: {command: python main.py}
          shell: {command: ./run.sh}
        """
    draft = proposed({"MLproject": mlproject, "main.py": "import mlflow\nmlflow.run('.', 'shell')"})
    assert draft.notes == (
        "MLproject, entry point main: left out, it starts the other entry points, and now trueup"
        " does",
        "MLproject, entry point shell: left out, its command starts no script of the project",
    )


def test_a_parameter_file_that_a_stage_makes_is_a_dependency() -> None:
    train = "import json\njson.load(open('config.json'))['depth']; open('model', 'w')"
    draft = proposed({"train.py": train, "tune.py": "open('config.json', 'w')"})
    assert [stage.name for stage in draft.stages] == ["tune", "train"]
    assert stage_of(draft, "train").deps == ("train.py", "config.json")
    assert stage_of(draft, "train").params == {}


def test_parameters_do_not_replace_a_params_file_that_is_there() -> None:
    mlproject = "entry_points: {main: {parameters: {a: {default: 1}}, command: python t.py {a}}}"
    mlproject = mlproject.replace("python t.py {a}", "'python t.py {a}'")
    draft = proposed({"MLproject": mlproject, "t.py": "", "params.yaml": "seed: 1"})
    assert (draft.params, draft.values) == ({}, {"main": {"a": 1}})
    assert 'vars:\n  - {"main": {"a": 1}}\n' in project_file(draft)


def test_the_flights_example_is_read_as_a_person_wrote_it() -> None:
    folder = CHECKOUT / "examples" / "flights"
    found = look(list_project(folder), "flights")
    texts = {path: text for path, text in found.listing.texts.items() if path != "trueup.yaml"}
    draft = propose(look(Listing(frozenset(texts), texts), "flights"))
    assert [stage.name for stage in draft.stages] == ["ingest", "prepare", "train", "evaluate"]
    assert stage_of(draft, "train") == StageDraft(
        name="train",
        cmd="python train.py",
        deps=("train.py", "model_file.py", "data/train.parquet", "data/validation.parquet"),
        params={"params.yaml": ("train",)},
        outs=("model.skops", "validation.json"),
    )
    assert stage_of(draft, "evaluate").plots == ("plots/calibration.csv", "plots/roc.csv")
    assert draft.missing == ()


NAMES: list[dict[str, Any]] = [
    {
        "name": "on",
        "cmd": "python 'a b.py' # x: y",
        "deps": ("a b.py", "no", "1.5"),
        "outs": ("ü.csv",),
    },
    {"name": "1", "cmd": "true", "outs": ("- x", "a: b", "[c]", "d,e"), "metrics": ("null",)},
    {
        "name": "s",
        "cmd": "python x.py",
        "wdir": "src",
        "deps": ("src/x.py", "d/a.csv"),
        "plots": ("src/p",),
    },
]


def test_whatever_the_names_the_file_says_what_was_proposed(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    stages = tuple(StageDraft(**each) for each in NAMES)
    draft = Draft(project="2-b", store="s3://b/c d", stages=stages, lock="uv.lock")
    (tmp_path / "trueup.yaml").write_text(project_file(draft))
    project = load(tmp_path)
    assert (project.name, project.store) == ("2-b", "s3://b/c d")
    assert project.environment.lock == "uv.lock"
    for stage, read in zip(stages, project.stages.values(), strict=True):
        assert read.name == stage.name
        assert read.cmd == (stage.cmd,)
        assert tuple(dep.path for dep in read.deps) == stage.deps
        assert tuple(out.path for out in read.outs) == stage.writes


def test_a_params_file_holds_the_values_that_were_declared(tmp_path: Path) -> None:
    from trueup.config.params import read_file

    params = {"main": {"rate": 0.1, "on": "off", "n": None, "x": ["a", 1], "day": "2014-01-01"}}
    (tmp_path / "params.yaml").write_text(parameter_file(params))
    assert read_file(tmp_path / "params.yaml") == params


def test_git_ignores_what_the_store_keeps_and_nothing_else() -> None:
    stage = StageDraft("a", "x", outs=("m[1].bin", "kept"), metrics=("m.json",), in_git=("kept",))
    assert ignore_lines(Draft("p", "s", (stage,))) == [".trueup/", r"/m\[1\].bin"]


def test_lines_are_added_once_and_at_the_end() -> None:
    assert added_lines(None, ["a"]) == "a\n"
    assert added_lines("b", ["a", "b"]) == "b\na\n"
    assert added_lines("a\n", ["a"]) is None


def test_all_files_are_written_or_none(tmp_path: Path) -> None:
    (tmp_path / "ignore").write_text("mine\n")
    (tmp_path / "taken").write_text("mine\n")
    changes = [Change("new", "x", True), Change("ignore", "y", False), Change("taken", "z", True)]
    with pytest.raises(WrongUsage, match="taken is there already; nothing was changed"):
        write_all(tmp_path, changes)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "ignore": "mine\n",
        "taken": "mine\n",
    }


def test_an_example_is_copied_whole_into_an_empty_folder_only(tmp_path: Path) -> None:
    assert "flights" in example_names()
    target = tmp_path / "there" / "mine"
    copy_example("flights", target)
    assert load(target).name == "flights"
    assert not (target / ".trueup").exists()
    for path in target.glob("*.py"):
        ast.parse(path.read_text())
    with pytest.raises(WrongUsage, match="is not empty; nothing was copied"):
        copy_example("flights", target)
    with pytest.raises(WrongUsage, match="Did you mean 'flights'"):
        copy_example("flight", tmp_path / "x")


def test_results_that_lie_in_an_example_are_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "e"
    (source / "data").mkdir(parents=True)
    (source / "src").mkdir()
    for name in ("trueup.yaml", "trueup.lock", "data/x", "m.bin", "src/a.py"):
        (source / name).write_text("")
    (source / ".gitignore").write_text("# made\n/data/\n*.bin\n")
    monkeypatch.setattr("trueup.project.beginning.examples._sources", lambda: iter([source]))
    copied = copy_example("e", tmp_path / "copy")
    found = {path.relative_to(copied).as_posix() for path in copied.rglob("*")}
    assert found == {"trueup.yaml", ".gitignore", "src", "src/a.py"}
