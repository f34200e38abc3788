"""Every edge of a real server, asked as its clients ask."""

import json
import urllib.request
from typing import Any

import numpy as np
import pytest

from tests.serving.servers import RECORD, Server

PARTS = {
    "dataframe_split": {"columns": list(RECORD), "data": [list(RECORD.values())]},
    "dataframe_records": [RECORD],
    "instances": [RECORD],
    "inputs": {name: [value] for name, value in RECORD.items()},
}


def score(server: Server, record: dict[str, Any] = RECORD) -> float:
    found: float = server.predict(record)["predictions"][0]["score"]
    return found


def test_records_are_answered_with_ids_and_the_version_that_answered(server: Server) -> None:
    answer = server.client.post("/predict", json={"records": [RECORD, RECORD]})
    said = answer.json()
    assert (said["model"], said["version"], answer.headers["x-model-version"]) == (
        "shop/sale",
        1,
        "1",
    )
    assert len(said["ids"]) == 2 == len(set(said["ids"]))
    assert sorted(said["ids"]) == said["ids"]
    assert said["predictions"][0] == said["predictions"][1]


def test_a_list_or_one_record_alone_is_answered_alike(server: Server) -> None:
    for body in ([RECORD], RECORD):
        answer = server.client.post("/predict", json=body).json()
        assert answer["predictions"][0]["score"] == score(server)


def test_ids_that_are_given_come_back(server: Server) -> None:
    body = {"records": [RECORD, RECORD], "ids": ["one", "two"]}
    assert server.client.post("/predict", json=body).json()["ids"] == ["one", "two"]


def test_every_field_that_is_wrong_is_named_with_its_path(server: Server) -> None:
    records = [RECORD, {"shop": 7, "near": "x"}]
    answer = server.client.post("/predict", json={"records": records})
    assert answer.status_code == 422
    paths = [one["path"] for one in answer.json()["problems"]]
    assert paths == ["records[1].shop", "records[1].near", "records[1].staff"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [({"shop": "z"}, "unseen"), ({"near": None}, "null"), ({"near": 9}, "range")],
)
def test_what_is_unusual_is_answered_and_flagged(
    server: Server, change: dict[str, Any], kind: str
) -> None:
    column = next(iter(change))
    counted = f'trueup_flagged_values_total{{model="sale",column="{column}",kind="{kind}"}}'
    before = server.metric(counted)
    said = server.predict(RECORD, {**RECORD, **change})
    assert said["flags"] == [{"row": 1, "column": column, "kind": kind}]
    assert server.metric(counted) == before + 1


@pytest.mark.parametrize("form", PARTS)
def test_each_payload_of_mlflow_gives_the_same_prediction(server: Server, form: str) -> None:
    answer = server.client.post("/invocations", json={form: PARTS[form]})
    assert answer.json()["predictions"][0]["score"] == score(server)


def test_csv_is_read_with_and_without_a_header_and_written_where_asked(server: Server) -> None:
    line = ",".join(map(str, RECORD.values()))
    for body in (f"{','.join(RECORD)}\n{line}\n", f"{line}\r\n"):
        headers = {"content-type": "text/csv", "accept": "text/csv"}
        answer = server.client.post("/invocations", content=body, headers=headers)
        names, values = answer.text.splitlines()
        assert names == "prediction,score"
        assert float(values.split(",")[1]) == score(server)


@pytest.mark.parametrize(
    "body",
    [{}, {"instances": [RECORD], "inputs": {}}, {"instances": [[1, 2]]}, {"inputs": {"near": [1]}}],
)
def test_payloads_that_are_none_of_the_forms_are_refused(server: Server, body: Any) -> None:
    answer = server.client.post("/invocations", json=body)
    assert answer.status_code == 422
    assert answer.json()["problems"]


def tensors(binary: bool = False) -> tuple[list[dict[str, Any]], bytes]:
    blob = (1).to_bytes(4, "little") + b"b"
    near, staff = np.array([0.5]).tobytes(), np.array([3], np.int64).tobytes()
    kinds = {"shop": "BYTES", "near": "FP64", "staff": "INT64"}
    given: list[dict[str, Any]] = []
    for name, part in {"shop": blob, "near": near, "staff": staff}.items():
        one: dict[str, Any] = {"name": name, "shape": [1], "datatype": kinds[name]}
        one |= (
            {"parameters": {"binary_data_size": len(part)}} if binary else {"data": [RECORD[name]]}
        )
        given.append(one)
    return given, blob + near + staff


def test_the_inference_protocol_answers_tensors_with_the_version_in_the_path(
    server: Server,
) -> None:
    for path in ("/v2/models/sale/infer", "/v2/models/sale/versions/1/infer"):
        said = server.client.post(path, json={"id": "mine", "inputs": tensors()[0]}).json()
        assert (said["model_name"], said["model_version"], said["id"]) == ("sale", "1", "mine")
        outputs = {one["name"]: one["data"] for one in said["outputs"]}
        assert outputs["score"] == [score(server)]
    assert server.client.post("/v2/models/sale/versions/9/infer", json={}).status_code == 404


