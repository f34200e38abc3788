"""What init finds in sources, without running anything."""

import json
from textwrap import dedent

import pytest

from trueup.project.beginning.findings import Draft, Listing, StageDraft, Touched
from trueup.project.beginning.looking import look
from trueup.project.beginning.proposing import propose
from trueup.project.beginning.sources import NotPython, touched_by

PARAMS = "data: {raw: in/raw.csv}\ntrain: {depth: 3, name: tree}\nseed: 1\n"


def listed(texts: dict[str, str], *others: str) -> Listing:
    texts = {path: dedent(text) for path, text in texts.items()}
    return Listing(frozenset([*texts, *others]), texts)


def touched(source: str, *others: str, path: str = "step.py", **texts: str) -> Touched:
    named = {name.replace("__", "/") + ".py": text for name, text in texts.items()}
    return touched_by(path, listed({path: source, "params.yaml": PARAMS, **named}, *others))


def proposed(texts: dict[str, str], *others: str) -> Draft:
    return propose(look(listed(texts, *others), "demo"))


def stage_of(draft: Draft, name: str) -> StageDraft:
    (found,) = (stage for stage in draft.stages if stage.name == name)
    return found


def a_notebook(*sources: str, language: str = "python") -> str:
    cells = [{"cell_type": "code", "source": source, "metadata": {}} for source in sources]
    metadata = {"kernelspec": {"name": "k", "language": language}}
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": cells})


PANDAS = "import pandas as pd\n"
NUMPY = "import numpy as np\n"
PATHS = "from pathlib import Path\n"


@pytest.mark.parametrize(
    ("source", "reads", "writes"),
    [
        ("open('a.csv')", "a.csv", ""),
        ("open('a.txt', mode='w')", "", "a.txt"),
        ("with open('a.txt', 'ab') as f: pass", "", "a.txt"),
        (PANDAS + "pd.read_csv('a.csv').to_parquet('b.parquet')", "a.csv", "b.parquet"),
        (PANDAS + "pd.read_csv(filepath_or_buffer='a')", "a", ""),
        ("import polars as pl\npl.scan_csv('a.csv').sink_parquet(path='b')", "a.csv", "b"),
        (NUMPY + "np.save('x', np.load('y.npy'))", "y.npy", "x.npy"),
        (NUMPY + "np.savez_compressed('x.npz', a=1)", "", "x.npz"),
        ("from joblib import dump, load\ndump(load('m.skops'), 'n.skops')", "m.skops", "n.skops"),
        ("import skops.io as sio\nsio.dump(1, 'm.skops')", "", "m.skops"),
        ("import torch\ntorch.save({}, 'm.pt')", "", "m.pt"),
        ("import json\njson.dump({}, open('m.json', 'w'))", "", "m.json"),
        ("import pickle\nwith open('m.pkl', 'rb') as f: pickle.load(f)", "m.pkl", ""),
        (PATHS + "Path('a').joinpath('b.txt').write_text('x')", "", "a/b.txt"),
        (PATHS + "Path('b.txt').read_text()", "b.txt", ""),
        (PATHS + "(Path('o') / 'm.txt').open('w')", "", "o/m.txt"),
        (PATHS + "Path('a.csv').with_suffix('.txt').write_text('x')", "", "a.txt"),
        ("import os\nopen(os.path.join('a', 'b', 'c.txt'))", "a/b/c.txt", ""),
        ("import shutil\nshutil.copy('a', 'b')", "a", "b"),
        ("import matplotlib.pyplot as plt\nplt.savefig('plots/roc.png')", "", "plots/roc.png"),
        ("import lightgbm as lgb\nlgb.Booster(model_file='m.txt')", "m.txt", ""),
        ("model.save_model('model')", "", "model"),
        ("for s in ['a', 'b']:\n    open(f'{s}.csv', 'w')", "", "a.csv b.csv"),
        ("for i in range(2):\n    open(f'{i}.csv', 'w')", "", "0.csv 1.csv"),
        ("[open(f'{n}.csv') for n in ('a', 'b')]", "a.csv b.csv", ""),
        ("D = 'x'\ndef go(p=D + '/y.csv'):\n    open(p)\ngo()", "x/y.csv", ""),
        ("def never():\n    open('a', 'w')", "", ""),
        ("x.to_numpy(); y.to_datetime('2013-01-01'); z.to_dict('records')", "", ""),
        ("df.to_csv(); df.to_string('%Y')", "", ""),
        ("open('a.csv', 'w')\nopen('a.csv')", "", "a.csv"),
        ("import os, sys\nsys.exit(os.system('rm -rf /'))", "", ""),
    ],
)
def test_reads_and_writes_are_found_by_the_names_that_libraries_give_them(
    source: str, reads: str, writes: str
) -> None:
    found = touched(source)
    assert (sorted(found.reads), sorted(found.writes)) == (reads.split(), writes.split())


