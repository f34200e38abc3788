"""A real ``trueup serve`` as a process, on a small real project."""

import os
import signal
import socket
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.project.projects import write
from trueup.cli.group import trueup

for needed in ("granian", "onnxruntime", "polars", "skops", "sklearn", "skl2onnx"):
    pytest.importorskip(needed)
httpx: Any = pytest.importorskip("httpx")

ROWS = 300
DRAW = np.random.default_rng(2)
NEAR, SHOP = DRAW.random(ROWS), DRAW.choice(["a", "b", "c"], ROWS)
RECORD: dict[str, Any] = {"shop": "b", "near": 0.5, "staff": 3}
CONFIGURATION = """
    format: 1
    project: shop
    environment: {key: none}
    stages:
      count: {cmd: wc -l test.csv > rows.txt, deps: [test.csv], outs: [rows.txt]}
    models:
      sale:
        path: model.skops
        task: binary
        convert: off
        features: [shop, near, staff]
        evaluate: {data: test.csv, target: sold, id: id}
        serve:
          poll: 0.2s
          limits: {arrive_s: 1.0, answer_s: 5.0, idle_s: 5.0, body_bytes: 200000, rows: 1000}
"""
# Prints the modules it has loaded once it has served.
WATCHED = (
    "import atexit, sys\n"
    "atexit.register(lambda: print('MODULES', *sorted(sys.modules), file=sys.stderr))\n"
    "from trueup.cli import main\n"
    "main()\n"
)


def table(rows: int = ROWS) -> Any:
    """Return rows as the project's evaluation data has them."""
    sold = NEAR + (SHOP == "b") * 0.4 + 0.2 * DRAW.normal(size=ROWS) > 0.6
    return import_module("polars").DataFrame(
        {
            "id": [f"test-{k}" for k in range(ROWS)],
            "shop": SHOP.tolist(),
            "near": NEAR,
            "staff": [k % 7 for k in range(ROWS)],
            "sold": sold.astype(int),
        }
    )


def fitted(trees: int, columns: tuple[str, ...] = ("shop", "near", "staff")) -> bytes:
    """Return a forest over these columns, in skops' format."""
    frame = table()
    encoder = import_module("sklearn.preprocessing").OneHotEncoder(handle_unknown="ignore")
    rest = [one for one in columns if one != "shop"]
    shaped = import_module("sklearn.compose").make_column_transformer(
        (encoder, ["shop"]), ("passthrough", rest)
    )
    forest = import_module("sklearn.ensemble").RandomForestClassifier(trees, random_state=trees)
    model = import_module("sklearn.pipeline").make_pipeline(shaped, forest)
    model.fit(frame.select(columns), frame["sold"].to_numpy())
    written: bytes = import_module("skops.io").dumps(model)
    return written


def version(root: Path, body: bytes, *, converted: bool = True) -> str:
    """Make a model a version and return its name."""
    (root / "model.skops").write_bytes(body)
    said(root, "register", "sale")
    name = f"sale/{last(root)}"
    if converted:
        said(root, "convert", name, "--out", str(root / "form.onnx"))
    return name


def last(root: Path) -> int:
    """Return the number of the newest version."""
    import trueup as library

    return len(library.history("sale", folder=root).versions)


def said(root: Path, *words: str) -> None:
    """Call the command line; anything but success raises."""
    trueup.main(["-C", str(root), *words], standalone_mode=False)


def project(root: Path, more: str = "") -> Path:
    """Write the project, with further keys of the model's serve section."""
    write(root, {"trueup.yaml": CONFIGURATION})
    if more:
        path = root / "trueup.yaml"
        path.write_text(path.read_text() + "".join(f"      {one}\n" for one in more.splitlines()))
    table().write_csv(root / "test.csv")
    return root


class Server:
    """One process; what it has said is in ``log``."""

    def __init__(self, root: Path, *words: str, verify: Any = True) -> None:
        self.port = _free_port()
        self.url = f"{'http' if verify is True else 'https'}://127.0.0.1:{self.port}"
        self._log = (root / f"serve-{self.port}.log").open("w+b")
        command = [sys.executable, "-c", WATCHED, "-C", str(root), "serve", *words]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            stdout=self._log, stderr=self._log, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self.client = httpx.Client(base_url=self.url, timeout=20.0, verify=verify)
        self._wait()

    @property
    def log(self) -> str:
        """What it has said until now."""
        self._log.flush()
        return Path(self._log.name).read_text(errors="replace")

    def predict(self, *records: dict[str, Any]) -> Any:
        """Ask for predictions, which must succeed."""
        answer = self.client.post("/predict", json={"records": list(records)})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def metric(self, name: str) -> float:
        """Return a sample of /metrics, named with its labels; 0 where it is not there."""
        for line in self.client.get("/metrics").text.splitlines():
            key, _, value = line.rpartition(" ")
            if key == name:
                return float(value)
        return 0.0

    def stop(self) -> int:
        """End it as an orchestrator does and return its exit code."""
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self._log.close()
        return code

    def _wait(self) -> None:
        end = time.monotonic() + 30
        while True:
            try:
                if self.client.get("/v2/health/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"it did not start:\n{self.log}")
            time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
