"""The requests that MLServer's own codecs make, and its codecs' reading of the answers.

The requests are kept in mlserver_forms.json with the version that has made them; where MLServer's
environment is there (scripts/env.sh peer-mlserver), they are made anew and answers are read by it.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.serving.clients.mlserver_forms import LACKING, RECORDS
from tests.serving.servers import Server

HERE = Path(__file__).parent
KEPT = json.loads((HERE / "mlserver_forms.json").read_text())
REQUESTS: dict[str, Any] = KEPT["requests"]
FORMS = ("pandas", "pandas, no bytes", "text", "bytes", "base64")
PYTHON = HERE.parents[2] / ".build" / "venv-peer-mlserver" / "bin" / "python"

theirs = pytest.mark.skipif(not PYTHON.exists(), reason="scripts/env.sh peer-mlserver was not run")


def infer(server: Server, name: str) -> Any:
    return server.client.post("/v2/models/sale/infer", json=REQUESTS[name])


def by_mlserver(what: str, given: object = None) -> Any:
    """Let MLServer's own interpreter run."""
    done = subprocess.run(
        [PYTHON, "-W", "ignore", HERE / "mlserver_forms.py", what],
        input=json.dumps(given), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def scores(server: Server, *records: dict[str, Any]) -> list[float]:
    return [one["score"] for one in server.predict(*records)["predictions"]]


@pytest.mark.parametrize("name", FORMS)
def test_a_column_a_tensor_is_answered_however_its_texts_are_written(
    server: Server, name: str
) -> None:
    said = infer(server, name).json()
    outputs = {one["name"]: one for one in said["outputs"]}
    assert outputs["score"]["data"] == scores(server, *RECORDS)
    assert said["id"] == REQUESTS[name].get("id", "")
    assert said["model_name"] == "sale"


def test_a_missing_number_is_null_in_its_frames(server: Server) -> None:
    (score,) = [
        one["data"]
        for one in infer(server, "pandas, lacking").json()["outputs"]
        if one["name"] == "score"
    ]
    assert score == scores(server, *LACKING)


def test_a_time_is_a_text_of_iso_8601(server: Server) -> None:
    """As a category it is one that was never seen; in a field of times it is read as one."""
    assert infer(server, "datetime").status_code == 200


def test_a_matrix_must_have_the_columns_of_the_model(server: Server) -> None:
    answer = infer(server, "numpy")
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["path"] == "inputs[0].shape"


@pytest.mark.parametrize(
    ("kind", "data"), [("base64", ["%%%"]), ("base64", [1]), ("pd_json", ["{"])]
)
def test_texts_that_are_not_what_they_are_said_to_be_are_refused(
    server: Server, kind: str, data: list[Any]
) -> None:
    one = {"name": "shop", "datatype": "BYTES", "shape": [1], "data": data}
    body = {"inputs": [{**one, "parameters": {"content_type": kind}}]}
    answer = server.client.post("/v2/models/sale/infer", json=body)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["says"] == f"is not {kind}"


@theirs
@pytest.mark.slow
def test_the_kept_requests_are_what_mlserver_makes() -> None:
    assert by_mlserver("write") == KEPT


@theirs
@pytest.mark.slow
def test_its_codecs_read_the_answers(server: Server) -> None:
    answers = [infer(server, name).json() for name in FORMS]
    expected = scores(server, *RECORDS)
    for frame, column in by_mlserver("read", answers):
        assert frame == expected
        assert [
            one for row in column for one in (row if isinstance(row, list) else [row])
        ] == expected
