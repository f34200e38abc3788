"""A project's file becomes records, or all its mistakes at once."""

from pathlib import Path

import pytest

from trueup.config.load import NoProject, find_root, load
from trueup.config.mistakes import SHOWN, ConfigInvalid
from trueup.config.records import Dependency, Output, Parameters, Resources
from trueup.config.units import Freeze, Hits, Rate
from trueup.errors import WrongUsage

DESIGN = (Path(__file__).parent / "whole.yaml").read_text("utf-8")


def mistakes(tmp_path: Path, text: str, name: str = "trueup.yaml") -> list[str]:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path)
    assert isinstance(caught.value, WrongUsage)
    return [str(mistake) for mistake in caught.value.mistakes]


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text, "utf-8")
    return root


def test_the_whole_grammar_is_read(tmp_path: Path) -> None:
    project = load(write(tmp_path, trueup_yaml=DESIGN))
    assert (project.name, project.store, project.file) == (
        "flights",
        ".trueup/store",
        "trueup.yaml",
    )
    assert list(project.stages) == ["prepare", "train"]
    assert project.keep == {"runs": 90 * 86400.0, "captures": 365 * 86400.0}
    model = project.models["flight-late"]
    assert model.loop.budget == Rate(4.0, 90 * 86400.0)
    assert model.loop.freeze == (Freeze("12-20", "01-02"),)
    assert model.loop.when[0].drift.windows == Hits(2, 3)
    assert model.gate.rules[2].each == "carrier"
    assert list(project.environments) == ["staging", "prod"]
    assert project.notify["oncall"].url.secret == "SLACK_URL"
    assert project.sources == ("trueup.yaml", "dvc.yaml")


def test_a_stage_has_normal_paths_and_places(tmp_path: Path) -> None:
    text = """
stages:
  train:
    cmd: [python train.py, echo done]
    wdir: sub
    deps: [../a/./b, x, {cmd: date}, {url: "https://example.org/d"}, {big: {external: true}}]
    params: [depth, other.toml: [k], whole.json: ]
    outs: [model: {persist: true}]
    metrics: [../m.json: {cache: false}]
    plots: [p.csv: {x: step, y: loss}]
    env: {A: 1, B: text, TOKEN: {secret: true}}
    secrets: [KEY]
    timeout: 1h
    retries: 2
    environment: python
    resources: {cpu: 2, gpu: 1, memory: 8G}
"""
    stage = load(write(tmp_path, trueup_yaml=text)).stages["train"]
    assert stage.cmd == ("python train.py", "echo done")
    assert [dep.name for dep in stage.deps] == [
        *("a/b", "sub/x", "cmd:date", "url:https://example.org/d", "sub/big"),
    ]
    assert stage.deps[4] == Dependency(path="sub/big", external=True, place=stage.deps[4].place)
    assert [(wanted.file, wanted.keys) for wanted in stage.params] == [
        *(("sub/params.yaml", ("depth",)), ("sub/other.toml", ("k",)), ("sub/whole.json", ())),
    ]
    assert [(out.path, out.kind, out.cache, out.persist) for out in stage.outs] == [
        ("sub/model", "out", True, True),
        ("m.json", "metrics", False, False),
        ("sub/p.csv", "plots", True, False),
    ]
    assert stage.outs[2].plot == {"x": "step", "y": "loss"}
    assert (stage.env, stage.secrets) == ({"A": "1", "B": "text"}, ("KEY", "TOKEN"))
    assert (stage.timeout_s, stage.retries, stage.environment) == (3600.0, 2, "python")
    assert stage.resources == Resources(2, 1, 8_000_000_000)
    assert str(stage.place) == "trueup.yaml:3:3 $.stages.train"
    assert str(stage.deps[1].place) == "trueup.yaml:6:22 $.stages.train.deps[1]"


def test_a_notebook_as_command_is_known_as_one(tmp_path: Path) -> None:
    text = "stages: {a: {cmd: n.ipynb, wdir: w}, b: {cmd: jupyter n.ipynb}}"
    stages = load(write(tmp_path, trueup_yaml=text)).stages
    assert (stages["a"].notebook, stages["b"].notebook) == ("w/n.ipynb", "")


