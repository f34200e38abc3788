"""A run that ends in a version registered, judged and promoted; and what stops it on the way."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import trueup as trueup_package
from tests.project.projects import write
from trueup.cli import exit_code
from trueup.cli.group import trueup
from trueup.errors import TrueupError

# Stages as people write them, small: the model is how much noise its scores have.
PROJECT = {
    "trueup.yaml": """
        format: 1
        project: shop
        environment: {key: none}
        stages:
          split: {cmd: python split.py, deps: [split.py], params: [split],
                  outs: [train.csv, test.csv]}
          train: {cmd: cat params.yaml train.csv > model.txt, deps: [train.csv], params: [train],
                  outs: [model.txt]}
          score: {cmd: python score.py, deps: [score.py, model.txt, test.csv],
                  outs: [scores.csv], metrics: [metrics.json]}
        models:
          sale:
            path: model.txt
            task: binary
            evaluate: {data: test.csv, predictions: scores.csv, target: sold, id: id,
                       slices: [shop]}
            gate:
              rules:
                - {metric: roc_auc, at_least: 0.7}
                - {metric: roc_auc, versus: champion, margin: 0.03}
                - {metric: latency_ms, at_most: 20, evidence: point}
    """,
    "params.yaml": "split: {rows: 3000}\ntrain: {noise: 0.5}\n",
    "split.py": """
        import random
        draw = random.Random(1)
        for name, rows in (("train", 500), ("test", 3000)):
            with open(f"{name}.csv", "w") as out:
                out.write("id,shop,near,sold\\n")
                for at in range(rows):
                    near = draw.random()
                    sold = int(draw.random() < near)
                    out.write(f"{name}-{at},{'ab'[at % 2]},{near:.6f},{sold}\\n")
    """,
    "score.py": """
        import csv, json, random, re
        noise = float(re.search(r"noise: ([0-9.]+)", open("model.txt").read())[1])
        draw = random.Random(int(noise * 1000))
        with open("scores.csv", "w") as out:
            out.write("id,score\\n")
            for row in csv.DictReader(open("test.csv")):
                score = (1 - noise) * float(row["near"]) + noise * draw.random()
                out.write(f"{row['id']},{score:.6f}\\n")
        json.dump({"latency_ms": 3.5}, open("metrics.json", "w"))
    """,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has never run."""
    return write(tmp_path / "project", PROJECT)


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


def noise(root: Path, amount: float) -> Result:
    return said(root, "run", "--set", f"train.noise={amount}")


def events(root: Path) -> list[str]:
    told = json.loads(said(root, "history", "sale", "--json").stdout)
    return [one["event"] for one in reversed(told["events"])]


def test_the_first_model_is_registered_judged_and_promoted_on_absolute_rules(project: Path) -> None:
    result = said(project, "run")
    assert result.exit_code == 0
    assert "shop/sale/1 passed the gate" in result.stdout
    assert "shop/sale/1 promoted: champion of dev" in result.stdout
    assert events(project) == ["registered", "judged", "promoted"]


def test_running_again_judges_and_promotes_nothing_again(project: Path) -> None:
    said(project, "run")
    result = said(project, "run")
    assert (result.exit_code, len(events(project))) == (0, 3)
    assert "shop/sale/1 is the champion of dev" in result.stdout


def test_a_spoiled_candidate_is_refused_with_its_reason_and_the_champion_stays(
    project: Path,
) -> None:
    said(project, "run")
    result = noise(project, 0.95)
    assert result.exit_code == 3
    assert "shop/sale/2 refused by the gate" in result.stdout
    assert events(project)[3:] == ["registered", "judged"]
    assert said(project, "resolve", "sale").stdout.startswith("shop/sale/1")


def test_a_refused_model_run_again_is_refused_again_and_spends_nothing(project: Path) -> None:
    said(project, "run")
    noise(project, 0.95)
    result = said(project, "run")
    assert (result.exit_code, len(events(project))) == (3, 5)
    assert "as judged before" in result.stdout


def test_a_candidate_that_the_rows_cannot_tell_from_worse_is_undecided(project: Path) -> None:
    said(project, "run")
    result = noise(project, 0.57)
    assert result.exit_code == 4
    assert "there are 3000" in result.stdout


