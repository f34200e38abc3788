"""A small shop whose model is how much noise its scores have, in a repository of its own."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.project.projects import write
from trueup.ci.results.result import Result
from trueup.cli import INTERRUPTED, exit_code
from trueup.cli.gate import EXIT_CODES
from trueup.pipeline.outcome import Quiet
from trueup.project.ci_running import Asked, Codes, check_project

YAML = """
    format: 1
    project: shop
    environment: {key: none}
    stages:
      split: {cmd: python split.py, deps: [split.py], params: [split], outs: [test.csv]}
      train: {cmd: cat params.yaml > model.txt, params: [train], outs: [model.txt]}
      score: {cmd: python score.py, deps: [score.py, model.txt, test.csv],
              outs: [scores.csv], metrics: [metrics.json]}
    models:
      sale:
        path: model.txt
        task: binary
        convert: off
        evaluate: {data: test.csv, predictions: scores.csv, target: sold, id: id, slices: [shop]}
        gate:
          rules:
            - {metric: roc_auc, at_least: 0.7}
            - {metric: roc_auc, versus: champion, margin: 0.03}
            - {metric: recall, each: shop, at_least: 0.3}
            - {metric: latency_ms, at_most: 20, evidence: point}
"""
FILES = {
    "trueup.yaml": YAML,
    "params.yaml": "split: {rows: 600}\ntrain: {noise: 0.3}\n",
    "split.py": """
        import random
        draw = random.Random(1)
        with open("test.csv", "w") as out:
            out.write("id,shop,near,sold\\n")
            for at in range(600):
                near = draw.random()
                out.write(f"{at},{'ab'[at % 2]},{near:.6f},{int(draw.random() < near)}\\n")
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
    ".gitignore": "model.txt\ntest.csv\nscores.csv\nmetrics.json\n.trueup/\n",
}


def shop(root: Path, **other: str) -> Path:
    """Write the shop, and commit it."""
    write(root, {**FILES, **other})
    git(root, "init", "-q", "-b", "main")
    commit(root)
    return root


def git(root: Path, *words: str) -> str:
    """Run git as somebody."""
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(
        ("git", *who, *words), cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(root: Path) -> str:
    """Commit everything, and return the commit."""
    git(root, "add", "-A")
    git(root, "commit", "-qm", "as it is", "--allow-empty")
    return git(root, "rev-parse", "HEAD")


def noise(root: Path, amount: float) -> None:
    """Make the model another one; 1 is pure noise."""
    (root / "params.yaml").write_text(f"split: {{rows: 600}}\ntrain: {{noise: {amount}}}\n")


def checked(root: Path, env: Mapping[str, str] | None = None, **how: object) -> Result:
    """Check a project as the verb does."""
    asked = Asked(
        codes=Codes(exit_code, EXIT_CODES, stage_failed=6, interrupted=INTERRUPTED),
        progress=Quiet,
        say=lambda _: None,
        **how,  # type: ignore[arg-type] # fields, by name
    )
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return check_project(root, {**plain, **(env or {})}, asked)


def line_of(root: Path, text: str, file: str = "trueup.yaml") -> int:
    """Return the line that a text stands on, from 1."""
    lines = (root / file).read_text().splitlines()
    return next(at for at, line in enumerate(lines, 1) if text in line)
