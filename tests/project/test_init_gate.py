"""A project begun with the gate on: what init writes is judged, and ends in a promoted version."""

import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.project.projects import write
from trueup.cli import exit_code
from trueup.cli.group import trueup
from trueup.config.load import load
from trueup.errors import TrueupError
from trueup.pipeline.outcome import Quiet
from trueup.project.beginning.begin import propose, survey, try_out, with_model
from trueup.project.beginning.begin import write as write_draft
from trueup.project.beginning.proving import prove

STRICT = os.environ.get("TRUEUP_CI_STRICT") == "1"


def lacking(*modules: str) -> bool:
    return not STRICT and any(find_spec(name) is None for name in modules)


judging = pytest.mark.skipif(
    lacking("polars", "numpy"), reason="the extra gate is not installed: scripts/env.sh dev"
)

REAL = {
    "prepare.py": """
        import csv
        from pathlib import Path

        from sklearn.datasets import load_breast_cancer

        raw = load_breast_cancer()
        Path("data").mkdir(exist_ok=True)
        for name, start in (("train", 0), ("test", 1)):
            with open(f"data/{name}.csv", "w", newline="") as file:
                out = csv.writer(file)
                out.writerow(["patient_id", *(f"x{at}" for at in range(5)), "benign"])
                for at in range(start, len(raw.target), 2):
                    out.writerow([f"p{at}", *raw.data[at, :5], raw.target[at]])
        """,
    "steps.py": """
        import csv

        import numpy as np

        TARGET = "benign"

        def table(path):
            with open(path) as file:
                rows = list(csv.DictReader(file))
            inputs = np.array([[float(row[f"x{at}"]) for at in range(5)] for row in rows])
            return rows, inputs, np.array([int(row[TARGET]) for row in rows])
        """,
    "train.py": """
        import json

        import skops.io
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        from steps import table

        strength = json.load(open("params.json"))["train"]["C"]
        _, inputs, benign = table("data/train.csv")
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength))
        skops.io.dump(model.fit(inputs, benign), "model.skops")
        """,
    "evaluate.py": """
        import csv
        import json

        import skops.io
        from sklearn.metrics import accuracy_score, roc_auc_score

        from steps import table

        rows, inputs, benign = table("data/test.csv")
        scores = skops.io.load("model.skops").predict_proba(inputs)[:, 1]
        with open("predictions.csv", "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["patient_id", "score"])
            out.writerows(zip([row["patient_id"] for row in rows], scores))
        measured = {
            "accuracy": accuracy_score(benign, scores > 0.5),
            "roc_auc": roc_auc_score(benign, scores),
        }
        json.dump(measured, open("metrics.json", "w"))
        """,
    "params.json": '{"train": {"C": 1.0}}',
}
# The same without a library: the model is how much noise its scores have.
SMALL = {
    "split.py": """
        import random
        draw = random.Random(1)
        for name, rows in (("train", 300), ("test", 1500)):
            with open(f"{name}.csv", "w") as out:
                out.write("id,near,sold\\n")
                for at in range(rows):
                    near = draw.random()
                    sold = int(draw.random() < near)
                    out.write(f"{name}-{at},{near:.6f},{sold}\\n")
        """,
    "train.py": """
        import json
        noise = json.load(open("params.json"))["train"]["noise"]
        open("train.csv").read()
        with open("model.txt", "w") as file:
            file.write(str(noise))
        """,
    "score.py": """
        import csv, json, random
        noise = float(open("model.txt").read())
        draw = random.Random(int(noise * 1000))
        right = rows = 0
        with open("scores.csv", "w") as out:
            out.write("id,score\\n")
            for row in csv.DictReader(open("test.csv")):
                score = (1 - noise) * float(row["near"]) + noise * draw.random()
                y_true = row["sold"]
                right, rows = right + ((score > 0.5) == (y_true == "1")), rows + 1
                out.write(f"{row['id']},{score:.6f}\\n")
        json.dump({"test_accuracy": right / rows, "rows": rows}, open("metrics.json", "w"))
        """,
    "params.json": '{"train": {"noise": 0.3}}',
}


def said(root: Path, *words: str) -> Result:
    """Call the command line in a project; an error a user can meet is its exit code."""
    result = CliRunner().invoke(trueup, ["-C", str(root), *words], standalone_mode=False)
    if isinstance(result.exception, TrueupError):
        result.exit_code = exit_code(result.exception)
        return result
    if result.exception is not None:
        raise result.exception
    result.exit_code = result.return_value or 0
    return result


def small(root: Path, **changed: str) -> Path:
    named = {f"{name}.py": text for name, text in changed.items()}
    return write(root / "shop", {**SMALL, **named})


