"""The shop with a hold-out: its newest rows are judged on, and nothing is trained on them."""

import subprocess
from pathlib import Path

from tests.loop.shop import CONFIGURATION, FIRST, TRAIN, rows, said
from tests.project.projects import write

BEGIN = "2026-01-19T04:17:00Z"  # of the hold-out of the first retrain
PREPARE = """
    import csv, yaml
    params = yaml.safe_load(open("params.yaml"))["prepare"]
    rows = list(csv.DictReader(open("raw.csv")))
    begin = params.get("cheats") or params["train_until"]
    parts = {
        "train.csv": [row for row in rows if row["at"] < begin],
        "test.csv": [row for row in rows if params["train_until"] <= row["at"] < params["until"]],
    }
    for name, kept in parts.items():
        with open(name, "w", newline="") as file:
            out = csv.DictWriter(file, rows[0])
            out.writeheader()
            out.writerows(kept or rows[-1:])
"""
RECIPE = "{params: {prepare.until: now, prepare.train_until: holdout}, holdout: 7d MORE}"


def withheld(root: Path, more: str = "", then: str = "person", store: str = ".trueup/b") -> Path:
    """Write the project, train its first version and make it champion."""
    text = CONFIGURATION.replace("LOOP", '{schedule: "17 4 * * 1", do: retrain}')
    text = text.replace("{params: {prepare.until: now}}", RECIPE.replace(" MORE", more))
    text = text.replace("outs: [train.csv]", "outs: [train.csv, test.csv]")
    text = text.replace("gate:\n", "seen: [train.csv]\n        gate:\n", 1)
    text = text.replace("at_least: 0.6}", "at_least: 0.6, evidence: point}").replace("THEN", then)
    text = text.replace("margin: 0.05}", "margin: 0.5, evidence: point}")
    text = text.replace("project: shop\n", f"project: shop\n    store: {store}\n")
    write(root, {"trueup.yaml": text, "prepare.py": PREPARE, "train.py": TRAIN})
    (root / "params.yaml").write_text(
        "prepare:\n  until: '2026-01-19T00:00:00Z'\n  train_until: '2026-01-12T00:00:00Z'\n"
    )
    rows(FIRST, 60, 40, seed=1).write_csv(root / "raw.csv")
    (root / ".gitignore").write_text(".trueup/\n*.csv\n!raw.csv\nmodel.skops\n__pycache__/\n")
    for words in (["init", "-q", "-b", "main"], ["add", "--all"], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    assert said(root, "run") in (0, None)
    for words in (["add", "trueup.lock"], ["commit", "-qm", "the first version"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    return root
