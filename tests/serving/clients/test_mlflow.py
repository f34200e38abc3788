"""MLflow's own scoring client, and the payloads that it and its users make.

Its client asks for /ping before and /invocations after; its server has /health and /version too.
"""

import importlib
import json
from typing import Any

import pytest

from tests.serving.servers import RECORD, Server

scoring: Any = pytest.importorskip("mlflow.pyfunc.scoring_server.client")
pd: Any = pytest.importorskip("pandas")

ROWS = [RECORD, {**RECORD, "near": 0.9, "shop": "a"}, {**RECORD, "staff": 0}]


@pytest.fixture
def client(server: Server) -> Any:
    return scoring.ScoringServerClient("127.0.0.1", server.port)


def expected(server: Server, *rows: dict[str, Any]) -> list[float]:
    return [one["score"] for one in server.predict(*rows)["predictions"]]


def scores(answer: Any) -> list[float]:
    """Return scores as MLflow's own reading of the answer has them."""
    frame = answer.get_predictions(predictions_format="dataframe")
    found: list[float] = frame["score"].tolist()
    return found


def test_its_client_waits_for_the_server_and_asks_for_its_version(client: Any) -> None:
    client.wait_server_ready(timeout=5)
    client.ping()
    assert client.get_version()


def test_a_data_frame_is_answered(server: Server, client: Any) -> None:
    assert scores(client.invoke(pd.DataFrame(ROWS))) == expected(server, *ROWS)


def test_columns_may_come_in_another_order_and_with_others_among_them(
    server: Server, client: Any
) -> None:
    frame = pd.DataFrame(ROWS).assign(other="x")[["other", "staff", "near", "shop"]]
    assert scores(client.invoke(frame)) == expected(server, *ROWS)


def test_what_is_missing_in_a_frame_is_missing_here(server: Server, client: Any) -> None:
    """MLflow's client writes NaN, which is no JSON, for numbers and texts alike."""
    frame = pd.DataFrame([*ROWS, {"shop": None, "near": float("nan"), "staff": 3}])
    given = [*ROWS, {"shop": None, "near": None, "staff": 3}]
    assert scores(client.invoke(frame)) == expected(server, *given)


def test_records_and_instances_are_answered(server: Server, client: Any) -> None:
    bodies = {
        "dataframe_records": ROWS,
        "dataframe_split": json.loads(pd.DataFrame(ROWS).to_json(orient="split")),
        "instances": ROWS,
        "inputs": {name: [row[name] for row in ROWS] for name in RECORD},
    }
    for name, body in bodies.items():
        assert scores(client.invoke(json.dumps({name: body}))) == expected(server, *ROWS), name
    assert scores(client.invoke(ROWS)) == expected(server, *ROWS)


def test_parameters_of_its_models_are_let_be(server: Server, client: Any) -> None:
    answer = client.invoke(pd.DataFrame(ROWS), params={"temperature": 0.1})
    assert scores(answer) == expected(server, *ROWS)


@pytest.mark.parametrize("header", [True, False])
def test_csv_as_pandas_writes_it_is_answered(server: Server, header: bool) -> None:
    content = pd.DataFrame(ROWS).to_csv(index=False, header=header)
    answer = server.client.post(
        "/invocations", content=content, headers={"content-type": "text/csv"}
    )
    assert [one["score"] for one in answer.json()["predictions"]] == expected(server, *ROWS)


def test_infinity_is_refused(client: Any) -> None:
    with pytest.raises(Exception, match="error code 400"):
        client.invoke(pd.DataFrame([{**RECORD, "near": float("inf")}]))


def test_what_its_server_refuses_is_refused_alike(server: Server) -> None:
    """Its codes: 400 for what it cannot read, 415 for a kind that it does not know."""
    kinds = importlib.import_module("mlflow.pyfunc.scoring_server")
    assert {"text/csv", "application/json"} <= set(kinds.CONTENT_TYPES)
    answer = server.client.post(
        "/invocations", content=b"x", headers={"content-type": "application/xml"}
    )
    assert answer.status_code == 415
    answer = server.client.post(
        "/invocations", content=b"x", headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400


def test_its_probes_are_there(server: Server) -> None:
    for path in ("/ping", "/health", "/version"):
        assert server.client.get(path).status_code == 200, path