def test_a_better_candidate_becomes_champion_and_a_rollback_brings_the_old_one_back(
    project: Path,
) -> None:
    said(project, "run")
    assert noise(project, 0.1).exit_code == 0
    assert said(project, "resolve", "sale").stdout.startswith("shop/sale/2")
    assert said(project, "rollback", "sale").exit_code == 0
    assert said(project, "resolve", "sale").stdout.startswith("shop/sale/1")


def test_the_gate_judges_a_version_from_the_predictions_that_were_kept(project: Path) -> None:
    said(project, "run")
    noise(project, 0.1)
    said(project, "rollback", "sale")
    result = said(project, "gate", "sale/2", "--json")
    judged = json.loads(result.stdout)["judgements"][0]
    assert (result.exit_code, judged["verdict"]["word"], judged["version"]) == (0, "pass", 2)


def test_outside_a_trusted_scope_it_is_judged_and_nothing_is_registered(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(project, "run")
    monkeypatch.setenv("TRUEUP_SCOPE", "pr/7")
    result = noise(project, 0.1)
    assert result.exit_code == 0
    assert "shop/sale passed the gate" in result.stdout
    assert len(events(project)) == 3


def test_predictions_edited_by_hand_are_no_evidence(project: Path) -> None:
    said(project, "run")
    noise(project, 0.95)
    rules = project / "trueup.yaml"  # other rules: the verdict that is known does not hold
    rules.write_text(rules.read_text().replace("at_least: 0.7", "at_least: 0.6"))
    table = project / "scores.csv"
    table.write_text(table.read_text().replace("0.", "1.", 1))
    result = said(project, "gate", "sale")
    assert result.exit_code == 2
    assert "scores.csv is not what trueup.lock says" in str(result.exception)


def test_the_champion_is_not_judged_against_itself_but_shows_what_it_was_promoted_on(
    project: Path,
) -> None:
    said(project, "run")
    noise(project, 0.1)
    judged = json.loads(said(project, "gate", "sale", "--json").stdout)["judgements"][0]
    assert judged["again"]
    assert judged["verdict"]["digests"]["champion"] != judged["verdict"]["digests"]["model"]
    assert len(events(project)) == 6


def test_a_metric_of_the_projects_own_is_called_in_the_projects_python(project: Path) -> None:
    (project / "worth.py").write_text(
        "def money(truth, predicted):\n    return (predicted > 0.5) * (truth * 3.0 - 1.0)\n"
    )
    rules = project / "trueup.yaml"
    mine = "- {metric: {call: 'worth:money', per: row}, at_least: 0.1}"
    text = rules.read_text()
    rules.write_text(text.replace("- {metric: roc_auc, at_least: 0.7}", mine))
    result = said(project, "run")
    assert result.exit_code == 0, result.stdout
    assert "worth:money" in result.stdout
    (project / "worth.py").write_text("def money(truth, predicted):\n    return truth.missing\n")
    broken = said(project, "run", "--set", "train.noise=0.3")
    assert broken.exit_code == 2


def test_a_gate_writes_a_page_junit_and_markdown(project: Path) -> None:
    said(project, "run")
    noise(project, 0.95)
    files = {kind: project / f"verdict.{kind}" for kind in ("html", "junit", "markdown")}
    said(
        project, "gate", "sale", *(w for kind, at in files.items() for w in (f"--{kind}", str(at)))
    )
    assert "<html" in files["html"].read_text()
    assert "<testsuite" in files["junit"].read_text()
    assert "roc_auc" in files["markdown"].read_text()


def test_mistakes_in_rules_are_told_with_their_lines_before_anything_runs(project: Path) -> None:
    rules = project / "trueup.yaml"
    text = rules.read_text()
    rules.write_text(
        text.replace("roc_auc, at_least", "roc_auk, at_least").replace(", margin: 0.03", "")
    )
    result = said(project, "run")
    assert result.exit_code == 2
    told = str(result.exception)
    line = next(at for at, one in enumerate(text.splitlines(), 1) if "at_least: 0.7" in one)
    assert f"trueup.yaml:{line}:" in told
    assert "Did you mean 'roc_auc'?" in told
    assert "no margin" in told
    assert not (project / "model.txt").exists()


def test_a_gate_names_the_margin_that_its_rows_can_prove(project: Path) -> None:
    said(project, "run")
    rules = project / "trueup.yaml"
    noise(project, 0.95)
    rules.write_text(rules.read_text().replace(", margin: 0.03", ""))
    told = str(said(project, "gate", "sale").exception)
    assert "the smallest difference that these rows can detect" in told


def test_predictions_alone_are_judged_without_any_stage(tmp_path: Path) -> None:
    root = write(
        tmp_path / "alone",
        {
            "trueup.yaml": """
                format: 1
                project: alone
                models:
                  sale:
                    task: binary
                    evaluate: {predictions: scores.csv, target: sold}
                    gate: {rules: [{metric: accuracy, at_least: 0.6}]}
            """,
            "scores.csv": "sold,score\n" + "1,0.9\n0,0.2\n0,0.1\n1,0.7\n1,0.4\n" * 200,
        },
    )
    result = said(root, "gate")
    assert result.exit_code == 0
    assert "alone/sale" in result.stdout
    assert said(root, "register", "sale").exit_code == 2


def test_predictions_alone_are_joined_to_the_rows_of_another_table(tmp_path: Path) -> None:
    rows = "".join(f"{at},{at % 2}\n" for at in range(1000))
    scores = "".join(f"{at},{(at % 2 + at % 7) / 8}\n" for at in reversed(range(1000)))
    root = write(
        tmp_path / "alone",
        {
            "trueup.yaml": """
                format: 1
                project: alone
                models:
                  sale:
                    task: binary
                    evaluate: {data: test.csv, predictions: scores.csv, target: sold, id: id}
                    gate: {rules: [{metric: roc_auc, at_least: 0.55}]}
            """,
            "test.csv": "id,sold\n" + rows,
            "scores.csv": "id,score\n" + scores,
        },
    )
    assert said(root, "gate").exit_code == 0


def test_a_model_has_a_path_or_predictions(tmp_path: Path) -> None:
    root = write(tmp_path / "none", {"trueup.yaml": "format: 1\nmodels: {sale: {task: binary}}\n"})
    told = str(said(root, "gate", "sale").exception)
    assert "has no path, and no predictions either" in told


def test_python_runs_judges_and_promotes_as_the_command_line_does(project: Path) -> None:
    result = trueup_package.run(folder=project)
    (done,) = result.models
    assert (done.version, done.promoted.version, done.ending) == (1, 1, "done")
    worse = trueup_package.run(folder=project, params={"train.noise": 0.95})
    assert worse.models[0].ending == "failed"
    judgement = trueup_package.judge("sale/2", folder=project)
    assert (judgement.verdict.word, judgement.again) == ("fail", True)


def test_a_version_is_reproduced_by_the_run_that_made_it(project: Path) -> None:
    git = ["git", "-C", str(project), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "A model"], check=True)
    said(project, "run")
    result = said(project, "reproduce", "sale@champion", "--quiet")
    assert result.exit_code == 0
    assert "proved: all 5 outputs" in result.stdout


def test_a_stage_that_makes_model_and_predictions_at_once_proves_them_together(
    project: Path,
) -> None:
    rules = project / "trueup.yaml"
    text = rules.read_text()
    start, end = text.index("  train: {cmd"), text.index("models:")
    train = """  train: {cmd: cat params.yaml train.csv > model.txt && python score.py,
          deps: [train.csv, score.py, test.csv], params: [train],
          outs: [model.txt, scores.csv], metrics: [metrics.json]}
"""
    text = text[:start] + train + text[end:]
    rules.write_text(text)
    leaking = said(project, "run")
    assert leaking.exit_code == 4
    assert "all 3000 are left out, as a model was trained on them" in leaking.stdout
    rules.write_text(text.replace("path: model.txt", "path: model.txt\n    seen: [train.csv]"))
    result = said(project, "run")
    assert result.exit_code == 0, result.stdout
    assert "shop/sale/1 promoted: champion of dev" in result.stdout
