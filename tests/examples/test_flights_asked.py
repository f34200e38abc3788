"""The script that asks a server about a day of flights."""

import json
import math
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import polars as pl
import pytest

from tests.examples.flights import script

ask = script("ask")
FLIGHTS = pl.DataFrame(
    {
        "flight_id": ["a", "b", "c"],
        "carrier": ["UA", "AA", "UA"],
        "temp": [1.5, math.nan, None],
        "tailnum": ["N1", "N2", "N3"],
        "late": [True, False, None],
    }
)


class Answering(BaseHTTPRequestHandler):
    """Scores by the temperature, refuses the carrier AA, and notes what came."""

    protocol_version = "HTTP/1.1"
    came: ClassVar[list[tuple[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.came.append((self.path, body))
        refused = "records" in body and body["records"][0]["carrier"] == "AA"
        said: dict[str, Any] = {"accepted": 2}
        if "records" in body:
            said = {"version": 7, "predictions": [{"score": body["records"][0]["temp"] or 0.0}]}
        answer = json.dumps({"error": "no"} if refused else said).encode()
        self.send_response(422 if refused else 200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Answering.came.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as listening:
        thread = Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def test_a_flight_is_asked_by_what_the_model_takes_and_what_is_not_known_is_null() -> None:
    assert [ask.record(row) for row in FLIGHTS.to_dicts()] == [
        {"carrier": "UA", "temp": 1.5},
        {"carrier": "AA", "temp": None},
        {"carrier": "UA", "temp": None},
    ]


def test_every_flight_is_asked_by_its_own_name_and_a_failed_one_is_kept_as_failed(
    server: str,
) -> None:
    answers = ask.send(FLIGHTS, server, 0.0)
    assert answers["status"].to_list() == [200, 422, 200]
    assert answers["version"].to_list() == [7, None, 7]
    assert answers["score"].to_list() == [1.5, None, 0.0]
    assert sorted(body["ids"] for _, body in Answering.came) == [["a"], ["b"], ["c"]]


def test_only_flights_that_ended_get_a_label(server: str) -> None:
    assert ask.label(FLIGHTS, server) == 2
    told = [{"id": "a", "label": True}, {"id": "b", "label": False}]
    assert Answering.came == [("/feedback", {"labels": told})]


def test_another_answer_to_the_same_flight_is_seen() -> None:
    answers = pl.DataFrame(
        {"flight_id": ["a", "b"], "version": [7, 7], "prediction": [False, True]},
    ).with_columns(score=pl.Series([0.25, 0.5]))
    scored = answers.reverse()
    assert ask.apart(answers, scored) == (2, 0, 0.0)
    assert ask.apart(answers, scored.with_columns(score=pl.lit(0.5))) == (2, 0, 0.25)
    assert ask.apart(answers, scored.with_columns(prediction=pl.lit(True))) == (2, 1, 0.0)
    assert ask.apart(answers, scored.with_columns(version=pl.lit(8))) == (0, 0, 0.0)
