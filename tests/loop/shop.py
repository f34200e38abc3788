"""A small shop whose model is retrained by its loop: real stages, a real gate, a real registry."""

import subprocess
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.project.projects import opened, write
from trueup.cli.group import trueup
from trueup.loop.ticking import Ticked
from trueup.project import looping

for needed in ("polars", "sklearn", "skops"):
    pytest.importorskip(needed)

FIRST = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday; the shop begins to sell
LIVE = FIRST + timedelta(days=14)  # when the first version is trained
CONFIGURATION = """
    format: 1
    project: shop
    environment: {key: none}
    stages:
      prepare:
        cmd: python prepare.py
        deps: [prepare.py, raw.csv]
        params: [prepare]
        outs: [train.csv]
      train:
        cmd: python train.py
        deps: [train.py, train.csv]
        outs: [model.skops]
    models:
      sale:
        path: model.skops
        task: binary
        convert: off
        features: [shop, near, staff]
        evaluate: {data: test.csv, target: sold, id: id, time: at}
        gate:
          rules:
            - {metric: roc_auc, at_least: 0.6}
            - {metric: log_loss, versus: champion, margin: 0.05}
        monitor: {window: 1d, lateness: 1h, false_alarms: 1 per 20d}
        loop:
          when:
            - LOOP
          cooldown: 3d
          retrain: {params: {prepare.until: now}}
          then: THEN
"""
PREPARE = """
    import csv, yaml
    until = str(yaml.safe_load(open("params.yaml"))["prepare"]["until"])
    rows = list(csv.DictReader(open("raw.csv")))
    kept = [row for row in rows if row["at"] < until]
    with open("train.csv", "w", newline="") as file:
        out = csv.DictWriter(file, rows[0])
        out.writeheader()
        out.writerows(kept)
"""
TRAIN = """
    import polars
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    frame = polars.read_csv("train.csv")
    shaped = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["shop"]), ("passthrough", ["near", "staff"])
    )
    model = make_pipeline(shaped, LogisticRegression())
    model.fit(frame.select("shop", "near", "staff"), frame["sold"].to_numpy())
    skops.io.dump(model, "model.skops")
"""


def rows(first: datetime, days: int, per_day: int, seed: int) -> Any:
    """Return rows of so many days."""
    np, polars = import_module("numpy"), import_module("polars")
    draw, count = np.random.default_rng(seed), days * per_day
    near, shop = draw.random(count), draw.choice(["a", "b", "c"], count)
    sold = near + (shop == "b") * 0.4 + 0.2 * draw.normal(size=count) > 0.6
    step = timedelta(days=1) / per_day
    return polars.DataFrame(
        {
            "id": [f"{seed}-{k}" for k in range(count)],
            "at": [(first + k * step).strftime("%Y-%m-%dT%H:%M:%SZ") for k in range(count)],
            "shop": shop.tolist(),
            "near": near,
            "staff": draw.integers(0, 7, count),
            "sold": sold.astype(int),
        }
    )


def shop(root: Path, trigger: str, then: str = "promote") -> Path:
    """Write the project, train its first version and make it champion."""
    text = CONFIGURATION.replace("LOOP", trigger).replace("THEN", then)
    write(root, {"trueup.yaml": text, "prepare.py": PREPARE, "train.py": TRAIN})
    until = LIVE.strftime("%Y-%m-%dT%H:%M:%SZ")
    (root / "params.yaml").write_text(f'prepare:\n  until: "{until}"\n')
    rows(FIRST, 60, 20, seed=1).write_csv(root / "raw.csv")
    rows(FIRST - timedelta(days=40), 30, 40, seed=2).write_csv(root / "test.csv")
    (root / ".gitignore").write_text(".trueup/\n*.csv\nmodel.skops\n")
    for words in (["init", "-q"], ["add", "--all"], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    assert said(root, "run") in (0, None)
    return root


def said(root: Path, *words: str) -> Any:
    """Call the command line and return its exit code; an error raises."""
    return trueup.main(["-C", str(root), *words], standalone_mode=False)


def ticked(root: Path, at: datetime, **how: Any) -> Ticked:
    """Make one pass at a moment."""
    return looping.tick(opened(root), looping.Wanted("sale", now=at), **how)
