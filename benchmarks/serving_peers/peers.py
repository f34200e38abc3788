"""How each server is started for a model, and what it is asked, as its documentation says."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.serving_peers.building import ITSELF, NAMES, records, write_project
from benchmarks.serving_peers.processes import Command, free_port

BUILD = Path(__file__).parents[2] / ".build"
PROGRAMS = Path(__file__).with_name("programs")


class Asked(msgspec.Struct, frozen=True):
    """What is to be served, and by how many processes."""

    root: Path  # where the models were built
    kind: str
    workers: int
    folder: Path  # empty: of this server alone

    @property
    def model(self) -> Path:
        """The folder of the model's files."""
        return self.root / "models" / self.kind


class Peer(msgspec.Struct, frozen=True):
    """One server; whoever is not a peer for a ratio has no goal."""

    name: str
    environment: str  # .build/venv-NAME
    path: str
    body: Callable[[int], Any]  # rows: what is sent as JSON
    argv: Callable[[Asked, int], Sequence[str]]  # port
    workers: tuple[int, ...] = (1, 2)

    def command(self, asked: Asked) -> Command:
        """Return how it is started on a free port."""
        port = free_port()
        env = {
            "BENCH_MODEL": str(asked.model),
            "BENCH_WORKERS": str(asked.workers),
            "BENCH_PORT": str(port),
            "BENCH_GRAPH": "" if self.name == NO_MODEL else str(asked.model / "model.onnx"),
            "BENTOML_DO_NOT_TRACK": "True",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONPATH": str(PROGRAMS),
            "PATH": f"{self.python.parent}:/usr/local/bin:/usr/bin:/bin",
        }
        argv = self.argv(asked, port)
        url = f"http://127.0.0.1:{port}{self.path}"
        argv = [str(self.python.with_name(argv[0])), *argv[1:]]
        return Command(argv, asked.folder, url, self.sent(1), env)

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return BUILD / f"venv-{self.environment}" / "bin" / "python"

    def sent(self, rows: int) -> bytes:
        """Return the body of a request."""
        return msgspec.json.encode(self.body(rows))

    def weight_mb(self) -> float:
        """Return the size of its environment's site-packages."""
        found = next(self.python.parents[1].glob("lib/python*/site-packages"))
        return sum(one.lstat().st_size for one in found.rglob("*")) / 1e6


def _matrix(rows: int) -> list[list[float]]:
    return [list(one.values()) for one in records(rows)]


def _records(rows: int) -> Any:
    return {"records": records(rows)}


def _split(rows: int) -> Any:
    return {"dataframe_split": {"columns": list(NAMES), "data": _matrix(rows)}}


def _tensor(rows: int) -> Any:
    flat = [one for row in _matrix(rows) for one in row]
    shape = [rows, len(NAMES)]
    return {"inputs": [{"name": "x", "shape": shape, "datatype": "FP64", "data": flat}]}


def _trueup(serve: Any = None) -> Callable[[Asked, int], Sequence[str]]:
    def argv(asked: Asked, port: int) -> Sequence[str]:
        write_project(asked.root / "project", serve)
        words = ["trueup", "-C", str(asked.root / "project"), "serve", f"{asked.kind}/1"]
        many = ["--workers", str(asked.workers)] if asked.workers > 1 else []
        return [*words, "--port", str(port), *many]

    return argv


def _mlflow(asked: Asked, port: int) -> Sequence[str]:
    words = ["mlflow", "models", "serve", "-m", str(asked.model / "mlflow"), "-p", str(port)]
    return [*words, "--env-manager", "local", "-w", str(asked.workers)]


def _mlserver(asked: Asked, port: int) -> Sequence[str]:
    kind = "lightgbm.LightGBMModel" if asked.kind == "lightgbm" else "sklearn.SKLearnModel"
    file = "model.txt" if asked.kind == "lightgbm" else "model.joblib"
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "debug": False,
        "parallel_workers": 0 if asked.workers == 1 else asked.workers,  # 0: in the server itself
    }
    model = {
        "name": "model",
        "implementation": f"mlserver_{kind}",
        "parameters": {"uri": str(asked.model / file)},
    }
    (asked.folder / "settings.json").write_bytes(msgspec.json.encode(settings))
    (asked.folder / "model-settings.json").write_bytes(msgspec.json.encode(model))
    return ["mlserver", "start", str(asked.folder)]


def _bentoml(asked: Asked, port: int) -> Sequence[str]:
    words = ["bentoml", "serve", "bentoml_app:Service", "--working-dir", str(PROGRAMS)]
    return [*words, "--host", "127.0.0.1", "--port", str(port)]


def _fastapi(asked: Asked, port: int) -> Sequence[str]:
    words = ["uvicorn", "fastapi_app:app", "--port", str(port), "--workers", str(asked.workers)]
    return [*words, "--no-access-log", "--log-level", "warning"]


def _granian(asked: Asked, port: int) -> Sequence[str]:
    if asked.workers == 1:
        return ["python", str(PROGRAMS / "granian_app.py")]
    words = ["granian", "granian_app:app", "--interface", "rsgi", "--workers", str(asked.workers)]
    return [*words, "--port", str(port), "--no-ws", "--loop", "uvloop", "--no-log"]


NO_MODEL = "granian, no model"
OURS = Peer("trueup", "serve", "/predict", _records, _trueup())
NOT_CAPTURED = Peer(
    "trueup, nothing captured", "serve", "/predict", _records,
    _trueup({"capture": {"sample": 0.0}}), (1,),
)  # fmt: skip
BARE = Peer("granian by hand", "peer-granian", "/predict", _records, _granian)
EMPTY = Peer(NO_MODEL, "peer-granian", "/predict", _records, _granian)
MLFLOW = Peer("MLflow", "peer-mlflow", "/invocations", _split, _mlflow)
MLSERVER = Peer("MLServer", "peer-mlserver", "/v2/models/model/infer", _tensor, _mlserver)
BENTOML = Peer(
    "BentoML", "peer-bentoml", "/predict", lambda rows: {"rows": _matrix(rows)}, _bentoml
)
LITSERVE = Peer(
    "LitServe", "peer-litserve", "/predict", lambda rows: {"input": _matrix(rows)},
    lambda asked, port: ["python", str(PROGRAMS / "litserve_app.py")],
)  # fmt: skip
FASTAPI = Peer("FastAPI", "peer-fastapi", "/predict", _records, _fastapi)
ALL = (OURS, NOT_CAPTURED, BARE, EMPTY, FASTAPI, LITSERVE, BENTOML, MLSERVER, MLFLOW)

# The random forest as it is, with requests answered together and each by itself.
TOGETHER = Peer("together", "test", "/predict", _records, _trueup(), (1,))
EACH = Peer(
    "each by itself", "test", "/predict", _records, _trueup({"limits": {"batch_rows": 1}}), (1,)
)
BATCHED = ((ITSELF, "not converted"), ("forest", "converted"))
