"""1,000 metric points, one call each: trueup.log beside MLflow's log_metric.

    python -m benchmarks points [--mlflow-python PATH] [--points N] [--reduced]

``calls`` is the loop of calls alone; ``process`` the whole script, imports, the start and the end
of its run included. MLflow writes to SQLite in a fresh folder. It is
taken from this Python, or from the one given; without it (mlflow-skinny has no database) only
trueup is measured.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import environment, machine

OURS = """
import sys, time
import trueup
count = int(sys.argv[1])
trueup.log(step=-1, loss=1.0)
began = time.perf_counter()
for step in range(count):
    trueup.log(step=step, loss=1.0 / (step + 1))
print(time.perf_counter() - began)
"""
THEIRS = """
import sys, time
import mlflow
count = int(sys.argv[1])
mlflow.set_tracking_uri("sqlite:///mlflow.db")
with mlflow.start_run():
    mlflow.log_metric("loss", 1.0, step=0)
    began = time.perf_counter()
    for step in range(count):
        mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
    print(time.perf_counter() - began)
"""


class Times(msgspec.Struct, frozen=True):
    """Medians of several runs."""

    calls_s: float
    process_s: float


def main() -> None:
    options = _options()
    count = 100 if options.reduced else options.points
    print(f"{count} points, one call each; {machine()}")
    inside = times([sys.executable, "-c", OURS], count, 5, {"TRUEUP_POINTS": "spool"})
    outside = times([sys.executable, "-c", OURS], count, 5, {})
    print("| | calls s | process s | calls: MLflow / this | process: MLflow / this |")
    print("|---|---|---|---|---|")
    peer = theirs(str(Path(options.mlflow_python).absolute()), count)
    for name, found in (("trueup, in a stage", inside), ("trueup, a script alone", outside)):
        ratios = (
            f"**{peer.calls_s / found.calls_s:.0f}** | **{peer.process_s / found.process_s:.0f}**"
            if peer
            else " | "
        )
        print(f"| {name} | {found.calls_s:.4f} | {found.process_s:.3f} | {ratios} |")
    if peer:
        print(f"| MLflow | {peer.calls_s:.4f} | {peer.process_s:.3f} | | |")
    else:
        print(
            "MLflow is left out: give --mlflow-python PATH of a Python that has mlflow",
            file=sys.stderr,
        )
    print("goal: at least 50 times faster than MLflow's single calls")


def theirs(python: str, count: int) -> Times | None:
    probe = [python, "-c", "import mlflow.store.model_registry.sqlalchemy_store"]
    if subprocess.run(probe, check=False, capture_output=True).returncode:
        return None
    return times([python, "-c", THEIRS], count, 2, {})


def times(argv: list[str], count: int, runs: int, extra: dict[str, str]) -> Times:
    calls, processes = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            done = subprocess.run(
                [*argv, str(count)],
                cwd=folder,
                env=environment() | extra,
                check=True,
                capture_output=True,
                text=True,
            )
            processes.append(time.perf_counter() - began)
        calls.append(float(done.stdout.split()[-1]))
    return Times(statistics.median(calls), statistics.median(processes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlflow-python", default=sys.executable, metavar="PATH")
    parser.add_argument("--points", type=int, default=1_000)
    parser.add_argument("--reduced", action="store_true", help="100 points")
    return parser.parse_args()


if __name__ == "__main__":
    main()
