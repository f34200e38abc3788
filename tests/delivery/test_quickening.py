"""A new version is kept as ONNX too, unasked, where that can be done; else it is told why not."""

import time
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from tests.delivery.test_converting import TABLE, fitted, skops
from tests.delivery.test_delivering import said
from tests.project.projects import opened, write
from trueup.delivery import quickening
from trueup.models.conversions import Conversion, converted_of, recorded
from trueup.models.golden import Golden, decode_golden, mismatch
from trueup.models.signature import Signature
from trueup.project.registering import resolve

ensemble = import_module("sklearn.ensemble")
CONFIGURATION = """
    format: 1
    project: shop
    environment: {key: none}
    stages:
      train: {cmd: cp made.skops model.skops, deps: [made.skops], outs: [model.skops]}
    models:
      sale:
        path: model.skops
        task: binary
        evaluate: {data: test.csv, target: sold, id: id}
        gate:
          rules:
            - {metric: roc_auc, at_least: 0.6, evidence: point}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose only stage has a trained model to copy."""
    root = write(tmp_path / "project", {"trueup.yaml": CONFIGURATION})
    put(root, ensemble.RandomForestClassifier(5, random_state=1))
    TABLE.write_csv(root / "test.csv")
    return root


def put(root: Path, last: Any) -> None:
    (root / "made.skops").write_bytes(skops.dumps(fitted(last)))


def said_of(root: Path, key: str, value: str) -> None:
    path = root / "trueup.yaml"
    text = path.read_text()
    path.write_text(text.replace("    task: binary", f"    task: binary\n    {key}: {value}"))


def record_of(root: Path) -> Conversion | None:
    workspace = opened(root)
    return recorded(workspace.bucket, resolve(workspace, "sale/1").version.model.digest)


def golden_of(root: Path) -> Golden | None:
    workspace = opened(root)
    part = resolve(workspace, "sale/1").version.parts.get("golden")
    return None if part is None else decode_golden(workspace.results.read(part))


def test_a_run_leaves_its_version_with_a_quicker_form_and_golden_requests(project: Path) -> None:
    result = said(project, "run")
    assert result.exit_code == 0, result.stdout
    assert "shop/sale/1 promoted: champion of dev" in result.stdout
    assert "served as" not in result.stdout
    workspace = opened(project)
    digest = resolve(workspace, "sale").version.model.digest
    kept = converted_of(workspace.bucket, digest)
    assert kept is not None
    assert kept.timings is not None
    assert kept.timings.format == "skops"
    golden = golden_of(project)
    assert golden is not None
    assert set(golden.inputs) == {"shop", "near"}
    assert golden.rows == 32


def test_a_version_asks_for_what_its_model_takes_whatever_else_its_rows_have(project: Path) -> None:
    TABLE.with_columns(noted=pl.lit("by hand")).write_csv(project / "test.csv")
    assert said(project, "run").exit_code == 0
    workspace = opened(project)
    part = resolve(workspace, "sale/1").version.parts["signature"]
    found = msgspec.json.decode(workspace.results.read(part), type=Signature)
    assert [one.name for one in found.inputs] == ["shop", "near"]


def test_the_model_itself_answers_its_golden_requests(project: Path) -> None:
    from trueup.models.artifact import open_model

    said(project, "run")
    golden = golden_of(project)
    assert golden is not None
    answers, _ = open_model(project / "model.skops").predict(golden.inputs)
    assert mismatch(golden, answers.columns()) is None


def test_it_is_not_done_where_the_project_says_so(project: Path) -> None:
    said_of(project, "convert", "off")
    assert said(project, "run").exit_code == 0
    assert record_of(project) is None
    assert golden_of(project) is not None


def test_what_has_no_other_form_is_told_in_a_line_recorded_and_stops_nothing(
    project: Path,
) -> None:
    put(project, import_module("sklearn.neighbors").KNeighborsClassifier())
    result = said(project, "run")
    assert result.exit_code == 0, result.stdout
    assert "shop/sale/1 promoted: champion of dev" in result.stdout
    (line,) = (one for one in result.stdout.splitlines() if "served as" in one)
    assert line.startswith("shop/sale/1 is served as skops, by its own library: skl2onnx cannot")
    record = record_of(project)
    assert record is not None
    assert not record.kept
    assert "KNeighborsClassifier" in record.refused[0]


def test_it_is_told_once_and_not_tried_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project, import_module("sklearn.neighbors").KNeighborsClassifier())
    said(project, "run")

    def never(*_: Any) -> None:
        raise AssertionError("it was tried again")

    monkeypatch.setattr(quickening, "_converted", never)
    assert "served as" not in said(project, "run").stdout
    assert said(project, "register", "sale").exit_code == 0