@judging
@pytest.mark.skipif(lacking("sklearn", "skops"), reason="scikit-learn is not installed")
def test_a_scikit_learn_project_begins_with_a_judged_and_promoted_version_1(
    tmp_path: Path,
) -> None:
    root = write(tmp_path / "tumours", REAL)
    result = said(root, "init", "--yes")
    assert result.exit_code == 0, result.output
    assert "tumours/model/1 promoted: champion of dev" in result.stdout
    text = (root / "trueup.yaml").read_text()
    assert "target: benign " in text
    assert "id: patient_id " in text
    assert "half of the way there from guessing (0.5)" in text
    assert "- {metric: roc_auc, versus: champion, margin: 0.01}" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    assert "nothing changed" in said(root, "status").stdout
    again = said(root, "run")
    assert (again.exit_code, "tumours/model/1 is the champion" in again.stdout) == (0, True)


@judging
def test_what_became_of_the_model_is_in_the_json(tmp_path: Path) -> None:
    result = said(small(tmp_path), "init", "--json")
    told = json.loads(result.stdout)
    assert (told["version"], told["verdict"], told["promoted"]) == (1, "pass", True)
    assert told["model"]["limit"]["metric"] == "accuracy"
    assert told["model"]["target"] == "sold"


@judging
def test_a_spoiled_model_is_refused_by_the_rules_that_init_wrote(tmp_path: Path) -> None:
    root = small(tmp_path)
    assert said(root, "init", "-y").exit_code == 0
    (root / "params.json").write_text('{"train": {"noise": 1.0}}')
    result = said(root, "run")
    assert (result.exit_code, "shop/model/2 refused by the gate" in result.stdout) == (3, True)


@judging
def test_a_dvc_project_gets_its_models_in_a_file_beside_it(tmp_path: Path) -> None:
    dvc = """
        stages:
          split: {cmd: python split.py, outs: [train.csv, test.csv]}
          train: {cmd: python train.py, deps: [train.csv, params.json], outs: [model.txt]}
          score: {cmd: python score.py, deps: [score.py, model.txt, test.csv], outs: [scores.csv],
                  metrics: [metrics.json]}
        """
    root = write(tmp_path / "shop", {**SMALL, "dvc.yaml": dvc})
    before = (root / "dvc.yaml").read_text()
    result = said(root, "init", "-y")
    assert "shop/model/1 promoted" in result.stdout, result.output
    assert (root / "dvc.yaml").read_text() == before
    assert "stages:" not in (root / "trueup.yaml").read_text()
    assert said(root, "run").exit_code == 0


def test_before_the_first_run_the_section_is_a_comment_that_says_why(tmp_path: Path) -> None:
    root = small(tmp_path)
    result = said(root, "init", "-y", "--no-run")
    assert "no model is judged yet: test.csv is not there yet" in result.stdout
    assert "# models:" in (root / "trueup.yaml").read_text()
    assert load(root).models == {}
    assert said(root, "run").exit_code == 0


@judging
def test_a_model_that_cannot_be_judged_is_a_comment_and_no_version(tmp_path: Path) -> None:
    score = SMALL["score.py"].replace("row['id']", "row['near']")
    root = small(tmp_path, score=score)
    result = said(root, "init", "-y")
    assert result.exit_code == 0
    assert "no model is judged yet: scores.csv: " in result.stdout
    assert load(root).models == {}
    assert said(root, "run").exit_code == 0
    assert "no models" in said(root, "models").output


@judging
def test_where_no_column_names_a_row_it_says_that_comparisons_cannot_pass(tmp_path: Path) -> None:
    changed = {
        "split": SMALL["split.py"].replace("id,", "", 1).replace("{name}-{at},", ""),
        "score": SMALL["score.py"].replace("id,", "", 1).replace("{row['id']},", ""),
    }
    result = said(small(tmp_path, **changed), "init", "-y")
    assert "shop/model/1 promoted" in result.stdout
    assert "note: it cannot be told which rows model.txt was trained on" in result.stdout


def test_without_the_extra_gate_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("proving", "tables"):
        monkeypatch.setattr(f"trueup.project.beginning.{module}.find_spec", lambda name: None)
    root = small(tmp_path)
    result = said(root, "init", "-y")
    assert result.exit_code == 0
    assert "python -m pip install 'trueup[gate]', then: trueup run" in result.stdout
    assert list(load(root).models) == ["model"]


def test_a_file_that_was_changed_during_the_run_is_left_alone(tmp_path: Path) -> None:
    root = small(tmp_path)
    found = survey(root)
    draft = with_model(root, found, propose(found))
    write_draft(root, draft)
    assert try_out(root, draft, os.environ, Quiet()).missing == ""
    mine = (root / "trueup.yaml").read_text() + "# mine\n"
    (root / "trueup.yaml").write_text(mine)
    prove(root, found, draft, os.environ)
    assert (root / "trueup.yaml").read_text() == mine
