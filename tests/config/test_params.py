"""Parameters are read from four kinds of files, selected, and changed in place."""

import json
import resource
from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from trueup.config.edit_yaml import written
from trueup.config.edits import value_of
from trueup.config.mistakes import ConfigInvalid
from trueup.config.params import (
    MissingParameter,
    flatten,
    read_file,
    read_text,
    select,
    select_all,
    set_value,
)
from trueup.config.records import Parameters, Place
from trueup.errors import WrongUsage

YAML = """# what we train with
train:   # all of it
  depth: 5   # how deep
  name: "x y"
  layers: [1, 2, 3] # sizes
  steps:
    - a   # first
    - {b: 1, c: 2}
  text: |
    hello
    world
  empty:
  opt: {lr: 1e-3, }
base: &b
  k: 1
child:
  <<: *b
  z: *b
list:
- 1
- 2
last: x"""
JSON = '{\n  "train": {"depth": 5, "l": [1, 2]},\n  "x": "y",\n  "e": {}\n}\n'
TOML = """# c
title = "x" # t
a.b = 1
[train]
depth = 5   # d
opt = { lr = 0.1, "q r" = [1, 2,
 3 ] }
s = \"\"\"multi
"line" \"\"\"
[train.deep]
v = 2001-01-01
[[arr]]
n = 1
[[arr]]
n = 2
"""
PYTHON = """import os
A = 1  # a
class Train:
    depth = 5
    opts = {"lr": 0.1, "é": [1, 2]}
    def __init__(self):
        self.k = "v"
C = os.getcwd()
D = {"x": (1, 2)}
"""

CHANGES = [
    (YAML, "p.yaml", "train.depth", "1e-3", "depth: 5 ", "depth: 1e-3 "),
    (YAML, "p.yaml", "train.name", "it is: so", '"x y"', '"it is: so"'),
    (YAML, "p.yaml", "train.layers", "[4, on]", "[1, 2, 3]", "[4, on]"),
    (YAML, "p.yaml", "train.layers.-1", "9", "2, 3]", "2, 9]"),
    (YAML, "p.yaml", "train.steps.1.c", "010", "c: 2}", "c: 010}"),
    (YAML, "p.yaml", "train.text", "short", "|\n    hello\n    world", "short"),
    (YAML, "p.yaml", "train.empty", "5", "empty:", "empty: 5"),
    (YAML, "p.yaml", "child.z", "4", "z: *b", "z: 4"),
    (YAML, "p.yaml", "list", "7", "list:\n- 1\n- 2", "list: 7"),
    (YAML, "p.yaml", "last", '"7"', "last: x", 'last: "7"'),
    (YAML, "p.yaml", "last", "", "last: x", "last: null"),
    (YAML, "p.yaml", "+train.new", "8", "1e-3, }\n", "1e-3, }\n  new: 8\n"),
    (YAML, "p.yaml", "+train.opt.x", "8", "1e-3, }", "1e-3, x: 8}"),
    (YAML, "p.yaml", "+train.empty.q.r", "8", "empty:", "empty: {q: {r: 8}}"),
    (YAML, "p.yaml", "+new.inside", "[a]", "last: x", "last: x\nnew: {inside: [a]}"),
    ("", "p.yaml", "+a.b", "1", "", "a: {b: 1}\n"),
    ("a:\r\n  b: 1\r\n", "p.yaml", "+a.c", "2", "b: 1\r\n", "b: 1\r\n  c: 2\r\n"),
    (JSON, "p.json", "train.depth", "1e-3", "5", "1e-3"),
    (JSON, "p.json", "x", "on", '"y"', '"on"'),
    (JSON, "p.json", "train.l.1", "null", "2]", "null]"),
    (JSON, "p.json", "+e.z", "true", "{}", '{"z": true}'),
    (JSON, "p.json", "+new", "[1, a]", "{}\n", '{},\n  "new": [1, "a"]\n'),
    ("", "p.json", "+a", "1", "", '{"a": 1}\n'),
    (TOML, "p.toml", "title", 'hé"y', '"x"', '"hé\\"y"'),
    (TOML, "p.toml", "a.b", "2", "a.b = 1", "a.b = 2"),
    (TOML, "p.toml", "train.depth", "1e-3", "depth = 5", "depth = 1e-3"),
    (TOML, "p.toml", "train.opt.q r.2", "9", " 3 ]", " 9 ]"),
    (TOML, "p.toml", "train.deep.v", "2020-02-02", "2001-01-01", "2020-02-02"),
    (TOML, "p.toml", "arr.1.n", "7", "n = 2", "n = 7"),
    (TOML, "p.toml", "+train.new", "[1, a]", "[train]\n", '[train]\nnew = [1, "a"]\n'),
    (TOML, "p.toml", "+new", ".inf", "# c\n", "new = inf\n# c\n"),
    (PYTHON, "p.py", "A", "2", "A = 1", "A = 2"),
    (PYTHON, "p.py", "Train.opts.é.1", "on", "2]", "'on']"),
    (PYTHON, "p.py", "Train.k", "w", '"v"', "'w'"),
    (PYTHON, "p.py", "D.x.0", "7", "(1, 2)", "(7, 2)"),
]


