"""DVC and ruamel.yaml themselves as the oracle of what a project file means."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.config.load import load
from trueup.config.mistakes import ConfigInvalid
from trueup.config.params import MISSING, lookup, read_text
from trueup.config.records import Stage
from trueup.config.yaml import parse

pytestmark = pytest.mark.oracle

WORDS = [
    *("1e-3", "1E5", "1e+5", "1.e3", ".5", "1.", "-.5", "+1", "1_000", "1_000.5", "_1", "010"),
    *("0o10", "0O10", "08", "0x1F", "0X1F", "-0x1F", "0b11", "-0o7", ".inf", "-.inf", "+.inf"),
    *(".INF", ".nan", ".NaN", "nan", "inf", "~", "null", "Null", "NULL", "", "on", "off", "yes"),
    *("no", "y", "n", "true", "True", "TRUE", "tRUE", "2001-01-01", "2001-01-01 10:00:00"),
    *("2001-01-01T10:00:00.1234567", "2001-1-1", "2001-1-1 1:00:00", "12:30:45", "1:20"),
    *("190:20:30.15", "1__0", "0x", "0o", "1e", "e3", ".", "+", "1.2.3", "0.", "00", "-0", "+0"),
    *("-0.0", "1e400", "9" * 40, "0b", "0_1", "0x_1", "1_", ".e5", ".5e3", ".5e+3", "12e03"),
    *("1.5e", "685.230_15e+03", "0.1_0", "-_1", "2001-13-40", "!!str 1", '!!int "3"', "!!int 010"),
    *('!!float "1e-3"', "!!float 3", "!!bool yes", "!!null x", "! 1", "!foo x", "'1'", '"on"'),
    *("[1, on]", "{a: 1e-3}", "&x 1", "*x", "1 # c", "a: b", "@x", "'it''s'", '"\\u00e9"'),
]
TEXTS = [
    *("a: 1\na: 2", "<<: {a: 1}\na: 2", "x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3"),
    "x: &x {a: 1}\nz: &z {a: 2, c: 3}\ny:\n  <<: [*x, *z]\n",
    *("y:\n  <<: 3", '"<<": {a: 1}', "1: a\n'1': b", "1: a\n1.0: b", "~: 1", "a: |\n  x\n  y\n"),
    *(
        "a: >-\n x\n y\n",
        "",
        "# c",
        "- 1\n- 2",
        "a: [b: 1, c]",
        "? a\n: b",
        "--- \na: 1\n---\nb: 1",
    ),
    "x: &x {a: 1}\n<<: *x\n<<: *x",
]


class Oracle:
    """DVC in a process of its own."""

    def __init__(self, python: Path, home: Path) -> None:
        env = os.environ | {"HOME": str(home), "DVC_NO_ANALYTICS": "1"}
        env["DVC_SITE_CACHE_DIR"] = str(home / "site")
        side = Path(__file__).with_name("dvc_side.py")
        self.process = subprocess.Popen(
            [python, side],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            text=True,
        )

    def ask(self, what: str, *of: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"ask": what, "of": of}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def oracle(dvc: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    asked = Oracle(dvc.with_name("python"), tmp_path_factory.mktemp("home"))
    yield asked
    assert asked.process.stdin
    assert asked.process.stdout
    asked.process.stdin.close()
    asked.process.wait(timeout=30)
    asked.process.stdout.close()


def ours(text: str) -> str:
    try:
        return repr(parse(text, "params.yaml").value)
    except ConfigInvalid:
        return "refused"


def test_every_corner_of_a_word_is_read_as_ruamel_reads_it(oracle: Oracle) -> None:
    texts = [*(f"a: {word}" for word in WORDS), *TEXTS]
    theirs = oracle.ask("words", texts)
    differing = [
        (text, theirs[i], ours(text)) for i, text in enumerate(texts) if theirs[i] != ours(text)
    ]
    assert differing == []


@settings(max_examples=10)
@given(st.lists(st.from_regex(r"[-+0-9_.:eExXobTZ]{1,12}", fullmatch=True), min_size=200))
def test_whatever_looks_like_a_number_is_read_as_ruamel_reads_it(
    oracle: Oracle, words: list[str]
) -> None:
    texts = [f"a: {word}" for word in words]
    theirs = oracle.ask("words", texts)
    for text, their in zip(texts, theirs, strict=True):
        if their != "refused":  # ruamel stumbles over words such as -_ that are text to us
            assert ours(text) == their, text


def described(stage: Stage) -> dict[str, Any]:
    return {
        "cmd": list(stage.cmd),
        "wdir": stage.wdir,
        "deps": sorted(dep.path for dep in stage.deps),
        "params": {wanted.file: sorted(wanted.keys) for wanted in stage.params},
        "outs": {out.path: [out.kind, out.cache, out.persist, out.push] for out in stage.outs},
        "frozen": stage.frozen,
        "always_changed": stage.always_changed,
        "desc": stage.desc,
    }


PARAMS = """
train: {depth: 8, lr: 1e-3, on: on, layers: [16, 32], opt: {name: adam w, nesterov: true}}
flags: [true, false]
sizes: [1, 2.5, big]
none: ~
models: {us: {n: 1}, gb: {n: 2}, 3: {n: 3}}
name: café
"""
# each: a dvc.yaml, and further files of its project
PROJECTS: dict[str, tuple[str, dict[str, str]]] = {
    "plain": ("stages: {a: {cmd: echo, deps: [x, ./y/../z], outs: [o, d/]}}", {}),
    "a list of commands": ("stages: {a: {cmd: [echo 1, 'echo ${train.depth}']}}", {}),
    "outputs with options": (
        "stages: {a: {cmd: c, outs: [x: {cache: false, persist: true}, y: {push: false}],"
        " metrics: [m: {cache: false}], plots: [p: {x: a, y: b, header: false}, q]}}",
        {},
    ),
    "several outputs in one item": (
        "stages: {a: {cmd: c, outs: [{x: {cache: false}, y: {}}]}}",
        {},
    ),
    "params": (
        "stages: {a: {cmd: c, params: [train.depth, train, other.json: [k, l], whole.toml: ,"
        " train.depth]}}",
        {},
    ),
    "the whole default file": ("stages: {a: {cmd: c, params: [x, params.yaml: ]}}", {}),
    "wdir": (
        "stages: {a: {cmd: c, wdir: sub/dir, deps: [x, ../y], outs: [o], params: [p]}}",
        {"sub/dir/x": "", "sub/y": ""},
    ),
    "a filled wdir": ("stages: {a: {cmd: c, wdir: '${train.opt.name}', outs: [o]}}", {}),
    "values in texts": (
        "stages: {a: {cmd: 'x ${train.depth} ${train.lr} ${train.on} ${train.layers[1]} "
        "${ train.opt.nesterov } ${none} ${name} ${train.layers[-1]} ${sizes.1}'}}",
        {},
    ),
    "an escape": (r"stages: {a: {cmd: 'x \${HOME} ${train.depth}', desc: '\${y}'}}", {}),
    "a mapping in a command": ("stages: {a: {cmd: 'x ${train}'}}", {}),
    "a list in a command": ("stages: {a: {cmd: 'x ${sizes}'}}", {}),
    "a mapping alone": ("stages: {a: {cmd: x, deps: ['${train}']}}", {}),
    "a mapping with DVC's other options": (
        "stages: {a: {cmd: 'x ${train}'}}",
        {
            ".dvc/config": "[core]\n    no_scm = True\n"
            "[parsing]\n    bool = boolean_optional\n    list = append\n"
        },
    ),
    "filled outputs": ("stages: {a: {cmd: x, outs: ['${name}.txt': {cache: false}]}}", {}),
    "inline vars": ("vars: [{q: {r: 1}}, {q: {s: 2}}]\nstages: {a: {cmd: 'x ${q.r}${q.s}'}}", {}),
    "vars that clash": ("vars: [{name: 1}]\nstages: {a: {cmd: 'x ${name}'}}", {}),
    "vars from files": (
        "vars: [v.json, w.toml:k, 'p.py:A,B']\nstages: {a: {cmd: 'x ${j} ${k.l} ${A} ${B.c}'}}",
        {"v.json": '{"j": 1}', "w.toml": "k.l = 2\nz = 1", "p.py": "A = 3\nclass B:\n  c = 4\n"},
    ),
    "params.yaml once more": ("vars: [params.yaml]\nstages: {a: {cmd: 'x ${name}'}}", {}),
    "part of what is loaded": ("vars: ['params.yaml:name']\nstages: {a: {cmd: x}}", {}),
    "vars of a stage": (
        "stages: {a: {cmd: 'x ${k}', wdir: sub, vars: [v.yaml]}, b: {cmd: y}}",
        {"sub/v.yaml": "k: 5"},
    ),
    "vars of a stage are its own": (
        "stages: {a: {cmd: x, vars: [{k: 1}]}, b: {cmd: 'x ${k}'}}",
        {},
    ),
    "vars with templates": ("vars: ['${name}']\nstages: {a: {cmd: x}}", {}),
    "a missing file of vars": ("vars: [none.yaml]\nstages: {a: {cmd: 'x'}}", {}),
    "a missing name": ("stages: {a: {cmd: 'x ${nme}'}}", {}),
    "an empty name": ("stages: {a: {cmd: 'x ${}'}}", {}),
    "a broken name": ("stages: {a: {cmd: 'x ${a..b}'}}", {}),
    "foreach over a list": (
        "stages: {a: {foreach: [us, 1, true, 2.50], do: {cmd: 'x ${item}', outs: ['o${item}']}}}",
        {},
    ),
    "foreach over a list of mappings": (
        "stages: {a: {foreach: [{n: 1}, {n: 2}], do: {cmd: 'x ${item.n}'}}}",
        {},
    ),
    "foreach over a mapping": (
        "stages: {a: {foreach: {us: {n: 1}, 2: {n: 2}}, do: {cmd: 'x ${key} ${item.n}'}}}",
        {},
    ),
    "foreach over variables": (
        "stages: {a: {foreach: '${models}', do: {cmd: 'x ${key} ${item.n}'}},"
        " b: {foreach: '${flags}', do: {cmd: 'y ${item}'}},"
        " c: {foreach: '${sizes}', do: {cmd: 'z ${item}'}}}",
        {},
    ),
    "foreach over a list with variables": (
        "stages: {a: {foreach: ['${train.depth}', x-${name}, '${flags[0]}'],"
        " do: {cmd: 'x ${item}'}}}",
        {},
    ),
    "foreach over a word": ("stages: {a: {foreach: '${name}', do: {cmd: x}}}", {}),
    "foreach with vars": (
        "stages: {a: {foreach: [1], do: {cmd: 'x ${item} ${k}', vars: [{k: 2}]}}}",
        {},
    ),
    "foreach with a reserved name": (
        "stages: {a: {foreach: [1], do: {cmd: 'x ${item}', vars: [{item: 2}]}}}",
        {},
    ),
    "foreach hides a variable": (
        "vars: [{item: 9}]\nstages: {a: {foreach: [1], do: {cmd: 'x ${item}'}},"
        " b: {cmd: 'x ${item}'}}",
        {},
    ),
    "matrix": (
        "stages: {a: {matrix: {os: [linux, mac], py: [3.12, '3.13', true], m: [{n: 1}, [2]]},"
        " cmd: 'x ${item.os} ${item.py} ${key}', outs: ['${key}.txt']}}",
        {},
    ),
    "matrix over variables": (
        "stages: {a: {matrix: {f: '${flags}', l: ['${train.opt}', z], s: '${sizes}'},"
        " cmd: 'x ${item.f} ${item.s}'}}",
        {},
    ),
    "other keys": (
        "stages: {a: {cmd: x, frozen: true, always_changed: true, desc: d, meta: {k: [1]}}}",
        {},
    ),
    "an unknown key": ("stages: {a: {cmd: x, dep: [y]}}", {}),
    "an unknown section": ("stage: {a: {cmd: x}}", {}),
    "no command": ("stages: {a: {deps: [y]}}", {}),
    "a number as a dependency": ("stages: {a: {cmd: x, deps: [1]}}", {}),
    "a text as a list": ("stages: {a: {cmd: x, deps: y}}", {}),
    "yes as a truth": ("stages: {a: {cmd: x, frozen: yes}}", {}),
    "an output of two stages": ("stages: {a: {cmd: x, outs: [o]}, b: {cmd: y, outs: [o]}}", {}),
    "an output inside another": (
        "stages: {a: {cmd: x, outs: [d]}, b: {cmd: y, outs: [d/o]}}",
        {},
    ),
    "an output that is read": ("stages: {a: {cmd: x, deps: [o], outs: [o]}}", {}),
    "foreach without do": ("stages: {a: {foreach: [1], cmd: x}}", {}),
    "top-level sections": (
        "params: [p.yaml]\nmetrics: [m.json]\nplots: [q, r: {x: a}]\n"
        "artifacts: {model: {path: m, type: model}}\nstages: {a: {cmd: x}}",
        {"p.yaml": "a: 1", "m.json": "{}"},
    ),
}


@pytest.mark.parametrize("name", PROJECTS)
def test_stages_come_out_as_in_dvc(oracle: Oracle, name: str, tmp_path: Path) -> None:
    text, others = PROJECTS[name]
    files = {"dvc.yaml": text, "params.yaml": PARAMS, **others}
    theirs = oracle.ask("stages", files)
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content, "utf-8")
    if "refused" in theirs:
        with pytest.raises(ConfigInvalid):
            load(tmp_path)
        return
    stages = {stage: described(found) for stage, found in load(tmp_path).stages.items()}
    assert stages == theirs["stages"]


FILES = {
    "p.yaml": "a: {b: [1, {c: 1e-3}], 2: x, on: on}\nd: ~\n'e.f': 1\n010: q\n",
    "p.json": '{"a": {"b": [1, {"c": 0.001}], "2": "x"}, "d": null}',
    "p.toml": "d = 1\n[a]\nb = [1, {c = 1e-3}]\n2 = 'x'\n",
    "p.py": "d = -1\nclass a:\n  b = [1, {'c': 1e-3}]\n  def __init__(self):\n    self.e = 'x'\n"
    "f = open\ng = 1 + 1\nh: int = 5\ni = j = 6\n",
}


@pytest.mark.parametrize("name", FILES)
def test_parameters_are_the_values_that_dvc_reads(oracle: Oracle, name: str) -> None:
    keys = ["a", "a.b", "a.b.0", "a.b.1.c", "a.2", "a.on", "d", "e.f", "10", "a.e", "f", "g", "h"]
    keys += ["a.b.2", "i", "none", "a.b.c"]
    theirs = oracle.ask("values", name, FILES[name], keys)["values"]
    tree = read_text(FILES[name], name)
    found = {key: lookup(tree, key) for key in keys}
    assert {key: repr(value) for key, value in found.items() if value is not MISSING} == theirs
