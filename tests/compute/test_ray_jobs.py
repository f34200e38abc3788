"""Ray's Jobs API as a cluster answers it: found or not, refused, silent, something else."""

import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.project.projects import opened, write
from trueup.compute.ray_jobs import Job, RayJobs, Status, packed
from trueup.config.loop_entries import RayEntry
from trueup.errors import AccessRefused, RemoteSilent, TrueupError, WrongUsage
from trueup.project.retraining_on_ray import Jobs


class Cluster:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[tuple[str, str, bytes, str]] = []
        self.address = ""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    its = Cluster()

    class Answering(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            token = self.headers.get("Authorization", "")
            its.asked.append((self.command, self.path, body, token))
            code, said = its.answers.get(f"{self.command} {self.path}", (404, b""))
            self.send_response(code)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_PUT = do_POST = _answer  # noqa: N815 - names of the library

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        its.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield its
        server.shutdown()
        thread.join()


def test_a_package_is_handed_over_once_and_a_job_named_after_its_decision(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "a.sh").write_text("echo")
    (tmp_path / "a.sh").chmod(0o755)
    package = packed(tmp_path, ["gone.py", "a.sh"])
    assert package == packed(tmp_path, ["a.sh"])
    (inside,) = zipfile.ZipFile(io.BytesIO(package)).infolist()
    assert (inside.filename, inside.external_attr >> 16) == ("a.sh", 0o100755)
    jobs = RayJobs(f"{cluster.address}/", "a-token")
    cluster.answers["POST /api/jobs/"] = (200, b"{}")
    cluster.answers |= {f"PUT {path}": (200, b"") for path in _paths(jobs, package, cluster)}
    named = jobs.upload(package)
    cluster.answers[f"GET /api/packages/gcs/{named.removeprefix('gcs://')}"] = (200, b"")
    assert jobs.upload(package) == named
    assert [one[0] for one in cluster.asked].count("PUT") == 2  # one was refused
    jobs.submit(Job("d-1", ["echo", "it's"], named, {"A": "1"}, {"m": "p/m"}, gpus=0.5))
    method, path, body, token = cluster.asked[-1]
    assert (method, path, token) == ("POST", "/api/jobs/", "Bearer a-token")
    assert msgspec.json.decode(body) == {
        "entrypoint": "echo 'it'\"'\"'s'",
        "submission_id": "d-1",
        "runtime_env": {"working_dir": named, "env_vars": {"A": "1"}},
        "metadata": {"m": "p/m"},
        "entrypoint_num_gpus": 0.5,
    }


def _paths(jobs: RayJobs, package: bytes, cluster: Cluster) -> list[str]:
    """Return where a package is put, by trying where nothing is taken."""
    with pytest.raises(RemoteSilent, match="status 404"):
        jobs.upload(package)
    return [path for method, path, *_ in cluster.asked if method == "PUT"]


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        ((401, b""), AccessRefused, "refuses the token, or wants one"),
        ((500, b"down"), RemoteSilent, "status 500"),
        ((200, b"<html>"), RemoteSilent, "does not answer as Ray's Jobs API does"),
    ],
)
def test_a_cluster_that_does_not_answer_well_is_told(
    cluster: Cluster, answer: tuple[int, bytes], error: type[TrueupError], says: str
) -> None:
    jobs = RayJobs(cluster.address)
    assert jobs.find("d-1") is None
    cluster.answers["GET /api/jobs/d-1"] = answer
    with pytest.raises(error, match=says):
        jobs.find("d-1")
    cluster.answers["GET /api/jobs/d-1"] = (200, b'{"status": "RUNNING", "message": null, "x": 1}')
    assert jobs.find("d-1") == Status("RUNNING")
    with pytest.raises(RemoteSilent, match="does not do what it was asked"):
        RayJobs("http://127.0.0.1:1").find("d-1")


def test_what_a_job_would_lack_is_said_before_it_is_submitted(tmp_path: Path) -> None:
    root = write(tmp_path, {"trueup.yaml": 'project: shop\nstages: {train: {cmd: "true"}}\n'})
    for entry, env, says in (
        (RayEntry(), {}, "wants the address of the cluster's dashboard"),
        (RayEntry(), {"RAY_ADDRESS": "ray://h:10001"}, "dashboard, and ray://h:10001 is none"),
        (RayEntry(address="http://h:8265", env=("KEY",)), {}, "is to get KEY, which is not set"),
    ):
        with pytest.raises(WrongUsage, match=says):
            Jobs(opened(root, **env), "shop/sale", entry)
    jobs = Jobs(opened(root, RAY_ADDRESS="http://127.0.0.1:1"), "shop/sale", RayEntry())
    with pytest.raises(TrueupError, match="Git tracks no file here"):
        jobs.start("d-1", ())
