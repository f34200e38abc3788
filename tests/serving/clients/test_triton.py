"""NVIDIA's own client of the inference protocol, tensors as bytes and as JSON."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.serving.servers import RECORD, Server

triton: Any = pytest.importorskip("tritonclient.http")
failures: Any = pytest.importorskip("tritonclient.utils")

ROWS = [RECORD, {**RECORD, "near": 0.9, "shop": "a"}, {**RECORD, "staff": 0}]
KINDS = {"shop": "BYTES", "near": "FP64", "staff": "INT64"}
DTYPES = {"BYTES": object, "FP64": np.float64, "FP32": np.float32, "INT64": np.int64,
          "INT32": np.int32, "UINT8": np.uint8, "FP16": np.float16}  # fmt: skip


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    one = triton.InferenceServerClient(server.url.removeprefix("http://"), concurrency=4)
    yield one
    one.close()


def inputs(
    binary: bool = True, shape: tuple[int, ...] = (3,), kinds: dict[str, str] | None = None
) -> list[Any]:
    made = []
    for name, kind in {**KINDS, **(kinds or {})}.items():
        values = [str(row[name]).encode() if kind == "BYTES" else row[name] for row in ROWS]
        one = triton.InferInput(name, list(shape), kind)
        one.set_data_from_numpy(np.array(values, DTYPES[kind]).reshape(shape), binary_data=binary)
        made.append(one)
    return made


def expected(server: Server) -> list[float]:
    return [one["score"] for one in server.predict(*ROWS)["predictions"]]


def test_health_and_metadata_are_what_it_reads(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("sale")
    assert client.is_model_ready("sale", "1")
    assert not client.is_model_ready("sale", "99")
    assert not client.is_model_ready("other")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    found = client.get_model_metadata("sale", "1")
    assert {one["name"]: one["datatype"] for one in found["inputs"]} == KINDS
    assert [one["name"] for one in found["outputs"]] == ["prediction", "score"]


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_tensors_as_bytes_and_as_json_are_answered_alike(
    server: Server, client: Any, sent: bool, wanted: bool, shape: tuple[int, ...]
) -> None:
    outputs = [triton.InferRequestedOutput(one, wanted) for one in ("score", "prediction")]
    answer = client.infer("sale", inputs(sent, shape), outputs=outputs, request_id="mine-7")
    assert answer.as_numpy("score").tolist() == expected(server)
    assert answer.as_numpy("prediction").dtype == np.int64
    said = answer.get_response()
    assert (said["id"], said["model_name"], said["model_version"]) == ("mine-7", "sale", "1")


def test_without_named_outputs_all_come_as_its_default_wants_them(
    server: Server, client: Any
) -> None:
    answer = client.infer("sale", inputs())
    assert answer.as_numpy("score").tolist() == expected(server)


@pytest.mark.parametrize("kinds", [{"staff": "INT32"}, {"staff": "UINT8"}, {"staff": "FP32"},
                                   {"near": "FP32"}, {"near": "FP16"}])  # fmt: skip
def test_numbers_of_another_width_are_taken(
    server: Server, client: Any, kinds: dict[str, str]
) -> None:
    answer = client.infer("sale", inputs(kinds=kinds))
    assert answer.as_numpy("score").tolist() == pytest.approx(expected(server), abs=0.5)


def test_many_at_once_are_answered_each_its_own(server: Server, client: Any) -> None:
    asked = [client.async_infer("sale", inputs(), request_id=str(k)) for k in range(20)]
    answers = [one.get_result() for one in asked]
    assert [one.get_response()["id"] for one in answers] == [str(k) for k in range(20)]
    assert all(one.as_numpy("score").tolist() == expected(server) for one in answers)


@pytest.mark.parametrize("how", ["gzip", "deflate"])
def test_packed_requests_are_refused_in_words_that_it_shows(client: Any, how: str) -> None:
    with pytest.raises(failures.InferenceServerException, match="is not read here") as refused:
        client.infer("sale", inputs(), request_compression_algorithm=how)
    assert refused.value.status() == "415"


def test_an_answer_may_be_asked_for_packed_and_comes_as_it_is(server: Server, client: Any) -> None:
    answer = client.infer("sale", inputs(), response_compression_algorithm="gzip")
    assert answer.as_numpy("score").tolist() == expected(server)


@pytest.mark.parametrize(
    ("model", "version", "given", "status", "says"),
    [
        ("other", "", inputs(), "404", "no model 'other'"),
        ("sale", "9", inputs(), "404", "version 1, not '9'"),
        ("sale", "", inputs()[:2], "422", "inputs.staff"),
        ("sale", "", inputs(kinds={"near": "BYTES"}), "422", "inputs.near"),
    ],
)
def test_what_is_wrong_reaches_it_as_its_own_error(
    client: Any, model: str, version: str, given: list[Any], status: str, says: str
) -> None:
    with pytest.raises(failures.InferenceServerException, match=says) as refused:
        client.infer(model, given, model_version=version)
    assert refused.value.status() == status
