"""Write what NannyML itself says of its own data, to compare with; it runs in its environment.

scripts/env.sh nannyml && .build/venv-nannyml/bin/python scripts/nannyml_numbers.py \
    tests/monitoring/performance/nannyml.json
"""

import json
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

warnings.filterwarnings("ignore")  # of which importing it gives many
nannyml: Any = import_module("nannyml")

BINARY = ("roc_auc", "average_precision", "f1", "precision", "recall", "specificity", "accuracy")
SEVERAL = ("roc_auc", "f1", "precision", "recall", "accuracy")
PRICES = ("mae", "mse", "rmse")
CARDS = ("prepaid_card", "highstreet_card", "upmarket_card")
INPUTS = (
    *("car_age", "km_driven", "price_new", "accident_count", "door_count"),
    *("fuel", "transmission"),
)


def binary(loaded: Any, target: str, score: str, decided: str, time: str | None) -> Any:
    """Return what it says of a model of two classes."""
    kinds = {
        "problem_type": "classification_binary",
        "y_pred_proba": score,
        "y_pred": decided,
        "y_true": target,
        "timestamp_column_name": time,
        "metrics": list(BINARY),
        "chunk_size": 5000,
    }
    made = (nannyml.CBPE(**kinds), nannyml.PerformanceCalculator(**kinds))
    return _both(made, loaded, BINARY)


def cards() -> Any:
    """Return what it says of a model of three classes."""
    kinds = {
        "problem_type": "classification_multiclass",
        "y_pred_proba": {name: f"y_pred_proba_{name}" for name in CARDS},
        "y_pred": "y_pred",
        "y_true": "y_true",
        "timestamp_column_name": "timestamp",
        "metrics": list(SEVERAL),
        "chunk_size": 6000,
    }
    loaded = nannyml.load_synthetic_multiclass_classification_dataset()
    return _both((nannyml.CBPE(**kinds), nannyml.PerformanceCalculator(**kinds)), loaded, SEVERAL)


def car_price() -> Any:
    """Return what it says of a regression."""
    kinds = {
        "y_pred": "y_pred",
        "y_true": "y_true",
        "timestamp_column_name": "timestamp",
        "metrics": list(PRICES),
        "chunk_size": 6000,
    }
    made = (
        nannyml.DLE(feature_column_names=list(INPUTS), **kinds),
        nannyml.PerformanceCalculator(problem_type="regression", **kinds),
    )
    return _both(made, nannyml.load_synthetic_car_price_dataset(), PRICES)


def _both(made: tuple[Any, Any], loaded: Any, metrics: Sequence[str]) -> dict[str, Any]:
    reference, current, targets = loaded
    estimator, calculator = made
    estimator.fit(reference)
    calculator.fit(reference)
    shared = [name for name in targets.columns if name in current.columns]
    whole = current.merge(targets, on=shared) if shared else current.join(targets)
    said = estimator.estimate(current).filter(period="analysis").to_df()
    came = calculator.calculate(whole).filter(period="analysis").to_df()
    return {
        name: {
            "estimated": _rounded(said[(name, "value")]),
            "realised": _rounded(came[(name, "value")]),
        }
        for name in metrics
    }


def _rounded(column: Any) -> list[float]:
    return [round(each, 6) for each in column.to_numpy(float).tolist()]


def main() -> None:
    """Write the numbers, and print how far its estimates are off."""
    employment = nannyml.load_us_census_ma_employment_data()
    loans = nannyml.load_synthetic_car_loan_dataset()
    found = {
        "nannyml": version("nannyml"),
        "employment": binary(employment, "employed", "predicted_probability", "prediction", None),
        "car_loan": binary(loans, "repaid", "y_pred_proba", "y_pred", "timestamp"),
        "cards": cards(),
        "car_price": car_price(),
    }
    Path(sys.argv[1]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, metrics in found.items():
        for metric, each in metrics.items() if isinstance(metrics, dict) else ():
            off = np.abs(np.array(each["estimated"]) - np.array(each["realised"]))
            print(f"{name:12} {metric:20} windows {len(off):3}  mean error {off.mean():.6g}")


if __name__ == "__main__":
    main()
