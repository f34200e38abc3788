"""Real MLflow model folders, as MLflow itself writes them."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trueup.models.artifact import open_model
from trueup.models.port import ModelRefused, Trust

pytest.importorskip("sklearn")
pytest.importorskip("pandas", reason="optional: pip install mlflow-skinny pandas")
pytest.importorskip("mlflow.pyfunc", reason="optional: pip install mlflow-skinny pandas")

DRAW = np.random.default_rng(4)
ROWS = 120
COLUMNS: dict[str, Any] = {
    "a": DRAW.normal(size=ROWS),
    "place": DRAW.choice(["ATL", "BOS"], ROWS).astype(object),
    "count": DRAW.integers(0, 9, ROWS),
}
TRUSTED = Trust(pickle=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow warns of its own ways


@pytest.fixture(scope="module")
def frame() -> Any:
    return import_module("pandas").DataFrame(COLUMNS)


@pytest.fixture(scope="module")
def classifier(frame: Any) -> Any:
    compose, preprocessing = (
        import_module("sklearn.compose"),
        import_module("sklearn.preprocessing"),
    )
    columns = compose.make_column_transformer(
        (preprocessing.OrdinalEncoder(), ["place"]), remainder="passthrough"
    )
    forest = import_module("sklearn.ensemble").RandomForestClassifier(5, random_state=1)
    model = import_module("sklearn.pipeline").make_pipeline(columns, forest)
    return model.fit(frame, np.array(["no", "yes"])[(COLUMNS["a"] > 0).astype(int)])


@pytest.fixture
def signed(frame: Any, classifier: Any) -> Any:
    infer = import_module("mlflow.models").infer_signature
    return infer(frame, classifier.predict(frame))


@pytest.mark.parametrize("kind", ["cloudpickle", "skops"])
def test_a_classifier_answers_its_scores_whatever_it_is_kept_as(
    kind: str, tmp_path: Path, frame: Any, classifier: Any, signed: Any
) -> None:
    kept: dict[str, Any] = {"serialization_format": kind, "signature": signed}
    if kind == "skops":
        kept["skops_trusted_types"] = ["sklearn.tree._tree.Tree"]
    import_module("mlflow.sklearn").save_model(classifier, tmp_path / "m", **kept)
    if kind == "cloudpickle":
        with pytest.raises(ModelRefused, match="nothing was run"):
            open_model(tmp_path / "m")
    model = open_model(tmp_path / "m", TRUSTED if kind == "cloudpickle" else Trust())
    answered, _ = model.predict(COLUMNS)
    assert model.inputs == tuple(COLUMNS)
    assert answered.column("prediction").tolist() == classifier.predict(frame).tolist()
    np.testing.assert_array_equal(answered.column("score"), classifier.predict_proba(frame)[:, 1])


def test_a_model_in_python_is_asked_through_pyfunc(
    tmp_path: Path, frame: Any, signed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "doubling.py"
    code.write_text(
        "import mlflow\n\n\n"
        "class Doubling(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return model_input['a'] * 2 + model_input['count']\n\n\n"
        "mlflow.models.set_model(Doubling())\n"
    )
    monkeypatch.chdir(tmp_path)
    mlflow = import_module("mlflow.pyfunc")
    mlflow.save_model(tmp_path / "m", python_model=str(code), signature=signed)
    with pytest.raises(ModelRefused, match="python_function"):
        open_model(tmp_path / "m")
    model = open_model(tmp_path / "m", TRUSTED)
    answered, _ = model.predict(COLUMNS)
    wanted = COLUMNS["a"] * 2 + COLUMNS["count"]
    np.testing.assert_array_equal(answered.column("prediction"), wanted)
    # a table with missing values elsewhere keeps whole numbers as fractions
    loose, _ = model.predict(COLUMNS | {"count": COLUMNS["count"].astype(float)})
    np.testing.assert_array_equal(loose.column("prediction"), wanted)
