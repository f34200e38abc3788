"""``trueup convert``: a model's file or version as ONNX, where that answers as the model does."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trueup as library
from tests.delivery.test_delivering import said
from tests.project.projects import opened, write
from trueup.errors import NotProven, WrongUsage
from trueup.models.artifact import Reading, open_model
from trueup.models.conversions import converted_of, open_converted

skops = pytest.importorskip("skops.io")
for needed in ("sklearn", "onnx", "onnxruntime", "skl2onnx"):
    pytest.importorskip(needed)
pl = pytest.importorskip("polars")

ROWS = 300
DRAW = np.random.default_rng(2)
NEAR, SHOP = DRAW.random(ROWS), DRAW.choice(["a", "b", "c"], ROWS)
TABLE = pl.DataFrame(
    {
        "id": [f"test-{k}" for k in range(ROWS)],
        "shop": SHOP.tolist(),
        "near": NEAR,
        "sold": (NEAR + (SHOP == "b") * 0.4 + 0.2 * DRAW.normal(size=ROWS) > 0.6).astype(int),
    }
)
PROJECT = {
    "trueup.yaml": """
        format: 1
        project: shop
        environment: {key: none}
        stages:
          count: {cmd: wc -l test.csv > rows.txt, deps: [test.csv], outs: [rows.txt]}
        models:
          sale:
            path: model.skops
            task: binary
            evaluate: {data: test.csv, target: sold, id: id}
    """
}


def fitted(last: Any) -> Any:
    encoder = import_module("sklearn.preprocessing").OneHotEncoder(handle_unknown="ignore")
    columns = import_module("sklearn.compose").make_column_transformer(
        (encoder, ["shop"]), ("passthrough", ["near"])
    )
    model = import_module("sklearn.pipeline").make_pipeline(columns, last)
    return model.fit(TABLE.select("shop", "near"), TABLE["sold"].to_numpy())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a model's file and rows to judge it on."""
    root = write(tmp_path / "project", PROJECT)
    forest = import_module("sklearn.ensemble").RandomForestClassifier(5, random_state=1)
    (root / "model.skops").write_bytes(skops.dumps(fitted(forest)))
    TABLE.write_csv(root / "test.csv")
    return root


def test_a_models_file_becomes_a_graph_that_answers_alike(project: Path) -> None:
    result = said(project, "convert", "sale", "--out", str(project / "out" / "sale.onnx"))
    assert result.exit_code == 0
    assert "shop/sale as ONNX" in result.stdout
    assert "thresholds approached to one ulp" in result.stdout
    assert "kept by" not in result.stderr
    model = open_model(project / "model.skops")
    found = open_model(project / "out" / "sale.onnx")
    assert set(found.inputs) == {"shop", "near"}
    shops = {name: float(code) for code, name in enumerate(("a", "b", "c"))}
    coded = {"shop": np.array([shops[one] for one in SHOP]), "near": NEAR}
    np.testing.assert_array_equal(
        found.predict(coded)[0].column("score"), model.predict(TABLE)[0].column("score")
    )


def test_a_versions_form_is_kept_by_its_digest_and_outlives_garbage_collection(
    project: Path,
) -> None:
    said(project, "register", "sale")
    result = said(project, "convert", "sale/1", "--out", str(project / "sale.onnx"))
    assert result.exit_code == 0
    assert "kept by shop/sale/1" in result.stderr
    workspace = opened(project)
    digest = said(project, "resolve", "sale/1").stdout.split()[1]
    kept = converted_of(workspace.bucket, digest)
    assert kept is not None
    assert kept.artifact is not None
    collected = list(gone(workspace))
    assert not any(kept.artifact.digest in key for key in collected)
    place = project / "again.onnx"
    workspace.results.place(kept.artifact, place)
    answered, _ = open_converted(kept, place).predict(TABLE)
    wanted, _ = open_model(project / "model.skops").predict(TABLE)
    np.testing.assert_array_equal(answered.column("score"), wanted.column("score"))


def gone(workspace: Any) -> Any:
    from datetime import UTC, datetime, timedelta

    from trueup.store.gcroots import BucketContents
    from trueup.store.gcsurvey import Survey

    later = datetime.now(UTC) + timedelta(days=400)
    survey = Survey(workspace.bucket, BucketContents(workspace.bucket), ())
    survey.look(runs_since=later, young_since=later)
    return [entry.key for entry in survey.garbage]


def test_a_form_that_answers_otherwise_is_refused_and_not_written(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trueup.models.converters import answers

    monkeypatch.setattr(answers, "both", lambda graph, positive: positive_less(graph, positive))
    said(project, "register", "sale")
    result = said(project, "convert", "sale", "--out", str(project / "sale.onnx"))
    assert result.exit_code == 10
    assert isinstance(result.exception, NotProven)
    assert "rows of the evaluation data: the largest difference is 0.25" in result.stdout
    assert not (project / "sale.onnx").exists()
    workspace = opened(project)
    digest = said(project, "resolve", "sale/1").stdout.split()[1]
    assert converted_of(workspace.bucket, digest) is None


def positive_less(graph: Any, positive: str) -> str:
    """Answer a quarter less than the model says."""
    less = graph.add("Sub", [positive, graph.constant(0.25)])
    joined: str = graph.add("Concat", [less, less], axis=1)
    return joined


def test_what_cannot_be_converted_is_wrong_usage_with_the_reason(project: Path) -> None:
    neighbours = import_module("sklearn.neighbors").KNeighborsClassifier()
    (project / "model.skops").write_bytes(skops.dumps(fitted(neighbours)))
    result = said(project, "convert", "sale")
    assert result.exit_code == 2
    assert "KNeighborsClassifier" in str(result.exception)


def test_a_model_of_another_project_or_without_a_file_is_wrong_usage(project: Path) -> None:
    other = said(project, "convert", "bank/loan")
    assert (other.exit_code, "another project" in str(other.exception)) == (2, True)
    (project / "model.skops").unlink()
    nothing = said(project, "convert", "sale")
    assert (nothing.exit_code, "no model yet" in str(nothing.exception)) == (2, True)


def test_the_library_converts_as_the_command_does(project: Path) -> None:
    found = library.convert("sale", out=project / "sale.onnx", folder=project)
    assert (found.name, found.versions, found.record.refused) == ("shop/sale", (), ())
    told = json.loads(said(project, "convert", "sale", "--out", found.written, "--json").stdout)
    assert told["record"]["model"] == found.record.model
    reading = Reading(signature=found.record.signature)
    assert open_model(project / "sale.onnx", reading=reading).predict(TABLE)[0].rows == ROWS


def test_python_says_so_where_no_form_is_known(project: Path) -> None:
    with pytest.raises(WrongUsage, match="bank/loan belongs to another project"):
        library.convert("bank/loan", folder=project)
