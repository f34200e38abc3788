"""A small project whose model is trained, registered and asked again in tests of delivery/."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tests.project.projects import write
from trueup.config.model_entries import ModelEntry
from trueup.delivery.champion import Wanted
from trueup.delivery.evaluating import Evaluation, evaluation
from trueup.models.signature import infer
from trueup.models.tables import as_table
from trueup.project.options import RunOptions
from trueup.project.registering import Extras, history, register
from trueup.project.running import run
from trueup.project.workspace import Workspace
from trueup.registry.records import Registered
from trueup.store.artifacts import Artifact

ROWS = 500
TRUEUP = """
    format: 1
    project: flights
    stages:
      prepare:
        cmd: python prepare.py
        deps: [prepare.py, raw.csv]
        params: [prepare]
        outs: [data/train.parquet, data/test.parquet]
      train:
        cmd: python train.py
        deps: [train.py, data/train.parquet]
        outs: [model.skops]
    models:
      late:
        path: model.skops
        task: binary
        evaluate: {data: data/test.parquet, target: late, id: flight}
    """
PREPARE = """
    from pathlib import Path

    import polars as pl

    tall = pl.read_csv("raw.csv").with_columns(
        hour=pl.col("minute") // 60, far=pl.col("miles").log1p() * FACTOR
    )
    tall = tall.select("flight", "hour", "far", "delay_before", "late")
    Path("data").mkdir(exist_ok=True)
    tall.filter(pl.col("flight") % 3 > 0).write_parquet("data/train.parquet")
    tall.filter(pl.col("flight") % 3 == 0).write_parquet("data/test.parquet")
    """
TRAIN = """
    import json

    import polars as pl
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = ["hour", "far", "delay_before"]
    train = pl.read_parquet("data/train.parquet")
    columns = make_column_transformer((StandardScaler(), ["hour"]), remainder="passthrough")
    model = make_pipeline(columns, RandomForestClassifier(12, random_state=3, max_depth=6))
    model.fit(train.select(features), train["late"])
    skops.io.dump(model, "model.skops")

    test = pl.read_parquet("data/test.parquet")
    said = model.predict_proba(test.select(features))[:, 1].tolist()
    with open("at_training.json", "w") as file:
        json.dump(dict(zip(map(str, test["flight"]), said)), file)
    """


def flights(root: Path) -> Path:
    """Write the project into a new repository, committed."""
    draw = np.random.default_rng(17)
    miles, minute = draw.gamma(2.0, 300.0, ROWS), draw.integers(0, 1440, ROWS)
    before = draw.normal(0, 20, ROWS)
    late = (before + minute / 60 + draw.normal(0, 10, ROWS) > 15).astype(int)
    raw = {"flight": np.arange(ROWS), "minute": minute, "miles": miles.round(1)}
    pl.DataFrame({**raw, "delay_before": before.round(2), "late": late}).write_csv(
        write(root, {"trueup.yaml": TRUEUP, "train.py": TRAIN}) / "raw.csv"
    )
    factor = PREPARE.replace("FACTOR", "2.0")
    write(root, {"prepare.py": factor, "params.yaml": "prepare: {until: 2013}\n"})
    write(root, {".gitignore": ".trueup/\ndata/\nmodel.skops\nat_training.json\n__pycache__/\n"})
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, "The flights")
    return root


def git(root: Path, *words: str) -> None:
    """Run git in a folder."""
    subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True)


def commit(root: Path, message: str) -> None:
    """Commit everything."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "-m", message)


def plain_env(**more: str) -> dict[str, str]:
    """Return the variables that a project's stages need, and more."""
    kept = ("PATH", "HOME", "PIP_", "UV_", "SSL_", "REQUESTS_", "TMPDIR")
    return {name: value for name, value in os.environ.items() if name.startswith(kept)} | more


def changed(root: Path, file: str, before: str, after: str) -> None:
    """Replace a text in a file, which must be there."""
    text = (root / file).read_text("utf-8")
    assert before in text
    (root / file).write_text(text.replace(before, after), "utf-8")


def rerun(root: Path, env: Mapping[str, str] | None = None) -> None:
    """Run the project; every stage must end well."""
    result = run(Workspace(root, dict(env or plain_env())), RunOptions())
    assert not result.failures, result.failures[0].tail


def at_training(root: Path) -> dict[str, float]:
    """Return what the model predicted by flight when it was trained."""
    found: dict[str, float] = msgspec.json.decode((root / "at_training.json").read_bytes())
    return found


def delivered(root: Path, env: Mapping[str, str] | None = None) -> Registered:
    """Run the project, commit its lock, and register its model with a signature."""
    rerun(root, env)
    commit(root, "What the run has made")
    return registered(root, env)


def registered(root: Path, env: Mapping[str, str] | None = None) -> Registered:
    """Register the project's model with a signature."""
    workspace = Workspace(root, dict(env or plain_env()))
    table = evaluated(workspace)
    inputs = as_table(table.frame.select(table.features))
    body = msgspec.json.encode(infer(inputs))
    part = Artifact(workspace.content.add_bytes(body), len(body))
    register(workspace, "late", Extras(parts={"signature": part}))
    return history(workspace, "late").versions[-1]


def evaluated(workspace: Workspace) -> Evaluation:
    """Return the rows that the project's model is judged on now."""
    entry = workspace.project.models["late"]
    assert isinstance(entry, ModelEntry)
    return evaluation(workspace.root, entry, digest_in(workspace))


def digest_in(workspace: Workspace) -> Callable[[str], str]:
    """Return what gives the digest of a path."""

    def digest(path: str) -> str:
        found = workspace.scanner.scan(workspace.root / path)
        assert found is not None
        return found.digest

    return digest


def wanted(root: Path, version: Registered, env: Mapping[str, str] | None = None) -> Wanted:
    """Return what asks for a version's predictions on the present rows."""
    workspace = Workspace(root, dict(env or plain_env()))
    entry: Any = workspace.project.models["late"]
    return Wanted(
        version=version,
        evaluation=evaluated(workspace),
        name="late",
        entry=entry,
        graph=workspace.graph,
        results=workspace.results,
        root=root,
        own=workspace.own,
        env=workspace.env,
    )
