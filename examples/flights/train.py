"""Train the model, and choose the threshold for F1 on days that it has not seen."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from model_file import save
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, precision_recall_curve, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = ["weekday", "dep_minute", "arr_minute", "distance"]
NUMBERS += ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust"]
NUMBERS += ["precip", "pressure", "visib"]


def labelled(file: str) -> pl.DataFrame:
    """Read a table without the flights whose truth never came; nothing can be learned there."""
    return pl.read_parquet(file).drop_nulls("late")


def untrained(settings: dict[str, Any]) -> Pipeline:
    """Build the whole way from a table's columns to a probability.

    Encoding is part of it, so that whoever loads the model passes carrier="UA", never a code.
    A category that training did not see counts as missing, and the trees know missing values.
    """
    unseen = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan}
    columns = make_column_transformer(
        (OrdinalEncoder(**unseen), CATEGORIES),
        ("passthrough", NUMBERS),
    )
    trees = HistGradientBoostingClassifier(
        max_iter=settings["max_iter"],
        learning_rate=settings["learning_rate"],
        max_leaf_nodes=settings["max_leaf_nodes"],
        min_samples_leaf=settings["min_samples_leaf"],
        early_stopping=False,
        random_state=settings["seed"],
    )
    return make_pipeline(columns, trees)


def best_threshold(late: np.ndarray, score: np.ndarray) -> float:
    """Find the score from which calling a flight late gives the best F1 on these rows."""
    precision, recall, thresholds = precision_recall_curve(late, score)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[np.argmax(f1[:-1])])  # the curve's last point has no threshold


def main() -> None:
    settings = yaml.safe_load(Path("params.yaml").read_text())["train"]
    table, unseen = labelled("data/train.parquet"), labelled("data/validation.parquet")
    model = untrained(settings).fit(table.select(CATEGORIES + NUMBERS), table["late"].to_numpy())
    save(model, Path("model.skops"))

    late = unseen["late"].to_numpy()
    score = model.predict_proba(unseen.select(CATEGORIES + NUMBERS))[:, 1]
    report = {
        "rows_trained": table.height,
        "rows_validated": unseen.height,
        "roc_auc": round(float(roc_auc_score(late, score)), 6),
        "log_loss": round(float(log_loss(late, score)), 6),
        "threshold": round(best_threshold(late, score), 6),
    }
    Path("validation.json").write_text(json.dumps(report, indent=2) + "\n")
    print(report)


if __name__ == "__main__":
    main()