def test_a_key_that_is_wrong_in_each_section_is_told_with_all_others(tmp_path: Path) -> None:
    text = """
projct: x
store: 3
stages:
  a: {cmd: x, dep: [y], retries: -1, timeout: soon}
  b: {cmd: 1, frozen: yes, resources: {memory: many}}
models:
  m:
    path: p
    task: binery
    gate: {confidence: 1.5, rules: [{metric: f1}, {at_least: 1}]}
    loop: {when: [{do: retrain}, {drift: {}, skew: {}, do: retrian}], freeze: [christmas]}
notify: {oncall: {url: {secert: X}}}
keep: {runs: 90}
"""
    found = mistakes(tmp_path, text)
    for wanted in [
        "trueup.yaml:2:1 $.projct: unknown key 'projct'. Did you mean 'project'?",
        "trueup.yaml:3:8 $.store: text is wanted, not 3. Put it in quotes.",
        "trueup.yaml:5:15 $.stages.a.dep: unknown key 'dep'. Did you mean 'deps'?",
        "$.stages.a.retries: a whole number at least 0 is wanted, not -1",
        "$.stages.a.timeout: a duration such as 90s, 1h, 2d or 1w is wanted, not 'soon'",
        "$.stages.b.cmd: text or a list is wanted, not 1",
        "$.stages.b.frozen: true or false is wanted, not 'yes'",
        "$.stages.b.resources.memory: a size such as",
        "$.models.m.task: 'binery' is not known here. Did you mean 'binary'?",
        "$.models.m.gate.confidence: a number above 0 and below 1 is wanted, not 1.5",
        "$.models.m.gate.rules[0]: none of at_least, at_most, versus, better is given",
        "$.models.m.gate.rules[1]: the key 'metric' is missing",
        "$.models.m.loop.when[0]: exactly one of drift, performance",
        "$.models.m.loop.when[1]: exactly one of drift, performance",
        "$.models.m.loop.when[1].do: 'retrian' is not known here. Did you mean 'retrain'?",
        "$.models.m.loop.freeze[0]: a span of days such as",
        "$.notify.oncall.url.secert: unknown key 'secert'. Did you mean 'secret'?",
        "$.keep.runs: a duration such as 90s, 1h, 2d or 1w is wanted, not 90",
    ]:
        assert any(wanted in one for one in found), (wanted, found)


def test_many_mistakes_are_counted_and_the_first_are_shown(tmp_path: Path) -> None:
    keys = "\n".join(f"wrong{i}: 1" for i in range(500))
    (tmp_path / "trueup.yaml").write_text(f"stages: {{a: {{cmd: x}}}}\n{keys}")
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path)
    assert len(caught.value.mistakes) == 500
    assert str(caught.value).count("unknown key") == SHOWN
    assert f"and {500 - SHOWN} more" in str(caught.value)


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ("{a: {cmd: x, outs: [../o]}}", "the output '../o' lies outside the project"),
        ("{a: {cmd: x, outs: [/tmp/o]}}", "the output '/tmp/o' lies outside the project"),
        ("{a: {cmd: x, outs: [.]}}", "the whole project cannot be an output"),
        ("{a: {cmd: x, outs: [.git/o]}}", "lies in .git"),
        ("{a: {cmd: x, outs: [trueup.yaml]}}", "trueup.yaml cannot be an output"),
        ("{a: {cmd: x, outs: ['']}}", "a path cannot be empty"),
        ('{a: {cmd: x, outs: ["a\\nb"]}}', "holds a control character"),
        ("{a: {cmd: x, outs: ['s3://b/o']}}", "an output cannot be a URL"),
        ("{a: {cmd: x, deps: ['ds://d']}}", "ds:// is not supported"),
        ("{a: {cmd: x, wdir: ..}}", "the working folder '..' lies outside"),
        ("{a: {cmd: x, outs: [o]}, b: {cmd: y, outs: [./o]}}", "stages 'a' and 'b' both make 'o'"),
        (
            "{a: {cmd: x, outs: [d]}, b: {cmd: y, metrics: [d/e/o]}}",
            "'d/e/o' of stage 'b' lies inside 'd' of stage 'a'",
        ),
        ("{a: {cmd: x, outs: [o], metrics: [o]}}", "the output 'o' stands twice in this stage"),
        ("{a: {cmd: x, outs: [o], deps: [o]}}", "reads 'o' and writes it too"),
        ("{a: {cmd: x, outs: [d/o], deps: [d]}}", "reads 'd' and writes 'd/o'"),
        ("{a: {cmd: ' '}}", "the command is empty"),
        ("{a: {cmd: []}}", "the command is empty"),
        ("{-a: {cmd: x}}", "the name '-a' begins with '-'"),
        ("{a@b: {cmd: x}}", "the stage name 'a@b' holds '@'"),
        ('{"a\\nb": {cmd: x}}', "holds a control character"),
        ("{' a': {cmd: x}}", "begins or ends with a space"),
        ("{1: {cmd: x}}", "a name must be text, not 1"),
        ("{a: {cmd: x, outs: [o: {checkpoint: true}]}}", "unknown key 'checkpoint'"),
        ("{a: {cmd: x, secrets: [a b]}}", "text that can name an environment variable is wanted"),
        ("{a: {foreach: [1], do: {cmd: x}, deps: [y]}}", "unknown key 'deps'"),
        ("{a: {foreach: [1], do: {cmd: x, matrix: {b: [1]}}}}", "unknown key 'matrix'"),
        ("{a: {cmd: 'x ${nme}'}}", "nothing is called 'nme'. Did you mean 'name'?"),
        ("{a: {cmd: 'x ${}'}}", "'${}' is no path such as"),
        ("{a: {cmd: x, deps: ['${layers}']}}", "'${layers}' is a list, which cannot stand here"),
        ("{a: {cmd: x, timeout: '${name}'}}", "a duration such as"),
        (
            "{a: {cmd: x, matrix: {p: &p [1, 2, 3, 4, 5, 6], q: *p, r: *p, s: *p, t: *p, u: *p}}}",
            "the matrix has 46,656 combinations",
        ),
        ("[a]", "a mapping is wanted, not a list"),
        ("", "the pipeline has no stages"),
        ("{a: {foreach: [], do: {cmd: x}}}", "the pipeline has no stages"),
    ],
)
def test_a_stage_that_cannot_be_is_refused(tmp_path: Path, stages: str, said: str) -> None:
    (tmp_path / "params.yaml").write_text("name: us\nlayers: [1, 2]\n")
    found = mistakes(tmp_path, f"stages: {stages}")
    assert len(found) == 1, found
    assert said in found[0]
    assert found[0].startswith("trueup.yaml:1:")


