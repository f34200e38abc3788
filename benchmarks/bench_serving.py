"""Answers a second over HTTP: trueup serve beside a bare granian with the same session.

    python -m benchmarks serving [--model logistic|forest|boosting] [--rounds N] [--reduced]

Both read the same JSON records into the same graph and write the same answer; the bare one checks
nothing, counts nothing and captures nothing. ``wrk`` asks both, turn by turn, on this machine.
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import environment, machine, program
from benchmarks.serving_peers.asking import Load, ask
from benchmarks.serving_peers.processes import free_port

FEATURES, ROWS = 20, 2000
PROJECT = """format: 1
project: bench
environment: {key: none}
stages:
  count: {cmd: wc -l test.csv > rows.txt, deps: [test.csv], outs: [rows.txt]}
models:
  model:
    path: model.skops
    task: binary
    trust: {skops: [sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor]}
    evaluate: {data: test.csv, target: y, id: id}
"""
PROGRAMS = Path(__file__).with_name("serving_peers") / "programs"


class Told(msgspec.Struct, frozen=True):
    """What wrk told, and what it has cost the server."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: float  # of the server, a request: what a busy machine does not blur


def main() -> None:
    options = _options()
    if not shutil.which("wrk"):
        sys.exit("wrk was not found; install it with: apt install wrk")
    seconds, rounds = (1, 2) if options.reduced else (5, options.rounds)
    loads = [Load(1, 1), Load(1, 64), Load(100, 64)]
    with tempfile.TemporaryDirectory(prefix="trueup-bench-") as folder:
        root = Path(folder)
        graph = build(root, options.model)
        with servers(root, graph) as (ours, bare):
            print(f"{options.model}, {FEATURES} numbers a row; {machine()}")
            print(
                "| load | trueup/s | p50, p99 ms | CPU us | bare/s | p50, p99 ms | CPU us"
                " | bare / trueup |"
            )
            print("|---|---|---|---|---|---|---|---|")
            for load in loads:
                _line(load, *_turn_by_turn(root, (ours, bare), load, rounds, seconds))
            for name, server in (("trueup", ours), ("bare", bare)):
                print(f"{name}: first answer after {server.first_s:.2f} s, {server.peak_mb} MB")


class Server(msgspec.Struct):
    """A server that runs."""

    port: int
    pid: int
    first_s: float

    @property
    def peak_mb(self) -> int:
        """The most memory it has held."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+)", status)
        return int(found[1]) // 1024 if found else 0

    @property
    def cpu_s(self) -> float:
        """The processor time it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def build(root: Path, kind: str) -> Path:
    """Train a model, register it and convert it; return the graph."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=(ROWS, FEATURES))
    y = (x[:, 0] - x[:, 1] + 0.5 * draw.normal(size=ROWS) > 0).astype(int)
    made = {
        "logistic": ("sklearn.linear_model", "LogisticRegression", {}),
        "forest": ("sklearn.ensemble", "RandomForestClassifier", {"n_estimators": 100}),
        "boosting": ("sklearn.ensemble", "HistGradientBoostingClassifier", {}),
    }
    module, name, settings = made[kind]
    names = [f"x{k}" for k in range(FEATURES)]
    polars, skops = import_module("polars"), import_module("skops.io")
    frame = polars.DataFrame({name: x[:, k] for k, name in enumerate(names)})
    model = getattr(import_module(module), name)(**settings).fit(frame, y)
    (root / "model.skops").write_bytes(skops.dumps(model))
    ids = polars.Series("id", [f"r{k}" for k in range(ROWS)])
    frame.with_columns(ids, polars.Series("y", y)).write_csv(root / "test.csv")
    (root / "trueup.yaml").write_text(PROJECT)
    trueup = program("trueup", None)
    for words in (["register", "model"], ["convert", "model/1", "--out", "model.onnx"]):
        done = subprocess.run([trueup, *words], cwd=root, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
    return root / "model.onnx"


@contextmanager
def servers(root: Path, graph: Path) -> Iterator[tuple[Server, Server]]:
    """Start both, and stop them."""
    first, second = free_port(), free_port()
    commands = [
        (first, [program("trueup", None), "serve", "model/1", "--port", str(first)]),
        (second, [sys.executable, str(PROGRAMS / "granian_app.py")]),
    ]
    env = environment() | {"BENCH_GRAPH": str(graph), "BENCH_PORT": str(second)}
    with tempfile.TemporaryFile() as log:
        started = []
        try:
            found = []
            for port, command in commands:
                began = time.perf_counter()
                process = subprocess.Popen(command, cwd=root, env=env, stdout=log, stderr=log)
                started.append(process)
                first_s = _first_answer(port, process) - began
                found.append(Server(port, process.pid, first_s))
            yield found[0], found[1]
        finally:
            for process in started:
                process.send_signal(signal.SIGTERM)
                process.wait(30)


def _first_answer(port: int, process: subprocess.Popen[bytes]) -> float:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", body(1).encode())
    while process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - our own URL
                return time.perf_counter()
        except OSError:
            time.sleep(0.01)
    sys.exit(f"{process.args!r} ended")


def _turn_by_turn(
    root: Path, both: tuple[Server, Server], load: Load, rounds: int, seconds: int
) -> list[Told]:
    taken: list[list[Told]] = [[], []]
    for _ in range(rounds):
        for server, told in zip(both, taken, strict=True):
            told.append(_asked(root, server, load, seconds))
    return [
        Told(*(statistics.median(getattr(one, name) for one in told) for name in
               Told.__struct_fields__))
        for told in taken
    ]  # fmt: skip


def _asked(root: Path, server: Server, load: Load, seconds: int) -> Told:
    url, began_s = f"http://127.0.0.1:{server.port}/predict", server.cpu_s
    told = ask(root, url, body(load.rows).encode(), load, seconds)
    cpu_us = (server.cpu_s - began_s) / max(1, told.answered) * 1e6
    return Told(told.per_s, told.p50_ms, told.p99_ms, cpu_us)


def body(rows: int) -> str:
    """Return rows to ask with, as JSON."""
    draw = np.random.default_rng(3)
    records = [
        {f"x{k}": round(float(one), 4) for k, one in enumerate(row)}
        for row in draw.uniform(-2, 2, size=(rows, FEATURES))
    ]
    return msgspec.json.encode({"records": records}).decode()


def _line(load: Load, ours: Told, bare: Told) -> None:
    cells = [str(load)]
    for told in (ours, bare):
        cells += [
            f"{told.per_s:,.0f}",
            f"{told.p50_ms:.2f}, {told.p99_ms:.1f}",
            f"{told.cpu_us:.0f}",
        ]
    print(f"| {' | '.join(cells)} | **{bare.per_s / ours.per_s:.2f}** |", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks serving")
    parser.add_argument("--model", default="logistic", choices=("logistic", "forest", "boosting"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reduced", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