def test_paths_are_followed_through_classes_closures_and_modules_of_the_project() -> None:
    found = touched(
        """
        import argparse
        from lib.files import OUT, save
        from . import other
        class Trainer:
            def __init__(self, path):
                self.path = path
            def fit(self):
                open(self.path)
                return self
        def main():
            parser = argparse.ArgumentParser()
            parser.add_argument("--data-file", "-d", default="in.csv")
            parser.add_argument("--deep", action="store_true")
            Trainer(parser.parse_args().data_file).fit()
            save(OUT / "m.bin")
        if __name__ == "__main__":
            main()
        """,
        lib__files="""
            from pathlib import Path
            OUT = Path(__file__).resolve().parent.parent / "out"
            def save(path):
                path.write_bytes(b"")
            if __name__ == "__main__":
                open("never", "w")
            """,
        other="",
    )
    assert found.reads == ("in.csv",)
    assert found.writes == ("out/m.bin",)
    assert found.modules == ("lib/files.py", "other.py")
    assert found.relative


@pytest.mark.parametrize(
    ("source", "params"),
    [
        ("import yaml\np = yaml.safe_load(open('params.yaml'))['train']\np['depth']", ["train"]),
        ("import yaml\np = yaml.safe_load(open('params.yaml'))\np.get('seed', 0)", ["seed"]),
        ("import dvc.api\ndvc.api.params_show()['train']['depth']", ["train"]),
        ("from omegaconf import OmegaConf\nOmegaConf.load('params.yaml').train.depth", ["train"]),
        ("import yaml\nfit(yaml.safe_load(open('params.yaml')))", []),
        ("import yaml\nyaml.safe_load(open('params.yaml')).get('not_there', 1)", []),
        ("open('params.yaml').read()", []),
    ],
)
def test_parameters_are_declared_by_their_first_key_or_as_a_whole_file(
    source: str, params: list[str]
) -> None:
    found = touched(source)
    assert found.params == {"params.yaml": tuple(params)}
    assert found.reads == ()


def test_a_path_that_is_a_parameter_is_known() -> None:
    source = "import yaml\np = yaml.safe_load(open('params.yaml'))\nopen(p['data']['raw'])"
    assert touched(source).reads == ("in/raw.csv",)


@pytest.mark.parametrize(
    ("source", "wants"),
    [
        ("import sys\nopen(sys.argv[1])", "argument 1"),
        (
            "import argparse\np = argparse.ArgumentParser()\np.add_argument('s')\np.parse_args()",
            "s",
        ),
        ("import click\n@click.command()\n@click.argument('s')\ndef f(s): open(s)\nf()", "s"),
        ("import typer\ndef f(s: str = typer.Argument(...)): open(s)\ntyper.run(f)", "s"),
    ],
)
def test_a_script_that_needs_arguments_says_so_and_is_no_stage(source: str, wants: str) -> None:
    assert touched(source).wants == (wants,)
    draft = proposed({"prepare.py": source})
    assert draft.stages == ()
    assert f"it needs arguments that no Makefile or shell script names ({wants})" in draft.notes[0]


