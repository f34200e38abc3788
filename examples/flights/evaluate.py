"""Score the newest weeks and say how good the scores are."""

import json
from pathlib import Path

import numpy as np
import polars as pl
from model_file import load
from sklearn.metrics import f1_score, log_loss, roc_auc_score, roc_curve

BINS = 20


def predictions(model_file: Path, table: pl.DataFrame) -> pl.DataFrame:
    """Score every flight, also those whose truth never came: the model has to serve them too."""
    model = load(model_file)
    score = model.predict_proba(table.select(model.feature_names_in_.tolist()))[:, 1]
    return table.select(
        "flight_id",
        "scheduled_at",
        truth="late",
        label=pl.when(pl.col("late").is_null()).then(pl.lit("never")).otherwise(pl.lit("known")),
        score=pl.Series(score),
    )


def precision_at_top(known: pl.DataFrame, share: float) -> float:
    """Say how many of the highest-scored flights were late; ties go by id, so that it repeats."""
    rows = max(1, round(known.height * share))
    top = known.sort("score", "flight_id", descending=[True, False]).head(rows)
    return float(top["truth"].to_numpy().mean())


def calibration(known: pl.DataFrame) -> pl.DataFrame:
    """Compare, in bins of equal size, the predicted share of late flights with the observed."""
    ordered = known.sort("score", "flight_id").with_row_index("place")
    by_bin = ordered.group_by(pl.col("place") * BINS // known.height, maintain_order=True)
    return by_bin.agg(
        predicted=pl.col("score").mean(), observed=pl.col("truth").mean(), rows=pl.len()
    ).drop("place")


def metrics(scored: pl.DataFrame, curve: pl.DataFrame, threshold: float) -> dict[str, float]:
    """Measure on the flights whose truth is known, and count the others."""
    known = scored.filter(pl.col("label") == "known")
    late, score = known["truth"].to_numpy(), known["score"].to_numpy()
    error = np.average(np.abs(curve["predicted"] - curve["observed"]), weights=curve["rows"])
    measured = {
        "roc_auc": roc_auc_score(late, score),
        "precision_at_10pct": precision_at_top(known, 0.10),
        "log_loss": log_loss(late, score),
        "calibration_error": error,
        "f1": f1_score(late, score >= threshold),
        "threshold": threshold,
        "late_share": late.mean(),
    }
    counted = {
        "rows": scored.height,
        "rows_label_known": known.height,
        "rows_label_never": scored.height - known.height,
    }
    return {name: round(float(value), 6) for name, value in measured.items()} | counted


def roc(known: pl.DataFrame) -> pl.DataFrame:
    """Draw the ROC curve at 201 points from corner to corner."""
    false_positive, true_positive, _ = roc_curve(
        known["truth"].to_numpy(), known["score"].to_numpy()
    )
    points = np.linspace(0, len(false_positive) - 1, 201).round().astype(int)
    rates = {"false_positive_rate": false_positive, "true_positive_rate": true_positive}
    return pl.DataFrame({name: rate[points] for name, rate in rates.items()})


def main() -> None:
    threshold = json.loads(Path("validation.json").read_text())["threshold"]
    scored = predictions(Path("model.skops"), pl.read_parquet("data/test.parquet"))
    scored.write_parquet("predictions.parquet", compression="zstd")

    known = scored.filter(pl.col("label") == "known")
    curve = calibration(known)
    Path("plots").mkdir(exist_ok=True)
    curve.write_csv("plots/calibration.csv", float_precision=6)
    roc(known).write_csv("plots/roc.csv", float_precision=6)
    result = metrics(scored, curve, threshold)
    Path("metrics.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
