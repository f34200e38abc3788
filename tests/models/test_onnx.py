"""ONNX graphs: what they keep elsewhere, what they answer, and that looking costs no library."""

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import TrueupError
from trueup.models.artifact import Reading, open_model
from trueup.models.formats.onnx_bytes import NotAGraph, external_locations, looks_like_a_model
from trueup.models.port import ModelDamaged, ModelRefused
from trueup.models.signature import infer
from trueup.models.tables import as_table

onnx: Any = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper, FLOAT, TEXT = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.STRING
WEIGHTS = np.array([[1.0], [2.0]], dtype=np.float32)


def graph(nodes: list[Any], inputs: list[Any], outputs: list[Any], tensors: list[Any]) -> Any:
    return helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, tensors),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )


def linear(weights: Any) -> Any:
    return graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [helper.make_tensor_value_info("x", FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", FLOAT, [None, 1])],
        [weights],
    )


def stored_at(location: str) -> Any:
    tensor = onnx.TensorProto(name="w", data_type=FLOAT, dims=[2, 1])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "8")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def hidden_deep(location: str) -> Any:
    """Put the tensor into a constant of a branch of a node."""
    constant = helper.make_node("Constant", [], ["c"], value=stored_at(location))
    inner = helper.make_graph(
        [constant], "inner", [], [helper.make_tensor_value_info("c", FLOAT, [2, 1])]
    )
    condition = onnx.numpy_helper.from_array(np.array(True), "yes")
    branch = helper.make_node("If", ["yes"], ["w"], then_branch=inner, else_branch=inner)
    return graph(
        [branch, helper.make_node("MatMul", ["x", "w"], ["y"])],
        [helper.make_tensor_value_info("x", FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", FLOAT, [None, 1])],
        [condition],
    )


@pytest.mark.parametrize("make", [lambda at: linear(stored_at(at)), hidden_deep])
@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../secret", "link"])
def test_external_data_outside_the_folder_is_refused(
    location: str, make: Any, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(WEIGHTS.tobytes())
    (tmp_path / "model").mkdir()
    if location == "link":
        (tmp_path / "model" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "model" / "model.onnx").write_bytes(make(location).SerializeToString())
    with pytest.raises(ModelRefused, match=r"outside"):
        open_model(tmp_path / "model")
    if location != "link":
        with pytest.raises(ModelRefused, match="reads data outside its folder"):
            open_model(tmp_path / "model" / "model.onnx")


def test_external_data_beside_a_lone_file_is_no_part_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(WEIGHTS.tobytes())
    (tmp_path / "model.onnx").write_bytes(linear(stored_at("weights")).SerializeToString())
    with pytest.raises(ModelRefused, match="not part of the model") as refused:
        open_model(tmp_path / "model.onnx")
    assert "Name the folder" in refused.value.remedy
    found, _ = open_model(tmp_path).predict({"a": [1.0, 2.0], "b": [0.0, 1.0]})
    assert found.column("prediction").tolist() == [1.0, 4.0]
    (tmp_path / "weights").unlink()
    with pytest.raises(ModelDamaged, match="'weights', which is not there"):
        open_model(tmp_path)


def test_locations_are_found_as_the_library_of_onnx_finds_them() -> None:
    for model in (linear(stored_at("a/b")), hidden_deep("a/b")):
        assert external_locations(model.SerializeToString()) == ["a/b"]
    inside = onnx.numpy_helper.from_array(WEIGHTS, "w")
    plain = linear(inside)
    plain.doc_string = "the location of nothing"
    assert external_locations(plain.SerializeToString()) == []


@given(st.binary(max_size=200))
def test_reading_any_bytes_ends_in_an_answer(body: bytes) -> None:
    looks_like_a_model(body)
    with suppress(NotAGraph):
        assert isinstance(external_locations(body + b"location"), list)


def test_categories_reach_a_graph_as_places_in_the_vocabulary(tmp_path: Path) -> None:
    model = linear(onnx.numpy_helper.from_array(WEIGHTS, "w"))
    (tmp_path / "m").write_bytes(model.SerializeToString())
    columns = {"a": [1.0, 1.0, 1.0], "place": ["b", "a", "c"]}
    with pytest.raises(TrueupError, match="the model takes numbers, but place is not"):
        open_model(tmp_path / "m").predict(columns)
    reading = Reading(signature=infer(as_table(columns)))
    found, unusual = open_model(tmp_path / "m", reading=reading).predict(columns)
    assert found.column("prediction").tolist() == [3.0, 1.0, 5.0]
    assert unusual == ()
    columns["place"] = ["b", "new", "c"]
    found, unusual = open_model(tmp_path / "m", reading=reading).predict(columns)
    assert np.isnan(found.column("prediction")[1])
    assert [one.kind for one in unusual] == ["unseen"]


def test_texts_go_to_a_graph_that_takes_them(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["place"], ["answer"])]
    model = graph(
        nodes,
        [helper.make_tensor_value_info("place", TEXT, [None, 1])],
        [helper.make_tensor_value_info("answer", TEXT, [None, 1])],
        [],
    )
    (tmp_path / "m").write_bytes(model.SerializeToString())
    found, _ = open_model(tmp_path / "m").predict({"x": [1, 2], "place": ["b", None]})
    assert found.column("prediction").tolist() == ["b", ""]


def test_a_table_of_another_width_is_refused(tmp_path: Path) -> None:
    model = linear(onnx.numpy_helper.from_array(WEIGHTS, "w"))
    (tmp_path / "m").write_bytes(model.SerializeToString())
    with pytest.raises(TrueupError, match="takes 2 columns, the table has 3"):
        open_model(tmp_path / "m").predict({"a": [1.0], "b": [1.0], "c": [1.0]})


def test_a_graph_with_operators_that_are_not_known_is_refused(tmp_path: Path) -> None:
    model = graph(
        [helper.make_node("RunThis", ["x"], ["y"], domain="evil")],
        [helper.make_tensor_value_info("x", FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", FLOAT, [None, 1])],
        [],
    )
    model.opset_import.append(helper.make_opsetid("evil", 1))
    (tmp_path / "m").write_bytes(model.SerializeToString())
    with pytest.raises(ModelDamaged, match="cannot be read"):
        open_model(tmp_path / "m")


def test_the_converter_of_scikit_learn_answers_by_name(tmp_path: Path) -> None:
    convert = pytest.importorskip("skl2onnx").to_onnx
    draw = np.random.default_rng(3)
    rows = draw.normal(size=(60, 2)).astype(np.float32)
    answer = np.array(["no", "yes", "perhaps"])[np.digitize(rows[:, 0], [-0.5, 0.5])]
    model = import_module("sklearn.linear_model").LogisticRegression().fit(rows, answer)
    (tmp_path / "m").write_bytes(convert(model, rows[:1]).SerializeToString())
    found, _ = open_model(tmp_path / "m").predict({"a": rows[:, 0], "b": rows[:, 1]})
    assert set(found.names) == {"prediction", "score_no", "score_yes", "score_perhaps"}
    np.testing.assert_array_equal(found.column("prediction"), model.predict(rows))
    wanted = model.predict_proba(rows)
    for k, name in enumerate(model.classes_):
        np.testing.assert_allclose(found.column(f"score_{name}"), wanted[:, k], atol=1e-5)