def test_click_and_typer_options_have_their_defaults() -> None:
    found = touched(
        """
        import click, typer
        app = typer.Typer()
        @click.command()
        @click.option("--model-path", "-m", default="a.bin")
        def one(model_path):
            open(model_path)
        @app.command()
        def two(out: str = typer.Option("b.bin")):
            open(out, "w")
        one()
        app()
        """
    )
    assert (found.reads, found.writes) == (("a.bin",), ("b.bin",))


def test_a_makefile_tells_the_arguments() -> None:
    source = "import sys\nopen(sys.argv[2], 'w').write(open(sys.argv[1]).read())"
    makefile = "all:\n\t@uv run python -u prepare.py \\\n\t  in.csv 'out 1.csv' > log && echo ok\n"
    draft = proposed({"prepare.py": source, "Makefile": makefile}, "in.csv")
    stage = stage_of(draft, "prepare")
    assert stage.cmd == "uv run python prepare.py in.csv 'out 1.csv'"
    assert (stage.deps, stage.outs) == (("prepare.py", "in.csv"), ("out 1.csv",))


def test_a_script_in_a_folder_is_started_where_its_paths_hold() -> None:
    above = touched("open('../data/a.csv')", "data/a.csv", path="src/step.py")
    beside = touched("open('a.csv')", "src/a.csv", path="src/step.py")
    top = touched("open('data/a.csv')", "data/a.csv", path="src/step.py")
    assert [each.wdir for each in (above, beside, top)] == ["src", "src", "."]
    assert [*above.reads, *beside.reads, *top.reads] == ["data/a.csv", "src/a.csv", "data/a.csv"]


def test_what_cannot_be_known_is_said_instead_of_guessed() -> None:
    found = touched("open(name, 'w')\nopen('/etc/passwd')\nread_csv('https://x.org/a.csv')")
    assert found.unknown == ("step.py:1",)
    assert found.outside == ("/etc/passwd",)
    assert found.addresses == ("https://x.org/a.csv",)


def test_a_name_known_by_half_is_its_folder_unless_other_things_lie_there() -> None:
    source = "for n in names:\n    open(f'models/{n}.pkl', 'w')"
    assert touched(source).writes == ("models",)
    found = touched(source, "models/mine.pkl")
    assert (found.writes, found.unknown) == ((), ("models/...",))


def test_no_source_takes_long_or_is_run() -> None:
    endless = "\n".join(f"x{n} = [x{n - 1} for a in range(20)]" for n in range(1, 9000))
    assert touched(f"x0 = 1\n{endless}\nopen('a', 'w')").unknown == (
        "step.py (it is too long to be followed)",
    )
    assert touched("def f(): return f()\nf()\nopen('a')").reads == ("a",)
    assert touched("raise SystemExit\nopen('a')").reads == ("a",)


def test_a_source_that_is_no_python_is_left_out_with_the_reason() -> None:
    with pytest.raises(NotPython, match=r"^it cannot be read: line 1: "):
        touched("print 'two'")
    draft = proposed({"train.py": "print 'two'"})
    assert draft.notes[0].startswith("train.py: left out, it cannot be read: line 1")


def test_a_notebook_is_a_stage_that_runs_in_its_own_folder() -> None:
    cells = ["%matplotlib inline\n!ls\nx = open('../in.csv')", "%%bash\nfi", "df.to_csv('o.csv')"]
    draft = proposed({"notes/look.ipynb": a_notebook(*cells)}, "in.csv")
    assert stage_of(draft, "look") == StageDraft(
        name="look",
        cmd="notes/look.ipynb",
        deps=("notes/look.ipynb", "in.csv"),
        outs=("notes/o.csv",),
    )


def test_a_notebook_that_writes_nothing_or_is_no_python_is_left_out() -> None:
    inert = {"a.ipynb": a_notebook("1"), "b.ipynb": a_notebook("1", language="R"), "c.ipynb": "{"}
    assert proposed(inert).notes == (
        "a.ipynb: left out, it writes no file that could be found in its source",
        "b.ipynb: left out, it cannot be read: it is in R",
        "c.ipynb: left out, it cannot be read: it is no notebook of format 4",
    )
