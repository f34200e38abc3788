"""A team shares what its members compute, through a bucket on a real S3 server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.projects import opened, outcomes, ran, write
from tests.support.seaweed import S3Server, seaweed
from trueup.errors import AccessRefused, RemoteSilent, WrongUsage
from trueup.pipeline.tracking.runs import Runs
from trueup.project.sharing import pull, push

PROJECT = {
    "trueup.yaml": """
        format: 1
        project: team
        store: s3://trueup/{prefix}
        environment: {{key: none}}
        stages:
          many:
            cmd: mkdir -p many; for i in $(seq 40); do echo $i $(cat in.txt) > many/$i; done
            deps: [in.txt]
            outs: [many]
          big:
            cmd: head -c 300000 /dev/zero | tr '\\\\0' x > big; wc -l many/* | tail -n 1 > m.yaml
            deps: [many]
            outs: [big]
            metrics: [m.yaml]
    """,
    "in.txt": "raw\n",
}


@pytest.fixture(scope="module")
def server(weed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweed(weed, tmp_path_factory.mktemp("weed")) as running:
        yield running


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return re.sub(r"\W+", "-", request.node.name)


def member(folder: Path, prefix: str) -> Path:
    files = {name: text.format(prefix=prefix) for name, text in PROJECT.items()}
    return write(folder, files)


pytestmark = pytest.mark.s3


def test_what_one_member_computed_another_fetches(
    server: S3Server, tmp_path: Path, prefix: str
) -> None:
    trusted = {**server.env, "TRUEUP_SCOPE": "trusted"}
    first = ran(member(tmp_path / "ci", prefix), env=trusted)
    assert outcomes(first) == {"many": "ran", "big": "ran"}
    laptop = member(tmp_path / "laptop", prefix)
    second = ran(laptop, env={**server.env, "USER": "ada"})
    assert outcomes(second) == {"many": "fetched", "big": "fetched"}
    assert (laptop / "many" / "40").read_text() == "40 raw\n"
    assert (laptop / "big").stat().st_size == 300000
    assert {run.id for run in Runs(opened(laptop, **server.env).bucket).list()} == {
        first.run,
        second.run,
    }


def test_nobody_believes_what_another_laptop_computed(
    server: S3Server, tmp_path: Path, prefix: str
) -> None:
    ran(member(tmp_path / "ada", prefix), env={**server.env, "USER": "ada"})
    other = ran(member(tmp_path / "bob", prefix), env={**server.env, "USER": "bob"})
    assert outcomes(other) == {"many": "ran", "big": "ran"}
    ci = ran(member(tmp_path / "ci", prefix), env={**server.env, "TRUEUP_SCOPE": "trusted"})
    assert outcomes(ci) == {"many": "ran", "big": "ran"}


def test_a_clone_with_the_lock_pulls_outputs_and_inputs(
    server: S3Server, tmp_path: Path, prefix: str
) -> None:
    origin = member(tmp_path / "origin", prefix)
    ran(origin, env=server.env)
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in ("trueup.yaml", "trueup.lock"):
        (clone / name).write_bytes((origin / name).read_bytes())
    moved = pull(opened(clone, **server.env))
    assert moved.artifacts == 4
    assert outcomes(ran(clone, env=server.env)) == {"many": "unchanged", "big": "unchanged"}


def test_push_brings_what_was_made_while_there_was_no_bucket(
    server: S3Server, tmp_path: Path, prefix: str
) -> None:
    root = member(tmp_path / "p", prefix)
    ran(root, env={"TRUEUP_STORE": ".trueup/store"})
    with pytest.raises(WrongUsage, match="nowhere to push to"):
        push(opened(root, TRUEUP_STORE=".trueup/store"))
    assert push(opened(root, **server.env)).artifacts == 4
    assert push(opened(root, **server.env)).artifacts == 0


def test_a_bucket_that_does_not_answer_is_named_and_nothing_is_lost(
    server: S3Server, tmp_path: Path, prefix: str
) -> None:
    root = member(tmp_path / "p", prefix)
    before = sorted(root.rglob("*"))
    gone = {**server.env, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    with pytest.raises(RemoteSilent, match=f"s3://trueup/{prefix}"):
        ran(root, env=gone)
    assert [path for path in sorted(root.rglob("*")) if ".trueup" not in path.parts] == before


def test_a_bucket_that_says_no_is_named_without_the_credentials(
    server: S3Server, tmp_path: Path, prefix: str
) -> None:
    root = member(tmp_path / "p", prefix)
    with pytest.raises(AccessRefused) as caught:
        ran(root, env=server.reader_env)
    assert "s3://trueup" in str(caught.value)
    assert server.reader_env["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)