@pytest.mark.parametrize(("text", "name", "key", "value", "old", "new"), CHANGES)
def test_one_value_changes_and_every_other_character_stays(
    tmp_path: Path, text: str, name: str, key: str, value: str, old: str, new: str
) -> None:
    file = tmp_path / name
    file.write_bytes(text.encode())
    set_value(file, key, value)
    assert file.read_bytes().decode() == text.replace(old, new, 1)
    assert select(read_file(file), key.lstrip("+")) == value_of(value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("text", "name", "key", "said"),
    [
        (YAML, "p.yaml", "train.dept", "Did you mean 'train.depth'?"),
        (YAML, "p.yaml", "depth", "Did you mean 'train.depth'?"),
        (YAML, "p.yaml", "zzz", "write: --set +zzz=7"),
        (YAML, "p.yaml", "child.k", "it comes from an alias or a merge"),
        (YAML, "p.yaml", "base", "the file would not be readable any more"),
        (YAML, "p.yaml", "base.k", "another value would change with it"),
        (YAML, "p.yaml", "+train.depth.x", "inside something that is no mapping"),
        ("- 1", "p.yaml", "+a", "inside something that is no mapping"),
        (TOML, "p.toml", "train", "it is a whole table"),
        (PYTHON, "p.py", "Train", "it is no single literal"),
        (PYTHON, "p.py", "C", "has no parameter 'C'"),
        (PYTHON, "p.py", "+Z", "names are added to a Python file by hand"),
        ("a: [", "p.yaml", "a", "YAML"),
    ],
)
def test_a_change_that_cannot_be_made_leaves_the_file_alone(
    tmp_path: Path, text: str, name: str, key: str, said: str
) -> None:
    file = tmp_path / name
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigInvalid) as caught:
        set_value(file, key, "7")
    assert said in str(caught.value)
    assert file.read_text("utf-8") == text
    assert [path.name for path in tmp_path.iterdir()] == [name]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6)
LEAVES = st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | WORDS
NAMES = st.text("abcxyz_1", min_size=1, max_size=4)
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)


def leaves(tree: Any, before: str = "") -> list[str]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found = []
    for key, value in pairs:
        found.append(f"{before}{key}")
        if isinstance(value, dict | list):
            found += leaves(value, f"{before}{key}.")
    return found


@given(TREES, st.data(), LEAVES, st.sampled_from(["block", "flow", "json"]))
def test_whatever_is_set_is_read_back_and_nothing_else_has_changed(
    tmp_path_factory: pytest.TempPathFactory, tree: Any, chosen: st.DataObject, new: Any, how: str
) -> None:
    name = "p.json" if how == "json" else "p.yaml"
    if how == "json":
        text = json.dumps(tree, indent=1)
    else:
        text = pyyaml.safe_dump(tree, default_flow_style=how == "flow", allow_unicode=True)
    before = read_text(text, name)
    key = chosen.draw(st.sampled_from(leaves(before)))
    typed = written(new)
    file = tmp_path_factory.mktemp("set") / name
    file.write_text(text, "utf-8")
    set_value(file, key, typed)
    after = read_file(file)
    assert repr(select(after, key)) == repr(value_of(typed))
    for other in leaves(before):
        apart = not (f"{other}.").startswith(f"{key}.") and not f"{key}.".startswith(f"{other}.")
        assert not apart or repr(select(after, other)) == repr(select(before, other))


