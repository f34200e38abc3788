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
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import Subject, beside, machine, program
from trueup import ids
from trueup.pipeline.tracking import layout
from trueup.pipeline.tracking.records import IndexEnded, IndexEvent, IndexStarted, encode
from trueup.pipeline.tracking.runs import Runs
from trueup.store.bucket import Bucket, Entry
from trueup.store.log import Log
from trueup.store.opening import open_bucket

_PAGE = 1000  # what one request lists on S3
_KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret"}


class Counting:
    """A bucket that counts its requests as S3 would."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self.url, self.remote = bucket.url, bucket.remote
        self.requests = 0

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        self.requests += 1
        return self._bucket.get(key, start=start, length=length)

    def create(self, key: str, body: bytes) -> bool:
        self.requests += 1
        return self._bucket.create(key, body)

    def put(self, key: str, body: bytes | Path, *, sync: bool = False) -> None:
        self.requests += 1
        self._bucket.put(key, body, sync=sync)

    def list(self, prefix: str, *, after: str = "") -> Iterator[Entry]:
        self.requests += 1
        for nth, entry in enumerate(self._bucket.list(prefix, after=after), 1):
            self.requests += nth % _PAGE == 0
            yield entry

    def delete(self, keys: Iterable[str]) -> None:
        self.requests += 1
        self._bucket.delete(keys)


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


@contextmanager
def s3(url: str | None, scratch: Path) -> Iterator[tuple[str, dict[str, str]] | None]:
    """Give the URL of an S3 bucket and the environment to reach it."""
    if url:
        yield f"{url.rstrip('/')}/bench-{ids.nonce()}", dict(os.environ)
        return
    weed = shutil.which("weed") or str(Path(sys.executable).with_name("weed"))
    if not Path(weed).exists():
        yield None
        return
    with _weed(weed, scratch) as port:
        env = {
            **os.environ,
            **_KEYS,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_REGION": "us-east-1",
        }
        yield "s3://bench/runs", env


@contextmanager
def _weed(weed: str, scratch: Path) -> Iterator[int]:
    folder = scratch / "weed"
    folder.mkdir()
    identity = {
        "name": "bench",
        "credentials": [
            {
                "accessKey": _KEYS["AWS_ACCESS_KEY_ID"],
                "secretKey": _KEYS["AWS_SECRET_ACCESS_KEY"],
            }
        ],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}), "utf-8")
    port, master, volume, filer = _ports(4)
    argv = [
        *(weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3"),
        *(f"-s3.port={port}", f"-s3.config={folder / 's3.json'}", f"-master.port={master}"),
        *(f"-volume.port={volume}", f"-filer.port={filer}", "-s3.port.iceberg=0"),
        *("-s3.port.lance=0", "-s3.iam=false"),
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as up:
        try:
            _until(lambda: _answers(port), 60)
            _make_bucket(port)
            yield port
        finally:
            up.terminate()


def _make_bucket(port: int) -> None:
    """Create the bucket ``bench`` by a signed request."""
    from hashlib import sha256
    from hmac import digest
    from urllib.request import Request, urlopen

    at = datetime.now(UTC)
    stamp, day = f"{at:%Y%m%dT%H%M%SZ}", f"{at:%Y%m%d}"
    empty, host = sha256(b"").hexdigest(), f"127.0.0.1:{port}"
    signed = "host;x-amz-content-sha256;x-amz-date"
    canonical = (
        f"PUT\n/bench\n\nhost:{host}\nx-amz-content-sha256:{empty}\nx-amz-date:{stamp}\n\n"
        f"{signed}\n{empty}"
    )
    scope = f"{day}/us-east-1/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{_KEYS['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in scope.split("/"):
        key = digest(key, part.encode(), "sha256")
    signature = digest(key, text.encode(), "sha256").hex()
    headers = {
        "x-amz-date": stamp,
        "x-amz-content-sha256": empty,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={_KEYS['AWS_ACCESS_KEY_ID']}/{scope}, "
        f"SignedHeaders={signed}, Signature={signature}",
    }
    request = Request(f"http://{host}/bench", method="PUT", headers=headers)

    def made() -> bool:
        try:
            with urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
                return bool(answer.status == 200)
        except OSError:
            return False  # its filer is not up yet

    _until(made, 60)


def _until(ready: Callable[[], bool], patience_s: float) -> None:
    end = time.monotonic() + patience_s
    while not ready():
        if time.monotonic() > end:
            sys.exit("the S3 server did not come up")
        time.sleep(0.2)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _ports(count: int) -> list[int]:
    """Return free ports below 50000: weed takes each number plus 10000 for gRPC as well."""
    found: list[int] = []
    candidate = 20_000 + os.getpid() % 15_000
    while len(found) < count:
        candidate += 1
        if not _answers(candidate) and not _answers(candidate + 10_000):
            found.append(candidate)
    return found


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
