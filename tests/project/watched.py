"""A small shop whose model is watched: rows of simulated days, predicted as a batch each day."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.project.projects import opened, write
from trueup.cli.group import trueup
from trueup.monitoring.watching.events import Checked
from trueup.monitoring.watching.standing import Standing
from trueup.project import monitoring

for needed in ("polars", "sklearn", "skops"):
    pytest.importorskip(needed)

EVALUATED = datetime(2026, 1, 1, tzinfo=UTC)
LIVE = datetime(2026, 3, 1, tzinfo=UTC)
CONFIGURATION = """
    format: 1
    project: shop
    environment: {key: none}
    models:
      sale:
        path: model.skops
        task: binary
        convert: off
        seen: [train.csv]
        features: [shop, near, staff]
        evaluate: {data: test.csv, target: sold, id: id, time: at}
        monitor: {window: 1d, lateness: 1h, false_alarms: 1 per 20d}
"""


def rows(first: datetime, days: int, per_day: int, seed: int, shift: float = 0.0) -> Any:
    """Return rows of so many days; a shift moves ``near``."""
    draw, count = np.random.default_rng(seed), days * per_day
    near, shop = draw.random(count) + shift, draw.choice(["a", "b", "c"], count)
    sold = near + (shop == "b") * 0.4 + 0.2 * draw.normal(size=count) > 0.6
    step = timedelta(days=1) / per_day
    polars = import_module("polars")
    return polars.DataFrame(
        {
            "id": [f"{seed}-{k}" for k in range(count)],
            "at": [first + k * step for k in range(count)],
            "shop": shop.tolist(),
            "near": near,
            "staff": draw.integers(0, 7, count),
            "sold": sold.astype(int),
        }
    )


def fitted(trees: int, kind: str = "RandomForestClassifier", without: str = "") -> bytes:
    """Return a forest in skops' format, or another ensemble of scikit-learn, of most columns."""
    frame = rows(EVALUATED - timedelta(days=60), 20, 30, seed=trees)
    compose, linear = import_module("sklearn.compose"), import_module("sklearn.ensemble")
    encoder = import_module("sklearn.preprocessing").OneHotEncoder(handle_unknown="ignore")
    shaped = compose.make_column_transformer(
        (encoder, ["shop"]), ("passthrough", [one for one in ("near", "staff") if one != without])
    )
    if kind == "RandomForestClassifier":
        forest = linear.RandomForestClassifier(trees, max_depth=4, random_state=trees)
    else:
        forest = getattr(linear, kind)(random_state=trees)
    model = import_module("sklearn.pipeline").make_pipeline(shaped, forest)
    named = [one for one in ("shop", "near", "staff") if one != without]
    model.fit(frame.select(named), frame["sold"].to_numpy())
    written: bytes = import_module("skops.io").dumps(model)
    return written


def project(root: Path, more: str = "") -> Path:
    """Write the project with its rows; ``more`` replaces what is said of monitoring."""
    write(root, {"trueup.yaml": CONFIGURATION})
    if more:
        path = root / "trueup.yaml"
        told = path.read_text().splitlines()[:-1]
        path.write_text("\n".join([*told, f"    monitor: {more}"]) + "\n")
    rows(EVALUATED, 50, 60, seed=1).write_csv(root / "test.csv")
    rows(EVALUATED - timedelta(days=60), 20, 30, seed=2).write_csv(root / "train.csv")
    return root


def promoted(root: Path, trees: int) -> None:
    """Make a model the champion."""
    (root / "model.skops").write_bytes(fitted(trees))
    said(root, "register", "sale")
    import trueup as library

    number = len(library.history("sale", folder=root).versions)
    said(root, "promote", f"sale/{number}", "--override", "--why", "a test")


def served(root: Path, table: Any, name: str = "sale") -> None:
    """Predict rows as a batch, captured at the times that they have."""
    nth = len(list(root.glob("batch-*.csv")))
    table.write_csv(root / f"batch-{nth}.csv")
    out = str(root / f"out-{nth}.parquet")
    said(root, "predict", name, "--in", str(root / f"batch-{nth}.csv"), "--out", out, "--at", "at")


def said(root: Path, *words: str) -> Any:
    """Call the command line and return its exit code; an error raises."""
    return trueup.main(["-C", str(root), *words], standalone_mode=False)


def watched(root: Path, name: str = "sale", **wanted: Any) -> Standing:
    """Check the windows of a model."""
    return monitoring.monitor(opened(root), monitoring.Wanted(name, **wanted))


def states(standing: Standing) -> list[str]:
    """Return how each shown window stands."""
    return [one.state for one in standing.checks]


def columns_of(check: Checked) -> set[str]:
    """Return the columns that were compared in a window."""
    return {one.name for one in check.drift.columns} if check.drift else set()


def labelled(root: Path, table: Any) -> None:
    """Say what became of rows."""
    nth = len(list(root.glob("labels-*.csv")))
    table.select("id", "sold").write_csv(root / f"labels-{nth}.csv")
    said(
        root, "captures", "import", "sale", str(root / f"labels-{nth}.csv"),
        "--id", "id", "--label", "sold", "--only-labels",
    )  # fmt: skip
