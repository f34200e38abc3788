"""One suite over all formats: what every one of them promises."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.models import makers
from trueup.errors import NotProven, TrueupError
from trueup.models.artifact import Model, Reading, open_model, verify
from trueup.models.port import ModelRefused, Trust
from trueup.models.signature import SignatureBroken
from trueup.store.scan import Scanner

CHECKOUT = Path(__file__).resolve().parents[2]
CASES = {
    "skops-pipeline": "skops",
    "skops-forest": "skops",
    "skops-three": "skops",
    "skops-targets": "skops",
    "pickle": "pickle",
    "onnx-matrix": "onnx",
    "onnx-columns": "onnx",
    "onnx-folder": "onnx",
    "lightgbm": "lightgbm",
    "lightgbm-three": "lightgbm",
    "mlflow": "lightgbm",
    "xgboost-json": "xgboost",
    "xgboost-ubj": "xgboost",
    "xgboost-regression": "xgboost",
    "python-class": "class",
    "safetensors": "torch",
    "torch-export": "torch",
}


class Case(msgspec.Struct, frozen=True):
    """A model that another process has trained, and what it predicted there."""

    name: str
    place: Path
    format: str
    trust: Trust
    columns: dict[str, Any]
    outputs: dict[str, Any]
    near: float

    def open(self, reading: Reading | None = None, place: Path | None = None) -> Model:
        return open_model(place or self.place, self.trust, reading)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which all workers of this test run keep the families."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "families"
    shared.mkdir(exist_ok=True)
    return shared


def family(name: str, shelf: Path, eventually: Callable[..., None]) -> Path:
    """Return the folder of a family; the worker that asks first trains it, the others wait."""
    missing = [one for one in makers.NEEDS[name] if importlib.util.find_spec(one) is None]
    if missing:
        pytest.skip(f"optional: pip install {' '.join(missing)}")
    done, begun = shelf / name, shelf / f"{name}.begun"
    try:
        begun.mkdir()
    except FileExistsError:
        eventually(done.exists, timeout_s=100.0)
        return done
    command = [sys.executable, "-m", "tests.models.makers", str(begun), name]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}  # threads cost more than so few rows bring
    ended = subprocess.run(
        command, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    done.symlink_to(begun)
    return done


def marked(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.torch) if CASES[name] == "torch" else name


@pytest.fixture(params=[marked(name) for name in CASES])
def case(request: pytest.FixtureRequest, shelf: Path, eventually: Callable[..., None]) -> Case:
    name = str(request.param)
    folder = family(CASES[name], shelf, eventually)
    how = json.loads((folder / f"{name}.json").read_text())
    with np.load(folder / f"{name}.npz") as stored:
        outputs = {key: stored[key] for key in stored.files}
    trust = Trust(
        pickle=how.get("trust", {}).get("pickle", False),
        code=tuple(how.get("trust", {}).get("code", ())),
    )
    columns = getattr(makers, how["columns"])()
    place = folder / name / how["model"]
    return Case(name, place, how["format"], trust, columns, outputs, how.get("near", 0.0))


def assert_same(found: Any, case: Case) -> None:
    assert set(found.names) == set(case.outputs)
    for name, wanted in case.outputs.items():
        column = found.column(name)
        if wanted.dtype.kind in "US" or case.near == 0.0:
            np.testing.assert_array_equal(column, wanted)
        else:
            np.testing.assert_allclose(column, wanted, rtol=case.near, atol=case.near)


def part_of(case: Case, share: float, to: Path) -> Path:
    """Copy a model, its largest file cut off."""
    if case.place.is_file():
        (to / "cut").write_bytes(case.place.read_bytes()[: int(case.place.stat().st_size * share)])
        return to / "cut"
    shutil.copytree(case.place, to / "cut")
    largest = max((to / "cut").rglob("*"), key=lambda one: one.stat().st_size * one.is_file())
    largest.write_bytes(largest.read_bytes()[: int(largest.stat().st_size * share)])
    return to / "cut"


def test_it_predicts_what_the_training_process_predicted(case: Case) -> None:
    model = case.open()
    assert model.format == case.format
    found, unusual = model.predict(case.columns)
    assert_same(found, case)
    assert unusual == ()


def test_the_size_of_batches_changes_nothing(case: Case) -> None:
    model = case.open()
    whole, _ = model.predict(case.columns)
    parts, _ = model.predict(case.columns, batch_rows=7)
    for name in whole.names:
        one, other = whole.column(name), parts.column(name)
        if one.dtype.kind == "f":
            np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(other, one)


def test_its_name_says_nothing(case: Case, tmp_path: Path) -> None:
    for name in ("model.pkl", "model.onnx", "model"):
        place = tmp_path / name
        (shutil.copytree if case.place.is_dir() else shutil.copyfile)(case.place, place)
        assert case.open(place=place).format == case.format


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_file_that_is_cut_off_is_refused(case: Case, share: float, tmp_path: Path) -> None:
    with pytest.raises(TrueupError) as refused:
        case.open(place=part_of(case, share, tmp_path))
    assert refused.value.remedy


def test_a_changed_byte_is_refused_by_the_digest(case: Case, tmp_path: Path) -> None:
    artifact = Scanner(case.place.parent, tmp_path / "state").scan(case.place)
    assert artifact is not None
    verify(case.place, artifact)
    copied = tmp_path / "copied"
    (shutil.copytree if case.place.is_dir() else shutil.copyfile)(case.place, copied)
    file = copied if copied.is_file() else next(one for one in copied.rglob("*") if one.is_file())
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)
    with pytest.raises(NotProven, match="not the one with the digest"):
        open_model(copied, case.trust, artifact=artifact)


def test_a_table_that_breaks_the_signature_is_refused_with_every_column(case: Case) -> None:
    signature = case.open().describe(case.columns)
    model = case.open(Reading(signature=signature))
    assert_same(model.predict(case.columns)[0], case)
    first, *_, last = model.inputs
    broken = {name: one for name, one in case.columns.items() if name != first}
    broken[last] = np.full(makers.ROWS, 3.5) if last == "place" else ["x"] * makers.ROWS
    with pytest.raises(SignatureBroken) as refused:
        model.predict(broken)
    assert {one.field: one.kind for one in refused.value.problems} == {
        first: "missing",
        last: "type",
    }
    assert all(f"- {name}: " in str(refused.value) for name in (first, last))


def test_a_missing_column_is_noticed_without_a_signature(case: Case) -> None:
    model = case.open()
    lacking = model.inputs[0] if model.inputs else "a"
    rest = {name: one for name, one in case.columns.items() if name != lacking}
    says = f"the table lacks: {lacking}" if model.inputs else "failed on the table"
    with pytest.raises(TrueupError, match=says):
        model.predict(rest)


def test_what_needs_trust_is_refused_without_it_and_the_rest_is_not(case: Case) -> None:
    if case.trust == Trust():
        assert open_model(case.place).format == case.format
        return
    with pytest.raises(ModelRefused, match="nothing was run") as refused:
        open_model(case.place, Trust(model="late"))
    assert "models.late.trust." in refused.value.remedy
