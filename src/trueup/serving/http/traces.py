"""Traces and logs for OpenTelemetry, where the environment's OTEL variables ask for them.

Nothing of OpenTelemetry is imported otherwise. What is sent where, sampling, batches and headers
are what the standard variables say.
"""

import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from trueup.errors import WrongUsage
from trueup.serving.http.messages import REQUEST_ID, VERSION_HEADER, Reply
from trueup.serving.logs import ROOT, fields_of
from trueup.serving.plane import Plane
from trueup.serving.rows import Rows

_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
)
_PROTOCOL = "http/protobuf"


class Wishes(msgspec.Struct, frozen=True):
    """What is to be told of."""

    traces: bool
    logs: bool


def wishes_of(env: Mapping[str, str]) -> Wishes:
    """Return what the environment asks for; WrongUsage for a protocol that is not spoken here.

    >>> wishes_of({})
    Wishes(traces=False, logs=False)
    >>> wishes_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_LOGS_EXPORTER": "none"})
    Wishes(traces=True, logs=False)
    """
    off = env.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if off or not any(env.get(name) for name in _ENDPOINTS):
        return Wishes(traces=False, logs=False)
    protocol = env.get("OTEL_EXPORTER_OTLP_PROTOCOL") or _PROTOCOL
    if protocol != _PROTOCOL:
        raise WrongUsage(
            f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}, which is not spoken here",
            remedy=f"Set it to {_PROTOCOL}, and name the collector's HTTP port",
        )
    return Wishes(_wished(env, "TRACES"), _wished(env, "LOGS"))


def _wished(env: Mapping[str, str], what: str) -> bool:
    if (env.get(f"OTEL_{what}_EXPORTER") or "otlp") == "none":
        return False
    return bool(
        env.get("OTEL_EXPORTER_OTLP_ENDPOINT") or env.get(f"OTEL_EXPORTER_OTLP_{what}_ENDPOINT")
    )


class Telemetry:
    """A span a request and a record a log line, sent from threads of their own."""

    def __init__(self, plane: Plane, wishes: Wishes, release: str) -> None:
        os.environ.setdefault("OTEL_SERVICE_NAME", "trueup")
        self._ends: list[Callable[[], None]] = []
        try:
            self._tracer = self._traced(release) if wishes.traces else None
            self._handler = self._logged(release) if wishes.logs else None
        except ImportError as error:
            raise WrongUsage(
                f"the environment asks for OpenTelemetry, which is not installed here ({error})",
                remedy="Install it: pip install 'trueup[otel]'; or set OTEL_SDK_DISABLED=true",
            ) from error
        plane.counts.on_answer = _noted
        if self._handler is not None:
            logging.getLogger(ROOT).addHandler(self._handler)

    async def around(
        self, scope: Any, answering: Awaitable[tuple[str, Reply]]
    ) -> tuple[str, Reply]:
        """Return the route and reply, with a span over the request that continues its caller's."""
        if self._tracer is None:
            return await answering
        from opentelemetry import propagate, trace

        carrier = {key: scope.headers.get(key) or "" for key in ("traceparent", "tracestate")}
        context = propagate.extract({key: one for key, one in carrier.items() if one})
        kind = trace.SpanKind.SERVER
        with self._tracer.start_as_current_span(scope.method, context, kind) as span:
            name, reply = await answering
            if span.is_recording():
                _describe(span, scope, name, reply)
        return name, reply

    def end(self) -> None:
        """Send what has not been sent yet."""
        if self._handler is not None:
            logging.getLogger(ROOT).removeHandler(self._handler)
        for end in self._ends:
            end()

    def _traced(self, release: str) -> Any:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._ends.append(provider.shutdown)
        return provider.get_tracer("trueup.serving", release)

    def _logged(self, release: str) -> logging.Handler:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

        provider = LoggerProvider()
        provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
        self._ends.append(provider.shutdown)
        return _Emitting(provider.get_logger("trueup.serving", release))


class _Emitting(logging.Handler):
    """Hands log lines over, each with the trace that it belongs to."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        from opentelemetry._logs import SeverityNumber

        attributes = {f"trueup.{key}": one for key, one in fields_of(record).items()}
        if record.exc_info and record.exc_info[0] is not None:
            attributes["exception.type"] = record.exc_info[0].__name__
            attributes["exception.message"] = str(record.exc_info[1])[:1000]
        levels = {"ERROR": SeverityNumber.ERROR, "WARNING": SeverityNumber.WARN}
        self._logger.emit(
            timestamp=int(record.created * 1e9),
            observed_timestamp=time.time_ns(),
            severity_number=levels.get(record.levelname, SeverityNumber.INFO),
            severity_text=record.levelname,
            body=record.getMessage(),
            attributes=attributes,
        )


def _noted(model: str, rows: Rows) -> None:
    """Note on the request's span which model answered how many rows."""
    from opentelemetry import trace

    trace.get_current_span().set_attributes({"trueup.model": model, "trueup.rows": rows.count})


def _describe(span: Any, scope: Any, name: str, reply: Reply) -> None:
    from opentelemetry.trace import StatusCode

    headers = dict(reply.headers)
    span.update_name(f"{scope.method} {name}")
    span.set_attributes(
        {
            "http.request.method": scope.method,
            "http.route": name,
            "url.path": scope.path[:200],
            "http.response.status_code": reply.status,
            "http.response.body.size": len(reply.body),
        }
    )
    for attribute, header in (
        ("trueup.version", VERSION_HEADER),
        ("trueup.request_id", REQUEST_ID),
    ):
        if header in headers:
            span.set_attribute(attribute, headers[header])
    if reply.status >= 500:
        span.set_status(StatusCode.ERROR)