def test_tensors_may_be_bytes_on_either_side(server: Server) -> None:
    given, behind = tensors(binary=True)
    asked = {"inputs": given, "outputs": [{"name": "score", "parameters": {"binary_data": True}}]}
    head = json.dumps(asked).encode()
    headers = {"inference-header-content-length": str(len(head))}
    answer = server.client.post("/v2/models/sale/infer", content=head + behind, headers=headers)
    size = int(answer.headers["inference-header-content-length"])
    assert np.frombuffer(answer.content[size:], np.float64).tolist() == [score(server)]


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_own_client_is_answered(server: Server, binary: bool) -> None:
    triton = pytest.importorskip("tritonclient.http")
    client = triton.InferenceServerClient(server.url.removeprefix("http://"))
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("sale", "1")
    assert client.get_server_metadata()["name"] == "trueup"
    assert client.get_model_metadata("sale")["versions"] == ["1"]
    columns = {
        "shop": ("BYTES", np.array([b"b"], dtype=object)),
        "near": ("FP64", np.array([0.5])),
        "staff": ("INT64", np.array([3])),
    }
    inputs = []
    for name, (kind, values) in columns.items():
        inputs.append(triton.InferInput(name, [1], kind))
        inputs[-1].set_data_from_numpy(values, binary_data=binary)
    wanted = [triton.InferRequestedOutput("score", binary_data=binary)]
    answer = client.infer("sale", inputs, outputs=wanted)
    assert answer.as_numpy("score").tolist() == [score(server)]
    client.close()


def test_bytes_that_belong_to_no_tensor_are_refused(server: Server) -> None:
    given, behind = tensors(binary=True)
    head = json.dumps({"inputs": given}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    for body in (head + behind + b"x", head + behind[:-1]):
        answer = server.client.post("/v2/models/sale/infer", content=body, headers=headers)
        assert answer.status_code == 400


def test_metadata_names_fields_and_digest(server: Server) -> None:
    said = server.client.get("/v2/models/sale").json()
    assert [one["name"] for one in said["inputs"]] == list(RECORD)
    assert [one["datatype"] for one in said["inputs"]] == ["BYTES", "FP64", "INT64"]
    assert {one["name"] for one in said["outputs"]} == {"prediction", "score"}
    assert len(said["parameters"]["digest"]) == 64


def test_probes_answer(server: Server) -> None:
    for path in ("/ping", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/sale/ready"):
        assert server.client.get(path).status_code == 200, path


def test_feedback_is_taken_once_in_bulk_and_as_a_list(server: Server) -> None:
    label = {"id": "one", "label": 1}
    for body, count in ((label, 1), ([label, label], 2), ({"labels": [label], "source": "me"}, 1)):
        answer = server.client.post("/feedback", json=body)
        assert (answer.status_code, answer.json()["accepted"]) == (200, count)
    wrongs: list[dict[str, Any]] = [
        {"id": "one"},
        {"id": 3, "label": 1},
        {"labels": []},
        {"id": "", "label": 1},
    ]
    for wrong in wrongs:
        assert server.client.post("/feedback", json=wrong).status_code == 422


def test_the_document_names_every_route_and_field(server: Server) -> None:
    said = server.client.get("/openapi.json").json()
    assert {"/predict", "/invocations", "/feedback", "/metrics", "/ping"} <= set(said["paths"])
    record = said["components"]["schemas"]["Record"]
    assert record["required"] == list(RECORD)
    example = said["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert server.client.post("/predict", json=example["example"]).status_code == 200
    assert "POST /predict" in server.client.get("/").text


def test_metrics_are_what_prometheus_reads(server: Server) -> None:
    server.predict(RECORD)
    answer = server.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    parser = pytest.importorskip("prometheus_client.parser")
    found = {one.name: one for one in parser.text_string_to_metric_families(answer.text)}
    requests = {tuple(one.labels.values()): one.value for one in found["trueup_requests"].samples}
    assert requests["predict", "200"] >= 1
    duration = found["trueup_request_duration_seconds"]
    buckets = [one.value for one in duration.samples if one.labels.get("route") == "predict"]
    assert buckets[:-2] == sorted(buckets[:-2])


def test_urllib_is_answered_too(server: Server) -> None:
    body = json.dumps({"records": [RECORD]}).encode()
    url = f"{server.url}/predict"
    with urllib.request.urlopen(url, body, timeout=10) as answer:  # noqa: S310 - our own server
        assert json.load(answer)["predictions"][0]["score"] == score(server)
