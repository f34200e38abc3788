"""Listing 10,000 runs, warm and cold, on a folder and on S3, with the requests counted.

    python -m benchmarks runs [--runs N] [--s3 URL] [--reduced] [--scratch DIR]

The S3 bucket is the one of the URL (credentials in the environment, as for trueup itself; a prefix
of its own is used), or a SeaweedFS server started here where its program ``weed`` is found; else
S3 is left out. Warm is a second ``trueup runs``; cold is one on a machine that has never seen the
bucket. Times are those of the whole process.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.buckets import Counting, s3
from benchmarks.measuring import Subject, beside, machine, program
from trueup import ids
from trueup.pipeline.tracking import layout
from trueup.pipeline.tracking.records import IndexEnded, IndexEvent, IndexStarted, encode
from trueup.pipeline.tracking.runs import Runs
from trueup.store.bucket import Bucket
from trueup.store.log import Log
from trueup.store.opening import open_bucket


class Line(msgspec.Struct, frozen=True):
    """What was measured on one kind of bucket."""

    where: str
    cold_s: float
    cold_requests: int
    warm_s: float
    warm_requests: int


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        print(f"{options.runs} runs; {machine()}")
        lines = [measured("folder", "store", dict(os.environ), Path(scratch) / "a", options.runs)]
        with s3(options.s3, Path(scratch)) as remote:
            if remote:
                url, env = remote
                lines.append(measured("S3", url, env, Path(scratch) / "b", options.runs))
            else:
                print("S3 is left out: give --s3 URL, or install weed")
    print("| bucket | cold s | requests | warm s | requests |\n|---|---|---|---|---|")
    for line in lines:
        print(
            f"| {line.where} | {line.cold_s:.2f} | {line.cold_requests} "
            f"| {line.warm_s:.2f} | {line.warm_requests} |"
        )
    print("goals: under 0.5 s warm; under 2 s and at most 70 requests cold on S3")


def measured(where: str, url: str, env: dict[str, str], root: Path, count: int) -> Line:
    """Fill a bucket, then list its runs by the command, and in here to count requests."""
    root.mkdir()
    config = {"format": 1, "project": "bench", "store": url, "stages": {"s": {"cmd": "true"}}}
    (root / "trueup.yaml").write_text(json.dumps(config), "utf-8")
    began = time.perf_counter()
    fill(open_bucket(url, root=root, env=env), count)
    print(f"{where}: filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    os.environ.update(env)
    own = root / ".trueup"

    def forget() -> None:
        shutil.rmtree(own / "state", ignore_errors=True)

    argv = (
        program("trueup", None),
        "-C",
        str(root),
        "runs",
        "--filter",
        "metrics.roc_auc>0.5",
        "--json",
    )
    own.mkdir(exist_ok=True)
    (cold,) = beside([Subject(argv, root, forget)], 3)
    (warm,) = beside([Subject(argv, root)], 5, warm=True)
    forget()
    requests = [_requests(open_bucket(url, root=root, env=env), own, count) for _ in range(2)]
    return Line(where, cold.seconds, requests[0], warm.seconds, requests[1])


def fill(bucket: Bucket, count: int) -> None:
    """Write the index as the ends and starts of so many runs would have, 8 of them still open."""
    log, after = Log(bucket, layout.INDEX), 0
    first = datetime.now(UTC) - timedelta(minutes=count)
    for nth in range(count):
        at = first + timedelta(minutes=nth)
        run = ids.run_id(at)
        params = {"params.yaml": {f"train.p{i}": nth % (i + 7) for i in range(12)}}
        metrics = {"metrics.json": {"roc_auc": nth % 997 / 997, "log_loss": 0.5, "f1": 0.3}}
        events: list[IndexEvent] = [
            IndexStarted(run, at, "bench", commit=f"{nth:040x}", branch="main", params=params)
        ]
        if nth < count - 8:
            events.append(IndexEnded(run, "done", at, 12.5, metrics))
        else:
            bucket.put(layout.heartbeat_key(run), b'{"format":1}')
        for event in events:
            after = log.append(encode(event), after=after)


def _requests(bucket: Bucket, own: Path, count: int) -> int:
    counting = Counting(bucket)
    assert len(Runs(counting, own / "state").list()) == count
    return counting.requests


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--s3", metavar="URL", help="an S3 bucket to use")
    parser.add_argument("--reduced", action="store_true", help="500 runs")
    parser.add_argument("--scratch", type=Path, help="a folder on the disk to measure")
    options = parser.parse_args()
    options.runs = 500 if options.reduced else options.runs
    return options


if __name__ == "__main__":
    main()
