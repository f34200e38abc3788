"""Answers a second beside MLflow, MLServer, BentoML, LitServe, FastAPI and granian by hand.

    make bench NAME=serving_peers
    python -m benchmarks serving_peers [--models logistic,forest] [--servers trueup,FastAPI]

The same model files behind each, as each one's documentation serves them; with one and with two
workers, of which the better is told for each load. Servers run one at a time.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import machine, program
from benchmarks.serving_peers import peers, telling
from benchmarks.serving_peers.asking import Load, ask
from benchmarks.serving_peers.building import KINDS, build
from benchmarks.serving_peers.peers import Asked, Peer
from benchmarks.serving_peers.processes import running
from benchmarks.serving_peers.telling import LOADS, Result

_WARM_S = 1


def main() -> None:
    options = _options()
    if not shutil.which("wrk"):
        sys.exit("wrk was not found; install it with: apt install wrk")
    known = [one for one in peers.ALL if not options.servers or one.name in options.servers]
    with tempfile.TemporaryDirectory(prefix="trueup-bench-") as folder:
        root = options.built or Path(folder)
        if not (root / "models").exists():
            build(root, program("trueup", None))
        print(f"20 numbers a row; {machine()}\n", flush=True)
        if options.part != "batching":
            _servers(root, known, options.models, options.seconds)
        if options.part != "servers":
            print(_batching(root, options.seconds), flush=True)


def _servers(root: Path, known: list[Peer], models: list[str], seconds: int) -> None:
    weights = {one.name: one.weight_mb() for one in known}
    found = []
    for kind in models:
        found += [_best(one, root, kind, seconds) for one in known]
        of_kind = [one for one in found if one.kind == kind]
        print(telling.table(kind, of_kind, weights), end="\n\n", flush=True)
    print(telling.goals(found, weights), end="\n\n", flush=True)


def _best(peer: Peer, root: Path, kind: str, seconds: int) -> Result:
    taken = [_measured(peer, root, kind, workers, seconds) for workers in peer.workers]
    return telling.best(taken)


def _measured(
    peer: Peer, root: Path, kind: str, workers: int, seconds: int, loads: tuple[Load, ...] = LOADS
) -> Result:
    """Start a server, ask it in every way, and weigh it while it still stands."""
    where = root / "servers" / f"{peer.name} {kind} {workers}".replace(" ", "-")
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    shutil.rmtree(root / "project/.trueup/captures", ignore_errors=True)
    print(f"{peer.name}, {kind}, {workers}", file=sys.stderr, flush=True)
    with running(peer.command(Asked(root, kind, workers, where))) as server:
        told = {}
        for load in loads:
            body = peer.sent(load.rows)
            ask(where, server.url, body, load, _WARM_S)
            began_s = server.cpu_s()
            one = ask(where, server.url, body, load, seconds)
            told[load] = telling.Asking(
                *(one.per_s, one.p50_ms, one.p99_ms),
                (server.cpu_s() - began_s) / max(1, one.answered) * 1e6,
            )
        return Result(peer.name, kind, (workers,), told, server.memory_mb(), server.first_s)


def _batching(root: Path, seconds: int) -> str:
    """Ask a forest with requests answered together, and each by itself."""
    lines = [
        "| forest | requests | p50 ms, 1 row, c=1 | p50 ms, 1 row, c=8 | answers/s, 1 row, c=64 "
        "| p99 ms, c=64 |",
        "|---|---|---|---|---|---|",
    ]
    loads = (Load(1, 1), Load(1, 8), Load(1, 64))
    for kind, says in peers.BATCHED:
        for peer in (peers.TOGETHER, peers.EACH):
            told = _measured(peer, root, kind, 1, seconds, loads).told
            alone, few, many = (told[one] for one in loads)
            cells = [says, peer.name, f"{alone.p50_ms:.2f}", f"{few.p50_ms:.2f}"]
            lines.append(f"| {' | '.join(cells)} | {many.per_s:,.0f} | {many.p99_ms:.1f} |")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks serving_peers")
    parser.add_argument("--models", default=",".join(KINDS), help="of: %(default)s")
    parser.add_argument("--servers", default="", help="their names, with commas; all if none")
    parser.add_argument("--part", choices=("servers", "batching"), help="both if not said")
    parser.add_argument("--seconds", type=int, default=4, help="of each load")
    parser.add_argument("--built", type=Path, help="a folder to build the models in, or to find")
    parser.add_argument("--reduced", action="store_true", help="ask for a second each")
    options = parser.parse_args()
    options.models = options.models.split(",")
    options.servers = [one for one in options.servers.split(",") if one]
    options.seconds = 1 if options.reduced else options.seconds
    return options


if __name__ == "__main__":
    main()
