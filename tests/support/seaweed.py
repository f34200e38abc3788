"""Starts a real S3 server, SeaweedFS, for as long as a test session needs it."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

BUCKET = "trueup"
OPEN_BUCKET = "open"  # everybody may do everything here, unsigned
_OWNER = ("owner", "owner-secret-key")
_READER = ("reader", "reader-secret-key")
_OUTSIDER = ("outsider", "outsider-secret-key")
_REQUEST = ("request", "request-secret-key")
TEAM = "team"  # a place that a pull request may read, and write its own scope of
GUARDED = "guarded"  # a place whose sealed/ a policy keeps from the outsider
_PORTS = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class S3Server:
    """A running server; every identity's environment is what trueup is to be given."""

    endpoint: str
    pid: int = 0  # of its process, which leads a group of its own

    @property
    def env(self) -> dict[str, str]:
        """Whoever may do everything."""
        return self.env_of(_OWNER)

    @property
    def reader_env(self) -> dict[str, str]:
        """Somebody who may only read and list the one bucket."""
        return self.env_of(_READER)

    @property
    def outsider_env(self) -> dict[str, str]:
        """Somebody who may read the guarded place, except what is sealed, and list it."""
        return self.env_of(_OUTSIDER)

    @property
    def request_env(self) -> dict[str, str]:
        """A pull request's job: it reads the team's place, and writes what is not trusted."""
        return self.env_of(_REQUEST)

    def env_of(self, identity: tuple[str, str], endpoint: str = "") -> dict[str, str]:
        """Return the environment of an identity, through another endpoint where one is given."""
        return {
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
            "AWS_ACCESS_KEY_ID": identity[0],
            "AWS_SECRET_ACCESS_KEY": identity[1],
            "AWS_REGION": "us-east-1",
        }

    def anonymous_through(self, endpoint: str) -> dict[str, str]:
        """Return the environment of somebody without credentials, through this endpoint."""
        return {"AWS_ENDPOINT_URL": endpoint, "AWS_SKIP_SIGNATURE": "true"}

    def through(self, endpoint: str) -> dict[str, str]:
        """Return the owner's environment with a proxy between client and server."""
        return self.env_of(_OWNER, endpoint)


@contextmanager
def seaweed(program: Path, folder: Path) -> Iterator[S3Server]:
    """Run the server on free ports of the loopback, with its files in folder."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "s3.json"
    config.write_text(json.dumps(_identities()))
    ports = dict(zip(_names(), _free_ports(2 * len(_PORTS)), strict=True))
    command = [os.fspath(program), "server", f"-dir={folder}", "-ip=127.0.0.1", "-s3"]
    command += ["-ip.bind=127.0.0.1", f"-s3.config={config}", "-master.volumeSizeLimitMB=64"]
    command += [
        "-volume.max=100",
        "-master.telemetry=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
    command += [f"-{name}={port}" for name, port in ports.items()]
    with (folder / "log.txt").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        _await(endpoint, running, folder / "log.txt")
        yield S3Server(endpoint, running.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def _identities() -> dict[str, object]:
    anonymous = [f"{action}:{OPEN_BUCKET}" for action in ("Read", "Write", "List", "Admin")]
    return {
        "identities": [
            {"name": "anonymous", "actions": anonymous},
            *(
                {
                    "name": name,
                    "credentials": [{"accessKey": key, "secretKey": secret}],
                    "actions": actions,
                }
                for name, (key, secret), actions in (
                    ("owner", _OWNER, ["Admin", "Read", "Write", "List", "Tagging"]),
                    ("reader", _READER, [f"Read:{BUCKET}", f"List:{BUCKET}"]),
                    ("request", _REQUEST, _of_a_request()),
                    (
                        "outsider",
                        _OUTSIDER,
                        [f"Read:{BUCKET}/{GUARDED}/objects/*", f"List:{BUCKET}"],
                    ),
                )
            ),
        ]
    }


def _of_a_request() -> list[str]:
    """Return what a pull request may, as `trueup ci policies seaweedfs` prints it."""
    from trueup.ci.policies.documents import Home, seaweedfs
    from trueup.ci.policies.rights import rights_of

    return seaweedfs(rights_of("pull_request"), Home(BUCKET, TEAM))


def _names() -> list[str]:
    return [f"{part}.{port}" for part in _PORTS for port in ("port", "port.grpc")]


def _free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _await(endpoint: str, running: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until an object can be written, which is later than when the port is open."""
    from trueup.errors import TrueupError
    from trueup.store.opening import open_bucket

    server = S3Server(endpoint)
    end = time.monotonic() + 60
    while time.monotonic() < end and running.poll() is None:
        try:
            urllib.request.urlopen(endpoint, timeout=1).close()  # noqa: S310 -- our own http URL
        except urllib.error.HTTPError:
            pass  # it answers, if only to say no
        except OSError:
            time.sleep(0.05)
            continue
        bucket = open_bucket(f"s3://{BUCKET}/started", root=log.parent, env=server.env)
        try:
            bucket.put("yes", b"")
        except TrueupError:
            continue
        return
    raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text(errors='replace')[-3000:]}")
