"""What projects usually save opens with nothing trusted beside the audited types."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trueup.models.artifact import open_model

skops = pytest.importorskip("skops.io")
pytest.importorskip("sklearn")
pl = pytest.importorskip("polars")

compose = import_module("sklearn.compose")
ensemble = import_module("sklearn.ensemble")
feature_selection = import_module("sklearn.feature_selection")
impute = import_module("sklearn.impute")
linear = import_module("sklearn.linear_model")
preprocessing = import_module("sklearn.preprocessing")
selection = import_module("sklearn.model_selection")
pipeline = import_module("sklearn.pipeline")

ROWS = 160
DRAW = np.random.default_rng(6)
NUMBERS = DRAW.normal(size=(ROWS, 3))
FRAME = pl.DataFrame(
    {
        "a": NUMBERS[:, 0],
        "b": [None if k % 11 == 0 else float(one) for k, one in enumerate(NUMBERS[:, 1])],
        "month": DRAW.integers(1, 13, ROWS),
        "place": [["ATL", "BOS", "JFK"][k] for k in DRAW.integers(0, 3, ROWS)],
    }
)
TRUTH = (NUMBERS[:, 0] > 0).astype(int)
UNSEEN = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan}
SMALL = {"n_estimators": 4, "random_state": 1}


def prepared(encoder: Any, numbers: Any, last: Any) -> Any:
    columns = compose.ColumnTransformer(
        [("words", encoder, ["place"]), ("numbers", numbers, ["a", "b", "month"])]
    )
    return pipeline.make_pipeline(columns, last)


def filled() -> Any:
    return pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())


def one_hot() -> Any:
    return preprocessing.OneHotEncoder(handle_unknown="ignore")


def logistic() -> Any:
    return linear.LogisticRegression(max_iter=500)


def booster(package: str, name: str) -> Any:
    quiet = {"verbose": -1} if package == "lightgbm" else {"verbosity": 0}
    kind = getattr(pytest.importorskip(package), name)
    return kind(n_estimators=4, max_depth=3, n_jobs=1, **quiet)


def calibrated(**settings: Any) -> Any:
    kind = import_module("sklearn.calibration").CalibratedClassifierCV
    return kind(ensemble.RandomForestClassifier(**SMALL), cv=2, **settings)


MODELS: dict[str, Callable[[], Any]] = {
    "a random forest": lambda: ensemble.RandomForestClassifier(**SMALL),
    "histograms over codes": lambda: prepared(
        preprocessing.OrdinalEncoder(**UNSEEN),
        "passthrough",
        ensemble.HistGradientBoostingClassifier(max_iter=4),
    ),
    "histograms over categories": lambda: prepared(
        preprocessing.OrdinalEncoder(**UNSEEN),
        "passthrough",
        ensemble.HistGradientBoostingClassifier(max_iter=4, categorical_features=[0]),
    ),
    "boosting": lambda: prepared(one_hot(), filled(), ensemble.GradientBoostingClassifier(**SMALL)),
    "logistic": lambda: prepared(one_hot(), filled(), logistic()),
    "neighbours fill": lambda: prepared(one_hot(), impute.KNNImputer(), logistic()),
    "target means": lambda: prepared(preprocessing.TargetEncoder(), filled(), logistic()),
    "powers and splines": lambda: prepared(
        one_hot(),
        pipeline.make_pipeline(
            impute.SimpleImputer(strategy="median", add_indicator=True),
            preprocessing.RobustScaler(),
            preprocessing.PolynomialFeatures(2),
        ),
        logistic(),
    ),
    "chosen columns": lambda: prepared(
        one_hot(),
        filled(),
        pipeline.make_pipeline(feature_selection.SelectKBest(k=3), logistic()),
    ),
    "calibrated by sigmoids": lambda: prepared(one_hot(), filled(), calibrated()),
    "calibrated by steps": lambda: prepared(one_hot(), filled(), calibrated(method="isotonic")),
    "votes": lambda: prepared(
        one_hot(),
        filled(),
        ensemble.VotingClassifier(
            [("a", logistic()), ("b", ensemble.RandomForestClassifier(**SMALL))], voting="soft"
        ),
    ),
    "a stack": lambda: prepared(
        one_hot(), filled(), ensemble.StackingClassifier([("a", logistic())], cv=2)
    ),
    "a search": lambda: selection.GridSearchCV(
        prepared(one_hot(), filled(), logistic()),
        {"logisticregression__C": [0.1, 1.0]},
        cv=2,
        scoring="roc_auc",
    ),
    "a search by its own score": lambda: selection.GridSearchCV(
        prepared(one_hot(), filled(), logistic()),
        {"logisticregression__C": [0.1, 1.0]},
        cv=selection.TimeSeriesSplit(2),
    ),
    "a random search": lambda: selection.RandomizedSearchCV(
        prepared(one_hot(), filled(), logistic()),
        {"logisticregression__C": [0.1, 1.0]},
        n_iter=2,
        cv=selection.KFold(2),
        random_state=1,
    ),
    "a tuned threshold": lambda: selection.TunedThresholdClassifierCV(
        prepared(one_hot(), filled(), logistic()), scoring="f1", cv=2
    ),
    "a target in logarithms": lambda: compose.TransformedTargetRegressor(
        prepared(one_hot(), filled(), linear.Ridge()), func=np.log1p, inverse_func=np.expm1
    ),
    "lightgbm, two classes": lambda: prepared(
        one_hot(), filled(), booster("lightgbm", "LGBMClassifier")
    ),
    "lightgbm, numbers": lambda: prepared(
        one_hot(), filled(), booster("lightgbm", "LGBMRegressor")
    ),
    "xgboost, two classes": lambda: prepared(
        one_hot(), filled(), booster("xgboost", "XGBClassifier")
    ),
    "xgboost, numbers": lambda: prepared(one_hot(), filled(), booster("xgboost", "XGBRegressor")),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_it_opens_with_audited_types_alone_and_predicts_as_it_was_trained(
    name: str, tmp_path: Path
) -> None:
    given = FRAME.select("a", "month") if name == "a random forest" else FRAME
    model = MODELS[name]().fit(given, TRUTH)
    (tmp_path / "m").write_bytes(skops.dumps(model))
    answered, _ = open_model(tmp_path / "m").predict(given)
    assert answered.column("prediction").tolist() == model.predict(given).tolist()
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(answered.column("score"), model.predict_proba(given)[:, 1])


def test_what_lets_arrays_through_may_not_call_anything_else(tmp_path: Path) -> None:
    from tests.models.test_skops import changed
    from trueup.models.port import ModelRefused

    model = MODELS["histograms over categories"]().fit(FRAME, TRUTH)
    body = changed(
        skops.dumps(model), lambda schema: schema.replace('"check_array"', '"check_X_y"')
    )
    (tmp_path / "m").write_bytes(body)
    with pytest.raises(ModelRefused, match=r"check_X_y|functools\.partial"):
        open_model(tmp_path / "m")