def test_a_change_keeps_the_files_mode_and_the_link_that_leads_to_it(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "params.yaml"
    real.write_text("a: 1\n")
    real.chmod(0o640)
    link.symlink_to(real)
    set_value(link, "a", "2")
    assert link.is_symlink()
    assert (real.read_text(), real.stat().st_mode & 0o777) == ("a: 2\n", 0o640)


def test_a_disk_that_takes_no_more_leaves_the_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("a: 1\nb: 2\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, hard))
    try:
        with pytest.raises(WrongUsage, match="cannot be written"):
            set_value(file, "a", "2")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_text() == "a: 1\nb: 2\n"
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("8", 8), ("1e-3", 0.001), ("on", "on"), ("true", True), ("", None), ("'8'", "8")),
        *(("[1, on]", [1, "on"]), ("{a: 1e3}", {"a": 1000.0}), ("a: b", "a: b"), ("# x", "# x")),
        ("2001-13-40", "2001-13-40"),
    ],
)
def test_a_text_on_the_command_line_is_a_yaml_value(text: str, value: Any) -> None:
    assert value_of(text) == value


def test_a_missing_parameter_is_told_with_the_stages_place_and_the_nearest_name() -> None:
    wanted = Parameters("params.yaml", ("train.dept", "seed", "zzz"), Place("dvc.yaml", 3, 9, "$"))
    with pytest.raises(MissingParameter) as caught:
        select_all({"train": {"depth": 1}, "seed": 2}, wanted)
    first, second = caught.value.mistakes
    assert "Did you mean 'train.depth'?" in first.remedy
    assert str(first).startswith("dvc.yaml:3:9 $: params.yaml has no parameter 'train.dept'")
    assert "'zzz'" in second.problem


def test_keys_lead_through_mappings_and_lists() -> None:
    tree = {"a": [{"b": 1}, 2], 10: "ten", "c": {"d": None}}
    assert select(tree, "a.0.b") == 1
    assert select(tree, "10") == "ten"
    assert select(tree, "c.d") is None
    assert select_all(tree, Parameters("p.yaml")) == tree
    assert select_all(tree, Parameters("p.yaml", ("c", "a.1"))) == {"c": {"d": None}, "a.1": 2}
    with pytest.raises(MissingParameter):
        select(tree, "a.2")


def test_flattening_names_every_value() -> None:
    tree = {"a": {"b": 1, "c": {}}, "d": [1]}
    assert flatten(tree) == {"a.b": 1, "a.c": {}, "d": [1]}


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("p.json", '{"a": 1,}', "p.json:1:9 $"),
        ("p.json", "[" * 100_000, "p.json:1:1 $"),
        ("p.json", "[" * 500 + "]" * 500, "p.json:1:1 $"),
        ("p.json", "9" * 5000, "p.json:1:1 $"),
        ("p.toml", "a = 1\nb = \n", "p.toml:2:5 $"),
        ("p.py", "a = 1\nb = (\n", "p.py:2:5 $"),
        ("p.py", "a = 1\0", "p.py:1:1 $"),
        ("p.yaml", "a: 1\na: 2", "p.yaml:2:1 $.a"),
    ],
)
def test_a_broken_file_is_one_clear_error(name: str, text: str, place: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read_text(text, name)
    assert caught.value.place == place


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"conf/p\.yaml.*No such file"):
        read_file(tmp_path / "p.yaml", shown_as="conf/p.yaml")


def test_a_python_file_is_never_run(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    text = f"open({str(trap)!r}, 'w')\nA = 1\nB = {{1, 2}}\nC = (1, (2,))\nfrom x import y\n"
    assert read_text(text, "p.py") == {"A": 1, "B": [1, 2], "C": [1, [2]]}
    assert not trap.exists()


@pytest.mark.parametrize("text", ["", "~", "# nothing", "{}", "[]"])
def test_an_empty_file_has_no_parameters(text: str) -> None:
    assert read_text(text, "p.yaml") == {}
