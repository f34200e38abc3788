"""LitServe as its documentation writes it: decode, predict, encode."""

import os
from importlib import import_module
from typing import Any

import numpy as np
from predictor import predictor  # type: ignore[import-not-found]  # beside this program

litserve: Any = import_module("litserve")  # it has an environment of its own


class Answering:
    def setup(self, device: str) -> None:
        self.predict_rows = predictor()

    def decode_request(self, request: dict[str, Any]) -> Any:
        return np.array(request["input"])

    def predict(self, rows: Any) -> Any:
        return self.predict_rows(rows)

    def encode_response(self, output: Any) -> dict[str, Any]:
        return {"output": output.tolist()}


Api = type("Api", (Answering, litserve.LitAPI), {"__module__": __name__})

if __name__ == "__main__":
    workers, port = int(os.environ["BENCH_WORKERS"]), int(os.environ["BENCH_PORT"])
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=workers)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")