@pytest.mark.parametrize("name", ["a b", "Größe", "a.b", "1a", "日本", "a\u3000b"])
def test_unusual_names_and_paths_are_names_and_paths(tmp_path: Path, name: str) -> None:
    text = f"stages: {{'{name}': {{cmd: x, outs: ['{name} o', '-o']}}}}"
    stages = load(write(tmp_path, trueup_yaml=text)).stages
    assert [out.path for out in stages[name].outs] == [f"{name} o", "-o"]


def test_templates_fill_trueups_own_keys_with_the_right_types(tmp_path: Path) -> None:
    text = """
stages:
  a:
    matrix: {n: [1, 2]}
    cmd: x
    retries: ${item.n}
    timeout: ${slow}
    env: {FLAG: "${flag}", LR: "${lr}"}
    outs: ["o${item.n}"]
    resources: {gpu: "${item.n}"}
"""
    params = "slow: 90s\nflag: true\nlr: 1e-3\n"
    stages = load(write(tmp_path, trueup_yaml=text, params_yaml=params)).stages
    assert list(stages) == ["a@1", "a@2"]
    stage = stages["a@2"]
    assert (stage.retries, stage.timeout_s, stage.resources.gpu) == (2, 90.0, 2)
    assert stage.env == {"FLAG": "true", "LR": "0.001"}


def test_more_stages_than_anybody_means_are_refused_quickly(tmp_path: Path) -> None:
    one = "{matrix: {p: *p, q: *p, r: *p}, cmd: x}"
    stages = ", ".join(f"s{i}: {one}" for i in range(1000))
    text = f"vars: [{{p: &p [{', '.join(map(str, range(27)))}]}}]\nstages: {{{stages}}}"
    found = mistakes(tmp_path, text)
    assert "more than 20,000 stages" in found[0]


def test_one_mistake_in_a_template_is_told_once_however_many_stages_it_makes(
    tmp_path: Path,
) -> None:
    text = "stages:\n  a:\n    foreach: [1, 2, 3]\n    do:\n      cmd: x\n      deps: ['${no}']\n"
    found = mistakes(tmp_path, text)
    assert len(found) == 1
    assert "trueup.yaml:6:14 $.stages.a.do.deps[0]: nothing is called 'no'" in found[0]


