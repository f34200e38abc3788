"""Buckets to measure on: one that counts its requests, and an S3 server of our own or another's."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from trueup import ids
from trueup.store.bucket import Bucket, Entry

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


@contextmanager
def s3(url: str | None, scratch: Path) -> Iterator[tuple[str, dict[str, str]] | None]:
    """Give the URL of an S3 bucket and the environment to reach it, or None where there is none.

    It is the one of ``url``, under a prefix of its own, or a SeaweedFS server that is started here
    where its program ``weed`` is found.
    """
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
        yield "s3://bench/data", env


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