def test_a_form_that_answers_otherwise_is_recorded_with_its_numbers(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.delivery.test_converting import positive_less
    from trueup.models.converters import answers

    monkeypatch.setattr(answers, "both", positive_less)
    result = said(project, "run")
    assert result.exit_code == 0
    assert "shop/sale/1 is served as skops" in result.stdout
    assert "the largest difference is 0.25" in result.stdout
    record = record_of(project)
    assert record is not None
    assert "0.25" in record.refused[0]


def test_a_form_that_answers_the_models_library_here_but_not_the_golden_requests_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trueup.delivery import belongings

    honest = belongings._golden

    def made_elsewhere(*given: Any) -> Golden:
        found = honest(*given)
        assert found is not None
        scores = [one * 0.5 for one in found.outputs["score"]]
        return msgspec.structs.replace(found, outputs={**found.outputs, "score": scores})

    monkeypatch.setattr(belongings, "_golden", made_elsewhere)
    result = said(project, "run")
    assert result.exit_code == 0
    record = record_of(project)
    assert record is not None
    assert not record.kept
    assert "does not answer as when it was registered" in record.refused[0]


def test_a_converter_that_trips_costs_the_run_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trueup.models.converters import sklearn_trees

    def trips(*_: Any) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setitem(sklearn_trees.TREES, "RandomForestClassifier", trips)
    result = said(project, "run")
    assert result.exit_code == 0
    assert "converting it fails with ZeroDivisionError: of all things" in result.stdout


def test_a_conversion_that_takes_too_long_is_given_up(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quickening, "WITHIN_S", 0.0)
    result = said(project, "run")
    assert result.exit_code == 0
    assert "it takes longer than 0 s" in result.stdout
    assert said(project, "convert", "sale/1", "--out", str(project / "f.onnx")).exit_code == 0
    record = record_of(project)
    assert record is not None
    assert record.kept


@pytest.mark.parametrize("absent", ["onnx", "onnxruntime", "sklearn"])
def test_without_the_libraries_one_line_says_which_extra_brings_them(
    project: Path, monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    libraries: Any = import_module("trueup.models.libraries")
    there = libraries.find_spec
    monkeypatch.setattr(
        libraries, "find_spec", lambda name: None if name == absent else there(name)
    )
    result = said(project, "run")
    assert result.exit_code == 0
    assert f"{absent} must be installed: pip install 'trueup[convert]'" in result.stdout
    assert record_of(project) is None


def test_registering_what_is_not_there_is_wrong_usage_as_ever(project: Path) -> None:
    result = said(project, "register", "sale")
    assert (result.exit_code, "has not run" in str(result.exception)) == (2, True)


def test_a_large_model_is_left_to_be_converted_by_hand(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quickening, "LARGEST_BYTES", 1)
    assert "is converted by hand: trueup convert" in said(project, "run").stdout
    assert record_of(project) is None


def test_thirty_trees_of_histogram_boosting_are_registered_in_seconds(project: Path) -> None:
    put(project, ensemble.HistGradientBoostingClassifier(max_iter=30, random_state=1))
    start_s = time.perf_counter()
    assert said(project, "run").exit_code == 0
    took_s = time.perf_counter() - start_s
    assert record_of(project) is not None
    assert took_s < 30, took_s  # 2 s on an idle machine; its point is that it is no minute


def test_rows_that_cannot_be_asked_leave_a_version_without_golden_requests(
    project: Path,
) -> None:
    table = TABLE.rename({"near": "far"})
    table.write_csv(project / "test.csv")
    (project / "trueup.yaml").write_text(
        (project / "trueup.yaml").read_text().partition("    gate:")[0]
    )
    result = said(project, "run")
    assert result.exit_code == 0, result.stdout
    assert "shop/sale/1 has no golden requests, as it could not be asked: " in result.stdout
    assert golden_of(project) is None


def test_sealed_rows_stay_sealed_and_the_requests_are_of_nobody(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "trueup.yaml"
    path.write_text(path.read_text().replace("id: id}", "id: id, holdout: sealed}"))
    result = said(project, "run")
    assert "champion of dev" in result.stdout, result.stdout
    golden = golden_of(project)
    assert golden is not None
    assert golden.made_up == ("shop", "near")
    assert set(golden.inputs["shop"]) == {"a", "b", "c"}
    near = golden.inputs["near"]
    known = set(TABLE["near"].to_list())
    assert len(set(near) - known) >= 30  # all but the ends of the range, which the signature has
    assert len(set(golden.outputs["prediction"])) == 2