def test_a_project_with_only_a_dvc_yaml_runs_as_it_is(tmp_path: Path) -> None:
    text = "stages: {a: {cmd: x}}\nmetrics: [m.json]\nplots: [p, q: {x: a}]\nparams: [p.toml]\n"
    project = load(write(tmp_path, dvc_yaml=text + "artifacts: {m: {path: m}}\n"))
    assert (project.file, project.metrics) == ("dvc.yaml", ("m.json",))
    assert project.plots == ("p", {"q": {"x": "a"}})
    assert project.params == ("params.yaml", "p.toml")
    assert project.artifacts == {"m": {"path": "m"}}


def test_a_trueup_yaml_without_stages_takes_those_of_the_dvc_yaml(tmp_path: Path) -> None:
    write(tmp_path, trueup_yaml="project: x\n", dvc_yaml="stages: {a: {cmd: 'x ${k}'}}\n")
    project = load(write(tmp_path, params_yaml="k: 1\n"))
    assert (project.name, project.stages["a"].cmd) == ("x", ("x 1",))
    assert project.sources[:3] == ("trueup.yaml", "dvc.yaml", "params.yaml")


def test_stages_in_both_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path, dvc_yaml="stages: {a: {cmd: x}}\n")
    found = mistakes(tmp_path, "stages: {b: {cmd: x}}\n")
    assert "stages stand in trueup.yaml and in dvc.yaml" in found[0]


@pytest.mark.parametrize("key", ["models: {}", "store: x", "project: y"])
def test_a_dvc_yaml_has_no_sections_of_trueup(tmp_path: Path, key: str) -> None:
    found = mistakes(tmp_path, f"stages: {{a: {{cmd: x}}}}\n{key}\n", "dvc.yaml")
    assert "unknown key" in found[0]


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "format: 2\nstages: {a: {cmd: x}}\n")
    assert "newer" in found[0]


@pytest.mark.parametrize("name", ["a/b", "3", "a@b", "-m"])
def test_a_model_cannot_have_a_name_that_means_something_else(tmp_path: Path, name: str) -> None:
    found = mistakes(tmp_path, f"stages: {{a: {{cmd: x}}}}\nmodels: {{'{name}': {{path: p}}}}")
    assert "$.models" in found[0]


def test_the_nearest_project_upward_wins(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    write(tmp_path, trueup_yaml="stages: {}")
    assert find_root(inner) == tmp_path
    write(tmp_path / "a", dvc_yaml="stages: {}")
    assert find_root(inner) == tmp_path / "a"


def test_no_project_anywhere_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(NoProject, match="trueup init"):
        load(tmp_path)


def test_a_project_without_stages_loads_where_that_is_asked_for(tmp_path: Path) -> None:
    project = load(write(tmp_path, trueup_yaml=""), empty_ok=True)
    assert project.stages == {}


def test_a_broken_parameter_file_is_named_only_where_templates_need_it(tmp_path: Path) -> None:
    write(tmp_path, params_yaml="a: [")
    assert load(write(tmp_path, trueup_yaml="stages: {a: {cmd: x}}"))
    found = mistakes(tmp_path, "stages: {a: {cmd: 'x ${a}'}}")
    assert found == [found[0]]
    assert found[0].startswith("params.yaml:2:1 $: YAML")


def test_the_same_output_twice_with_the_same_options_is_one(tmp_path: Path) -> None:
    text = "stages: {a: {cmd: x, outs: [o, ./o], params: [k, k], deps: [d, d]}}"
    stage = load(write(tmp_path, trueup_yaml=text)).stages["a"]
    assert stage.outs == (Output("o", place=stage.outs[0].place),)
    assert stage.params == (Parameters("params.yaml", ("k",), stage.params[0].place),)
    assert len(stage.deps) == 1


def test_an_output_may_lie_outside_where_that_is_said(tmp_path: Path) -> None:
    text = "stages: {a: {cmd: x, outs: [/data/big: {external: true}]}}"
    assert load(write(tmp_path, trueup_yaml=text)).stages["a"].outs[0].path == "/data/big"


def test_an_absolute_path_inside_the_project_is_a_relative_one(tmp_path: Path) -> None:
    text = f"stages: {{a: {{cmd: x, deps: ['{tmp_path}/d'], outs: ['{tmp_path}/o/../p']}}}}"
    stage = load(write(tmp_path, trueup_yaml=text)).stages["a"]
    assert (stage.deps[0].path, stage.outs[0].path) == ("d", "p")
