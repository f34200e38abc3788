"""Ray's Jobs API over HTTP, without Ray's own software: submit a job, find it, read its log."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from trueup.errors import AccessRefused, RemoteSilent, WrongUsage

MOST_BYTES = 100 << 20  # of a package: Ray keeps it in the memory of its head node
_TIMEOUT_S = 60.0
_MOST_READ = 32 << 20
Shape = TypeVar("Shape")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file knows


class Job(msgspec.Struct, frozen=True):
    """A command to run on a cluster, under a name of which there is never a second."""

    name: str
    words: Sequence[str]
    package: str  # what upload returned: its working directory; empty: it has none of ours
    env: Mapping[str, str]  # Ray keeps the values, and shows them to whoever may see its jobs
    metadata: Mapping[str, str] = {}
    cpus: float | None = None
    gpus: float | None = None


class Status(msgspec.Struct, frozen=True):
    """How far a job is: PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED, and why."""

    status: str
    message: str | None = None


class RayJobs:
    """One cluster. Raises RemoteSilent where it is down, AccessRefused where a token is wanted."""

    def __init__(self, address: str, token: str = "") -> None:
        self.address, self._token = address.rstrip("/"), token

    def find(self, name: str) -> Status | None:
        """Return how far a job is; None for one that the cluster does not know."""
        code, body = self._asked("GET", _path(name))
        return None if code == 404 else _read(self.address, Status, body)

    def logs(self, name: str) -> str:
        """Return what a job has printed."""

        class Logs(msgspec.Struct):
            logs: str = ""

        code, body = self._asked("GET", f"{_path(name)}/logs")
        return "" if code == 404 else _read(self.address, Logs, body).logs

    def upload(self, package: bytes) -> str:
        """Hand over a working directory, unless it is there, and return how it is named."""
        from blake3 import blake3

        file = f"_ray_pkg_{blake3(package).hexdigest()[:16]}.zip"
        if len(package) > MOST_BYTES:
            raise WrongUsage(
                f"the files that Git tracks are {len(package) >> 20} MiB packed, and Ray takes"
                f" {MOST_BYTES >> 20}",
                remedy="Keep data out of Git: stages fetch it from the bucket",
            )
        if self._asked("GET", f"/api/packages/gcs/{file}")[0] == 404:
            self._asked("PUT", f"/api/packages/gcs/{file}", package)
        return f"gcs://{file}"

    def submit(self, job: Job) -> None:
        """Start a job; Ray refuses a second of the same name."""
        own = {"working_dir": job.package} if job.package else {}
        asked: dict[str, Any] = {
            "entrypoint": shlex.join(job.words),
            "submission_id": job.name,
            "runtime_env": {**own, "env_vars": dict(job.env)},
            "metadata": dict(job.metadata),
        }
        wanted = {"entrypoint_num_cpus": job.cpus, "entrypoint_num_gpus": job.gpus}
        asked |= {key: value for key, value in wanted.items() if value is not None}
        self._asked("POST", "/api/jobs/", msgspec.json.encode(asked))

    def _asked(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return a good answer, or that there is no such thing; all else is raised."""
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen

        headers = {"User-Agent": "trueup"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if method == "POST":
            headers["Content-Type"] = "application/json"
        request = Request(self.address + path, body, headers, method=method)  # noqa: S310 - http(s) was asked for
        try:
            with urlopen(request, timeout=_TIMEOUT_S) as got:  # noqa: S310 - as above
                return got.status, got.read(_MOST_READ)
        except HTTPError as error:
            with error:
                code = error.code
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise self._silent(str(reason)) from error
        if code == 404 and method == "GET":
            return code, b""
        if code in (401, 403):
            raise AccessRefused(
                f"the Ray cluster at {self.address} refuses the token, or wants one",
                remedy="Set RAY_AUTH_TOKEN",
            )
        raise self._silent(f"status {code}")

    def _silent(self, why: str) -> RemoteSilent:
        return RemoteSilent(
            f"the Ray cluster at {self.address} does not do what it was asked: {why}",
            remedy="See whether it is up, and its dashboard with it: ray status",
        )


def packed(root: Path, files: Iterable[str]) -> bytes:
    """Return files as a zip, the same for the same content; what is gone is left out."""
    from io import BytesIO
    from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

    whole = BytesIO()
    with ZipFile(whole, "w", ZIP_DEFLATED) as zipped:
        for name in sorted(files):
            place = root / name
            if not place.is_file():
                continue
            entry = ZipInfo(name, _EPOCH)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = (0o100755 if place.stat().st_mode & 0o100 else 0o100644) << 16
            zipped.writestr(entry, place.read_bytes())
    return whole.getvalue()


def _path(name: str) -> str:
    return f"/api/jobs/{quote(name, safe='')}"


def _read(address: str, shape: type[Shape], body: bytes) -> Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        raise RemoteSilent(
            f"{address} does not answer as Ray's Jobs API does: {error}",
            remedy="Name the address of the cluster's dashboard, such as http://HOST:8265",
        ) from error
