"""What the server tells of requests: log lines, traces and logs for a collector, metrics."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.serving.servers import RECORD, Server
from trueup.errors import WrongUsage
from trueup.serving.http.traces import wishes_of

Eventually = Callable[..., None]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """A collector that takes OTLP over HTTP as the protocol's own messages read it."""

    def __init__(self) -> None:
        traces = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
        logs = pytest.importorskip("opentelemetry.proto.collector.logs.v1.logs_service_pb2")
        self.spans: list[Any] = []
        self.records: list[Any] = []
        self.resources: list[dict[str, str]] = []
        collector = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":
                    collector.take_spans(traces.ExportTraceServiceRequest.FromString(body))
                else:
                    assert self.path == "/v1/logs"
                    collector.take_records(logs.ExportLogsServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def take_spans(self, request: Any) -> None:
        for resource in request.resource_spans:
            self.resources.append(attributes(resource.resource))
            self.spans += [one for scope in resource.scope_spans for one in scope.spans]

    def take_records(self, request: Any) -> None:
        for resource in request.resource_logs:
            self.records += [one for scope in resource.scope_logs for one in scope.log_records]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def attributes(of: Any) -> dict[str, Any]:
    """Return the attributes of a span, a record or a resource."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on this machine."""
    pytest.importorskip("opentelemetry.sdk", reason="install it with: pip install 'trueup[otel]'")
    one = Collector()
    yield one
    one.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_collector_gets_a_span_a_request_and_the_log_with_its_trace(
    own_shop: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    server = Server(own_shop, "sale@live", "--workers", workers)
    try:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "mine-1"}
        server.client.post("/predict", json=[RECORD, RECORD], headers=headers)
        server.client.post("/predict", json=[{"shop": 1}], headers=headers)
    finally:
        assert server.stop() == 0
    good, bad = sorted(
        (one for one in collector.spans if one.name == "POST predict"),
        key=lambda one: one.start_time_unix_nano,
    )
    for span in (good, bad):
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
        assert span.end_time_unix_nano > span.start_time_unix_nano
    told = attributes(good)
    assert told["http.response.status_code"] == 200
    assert (told["trueup.rows"], told["trueup.model"]) == (2, "sale")
    assert (told["trueup.version"], told["trueup.request_id"]) == ("1", "mine-1")
    assert attributes(bad)["http.response.status_code"] == 422
    assert collector.resources[0]["service.name"] == "trueup"
    assert collector.resources[0]["deployment.environment.name"] == "test"
    (line,) = [one for one in collector.records if "422" in one.body.string_value]
    assert (line.trace_id.hex(), line.span_id) == (TRACE, bad.span_id)
    assert attributes(line)["trueup.request_id"] == "mine-1"


def test_a_collector_that_does_not_answer_costs_no_request(
    own_shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.sdk")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    server = Server(own_shop, "sale@live")
    try:
        for _ in range(20):
            server.predict(RECORD)
    finally:
        assert server.stop() == 0


def test_without_its_variables_nothing_of_opentelemetry_is_loaded(own_shop: Path) -> None:
    server = Server(own_shop, "sale@live")
    server.predict(RECORD)
    assert server.stop() == 0
    loaded = Path(server._log.name).read_text().partition("MODULES ")[2].split()
    assert "trueup.serving.http.traces" in loaded
    assert [one for one in loaded if one.startswith(("opentelemetry", "requests"))] == []


def test_a_protocol_that_is_not_spoken_is_a_mistake_and_disabled_means_none() -> None:
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}
    with pytest.raises(WrongUsage, match="grpc"):
        wishes_of({**endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert not wishes_of({**endpoint, "OTEL_SDK_DISABLED": "true"}).traces
    traces = wishes_of({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"})
    assert (traces.traces, traces.logs) == (True, False)


def test_json_lines_bear_the_request_id_that_the_answer_bears(own_shop: Path) -> None:
    server = Server(own_shop, "sale@live", "--log", "json", "--access-log")
    try:
        bad = server.client.post("/predict", content=b"no", headers={"x-request-id": "mine-2"})
        good = server.client.post("/predict", json=[RECORD], headers={"x-request-id": "mine-3"})
        given = server.client.post("/predict", json=[RECORD]).headers["x-request-id"]
        assert (bad.status_code, bad.headers["x-request-id"]) == (400, "mine-2")
        assert (good.status_code, good.headers["x-request-id"]) == (200, "mine-3")
    finally:
        server.stop()
    text = Path(server._log.name).read_text().partition("MODULES ")[0]
    lines = [json.loads(one) for one in text.splitlines()]
    (refused,) = [one for one in lines if one.get("request_id") == "mine-2" and "route" in one][:1]
    assert (refused["status"], refused["route"], refused["level"]) == (400, "predict", "info")
    access = [one for one in lines if one["logger"] == "trueup.access"]
    assert {one["request_id"] for one in access if one["route"] == "predict"} == {
        "mine-2",
        "mine-3",
        given,
    }
    assert all(one["request_id"] for one in access)
    assert all(one["time"].endswith("Z") for one in lines)


def test_who_floods_the_server_with_nonsense_does_not_flood_its_log(own_shop: Path) -> None:
    server = Server(own_shop, "sale@live")
    try:
        for _ in range(300):
            server.client.post("/predict", content=b"no")
        told = server.log.count("POST /predict: 400")
        assert 10 < told < 300
    finally:
        server.stop()
