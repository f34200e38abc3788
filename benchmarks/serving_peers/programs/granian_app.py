"""granian by hand: the same session, parsing and response as trueup, or no model at all."""

import asyncio
import os
import struct
from importlib import import_module
from typing import Any

import msgspec

HEADERS = [("content-type", "application/json")]


def with_session(graph: str) -> Any:
    """Return an application that answers by an ONNX graph and checks nothing."""
    import numpy as np

    onnxruntime: Any = import_module("onnxruntime")
    names = [f"x{k}" for k in range(20)]
    row = msgspec.defstruct("Row", [(name, float | None) for name in names], gc=False)
    pack = struct.Struct("20d").pack
    body = msgspec.defstruct("Body", [("records", list[row])])  # type: ignore[valid-type]  # made here
    decoder, encoder = msgspec.json.Decoder(body), msgspec.json.Encoder()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session: Any = onnxruntime.InferenceSession(graph, options)
    outputs = [one.name for one in session.get_outputs()]
    said = msgspec.defstruct("Said", [(name, Any) for name in outputs], gc=False)

    async def app(scope: Any, proto: Any) -> None:
        rows: Any = decoder.decode(await proto())
        packed = b"".join([pack(*msgspec.structs.astuple(one)) for one in rows.records])
        matrix = np.ascontiguousarray(np.frombuffer(packed).reshape(-1, 20).T)[:, :, None]
        answers = session.run(outputs, dict(zip(names, matrix, strict=True)))
        predictions = list(map(said, *(one.tolist() for one in answers)))
        proto.response_bytes(200, HEADERS, encoder.encode({"predictions": predictions}))

    return app


async def without_model(scope: Any, proto: Any) -> None:
    """Read the body and answer the same each time."""
    await proto()
    proto.response_bytes(200, HEADERS, b'{"predictions":[{"prediction":1}]}')


def app_of(graph: str) -> Any:
    """Return the application for a graph, or for none."""
    return with_session(graph) if graph else without_model


if __name__ == "__main__":
    uvloop: Any = import_module("uvloop")
    embed: Any = import_module("granian.server.embed")
    server = embed.Server(
        app_of(os.environ["BENCH_GRAPH"]), port=int(os.environ["BENCH_PORT"]), interface="rsgi",
        log_enabled=False, websockets=False, backlog=2048,
    )  # fmt: skip
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve())
elif "BENCH_GRAPH" in os.environ:
    app = app_of(os.environ["BENCH_GRAPH"])  # for granian's own command, which starts workers
