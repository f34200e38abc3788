"""Sealed test rows: nobody but CI reads them, and nothing on the way gives them away."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.project.projects import opened, outcomes, ran, write
from tests.support.counting import CountedBucket
from tests.support.seaweed import BUCKET, GUARDED, S3Server, seaweed
from trueup.config.model_entries import EvaluateEntry, ModelEntry
from trueup.config.records import Dependency, Output, Stage
from trueup.delivery.sealed import (
    SealedRows,
    check_sealable,
    digest_of,
    may_read,
    ready,
    seal,
    sealed_rows,
    unseal,
)
from trueup.errors import NotProven, WrongUsage
from trueup.pipeline.graph import Graph, graph_of
from trueup.project.sharing import pull, push
from trueup.store.hashing import digest_bytes
from trueup.store.memory import MemoryBucket
from trueup.store.opening import open_bucket
from trueup.store.scopes import scope

DATA = "data/holdout.csv"
ROWS = b"id,y\n" + b"1,0\n" * 10
TRUSTED, PULL_REQUEST, LAPTOP = scope("trusted"), scope("pr/7"), scope("dev/ada")


def entry(**more: Any) -> EvaluateEntry:
    return EvaluateEntry(**({"data": DATA, "target": "y", "holdout": "sealed"} | more))


def graph(reads: str = "data/train.csv", makes: str = "model.onnx") -> Graph:
    made = Stage("train", ("true",), deps=(Dependency(reads),), outs=(Output(makes),))
    return graph_of({"train": made})


def nothing(paths: Iterable[str]) -> frozenset[str]:
    return frozenset()


@pytest.fixture
def owner(tmp_path: Path) -> Path:
    """Return a checkout in which the rows lie."""
    root = tmp_path / "owner"
    (root / "data").mkdir(parents=True)
    (root / DATA).write_bytes(ROWS)
    return root


def clone(owner: Path, name: str = "clone") -> Path:
    """Return a checkout that has what Git has: the name of the rows."""
    root = owner.parent / name
    (root / "data").mkdir(parents=True)
    (root / f"{DATA}.sealed").write_bytes((owner / f"{DATA}.sealed").read_bytes())
    return root


def test_open_rows_are_read_in_every_scope() -> None:
    for where in (TRUSTED, PULL_REQUEST, LAPTOP):
        access = may_read(entry(holdout="open"), where, remote=True)
        assert (access.may, access.why) == (True, "")


def test_sealed_rows_are_read_in_the_trusted_scope_alone() -> None:
    assert may_read(entry(), TRUSTED, remote=True).may
    for where in (PULL_REQUEST, LAPTOP):
        access = may_read(entry(), where, remote=True)
        assert not access.may
        assert access.why == (
            f"the rows of {DATA} are sealed: CI judges it, where the scope is trusted"
            f" (here it is {where.name})"
        )


def test_in_a_folder_it_is_said_that_sealing_needs_a_bucket() -> None:
    access = may_read(entry(), TRUSTED, remote=False)
    assert access.may
    assert "holdout: sealed needs a bucket" in access.why


def test_sealed_rows_lie_under_their_own_prefix_and_git_has_their_name_only(owner: Path) -> None:
    bucket = CountedBucket()
    rows = seal(owner, DATA, bucket)
    assert rows == SealedRows(digest_bytes(ROWS), len(ROWS)) == sealed_rows(owner, DATA)
    assert [one.key for one in bucket.inner.list("sealed/")] == [f"sealed/{rows.digest}"]
    assert list(bucket.inner.list("objects/")) == []
    named = (owner / f"{DATA}.sealed").read_bytes()
    assert b"1,0" not in named
    before = bucket.requests
    assert seal(owner, DATA, bucket) == rows
    assert bucket.requests - before == 1
    assert (owner / f"{DATA}.sealed").read_bytes() == named


def test_ci_gets_the_rows_whole_and_for_itself(owner: Path) -> None:
    bucket = MemoryBucket()
    seal(owner, DATA, bucket)
    root = clone(owner)
    assert unseal(root, DATA, bucket).may
    assert (root / DATA).read_bytes() == ROWS
    assert (root / DATA).stat().st_mode & 0o777 == 0o600
    assert unseal(root, DATA, bucket).may
    assert sorted(path.name for path in (root / "data").iterdir()) == [
        "holdout.csv",
        "holdout.csv.sealed",
    ]


def test_only_where_they_may_be_read_are_the_rows_asked_for(owner: Path) -> None:
    bucket = CountedBucket()
    rows = seal(owner, DATA, bucket)
    root, before = clone(owner), bucket.requests
    assert not ready(root, entry(), LAPTOP, bucket).may
    assert ready(root, entry(holdout="open"), TRUSTED, bucket).may
    assert bucket.requests == before
    assert not (root / DATA).exists()
    assert digest_of(root, entry()) == rows.digest
    assert ready(root, entry(), TRUSTED, bucket).may
    assert (root / DATA).read_bytes() == ROWS
    assert digest_of(root, entry(holdout="open")) == ""
    assert "needs a bucket" in ready(owner, entry(), TRUSTED, MemoryBucket()).why


def test_rows_of_many_parts_and_of_none_come_whole(owner: Path) -> None:
    bucket = MemoryBucket()
    for nth, body in enumerate((b"", bytes(range(256)) * (1 << 16) + b"end")):
        (owner / DATA).write_bytes(body)
        seal(owner, DATA, bucket)
        root = clone(owner, f"clone-{nth}")
        assert unseal(root, DATA, bucket).may
        assert (root / DATA).read_bytes() == body


def test_bytes_that_are_not_those_that_were_sealed_never_reach_the_path(owner: Path) -> None:
    bucket = MemoryBucket()
    rows = seal(owner, DATA, bucket)
    bucket.put(f"sealed/{rows.digest}", ROWS.replace(b"0", b"1"))
    root = clone(owner)
    with pytest.raises(NotProven, match="holds other bytes under sealed/"):
        unseal(root, DATA, bucket)
    assert [path.name for path in (root / "data").iterdir()] == ["holdout.csv.sealed"]


def test_rows_that_are_not_sealed_yet_lost_or_changed_are_refused_with_a_remedy(
    owner: Path,
) -> None:
    bucket = MemoryBucket()
    with pytest.raises(WrongUsage, match=r"holdout\.csv\.sealed does not name its rows"):
        unseal(owner, DATA, bucket)
    rows = seal(owner, DATA, bucket)
    bucket.delete([f"sealed/{rows.digest}"])
    with pytest.raises(WrongUsage, match="does not hold the sealed rows"):
        unseal(clone(owner), DATA, bucket)
    (owner / DATA).write_bytes(b"id,y\n")
    with pytest.raises(WrongUsage, match="does not hold the rows that"):
        unseal(owner, DATA, bucket)
    assert (owner / DATA).read_bytes() == b"id,y\n"


@pytest.mark.parametrize(
    "named",
    [
        b"",
        b"[]",
        b'{"digest":"../objects/x","size_bytes":1}',
        b'{"digest":"' + b"a" * 64 + b'","size_bytes":-1}',
    ],
)
def test_a_file_that_names_no_rows_is_refused(owner: Path, named: bytes) -> None:
    (owner / f"{DATA}.sealed").write_bytes(named)
    with pytest.raises(WrongUsage, match=r"holdout\.csv\.sealed: it does not name sealed rows"):
        sealed_rows(owner, DATA)


def test_a_newer_format_is_refused(owner: Path) -> None:
    digest = "a" * 64
    (owner / f"{DATA}.sealed").write_text(f'{{"digest":"{digest}","size_bytes":1,"format":2}}')
    with pytest.raises(WrongUsage, match="format 2, this trueup reads up to 1"):
        sealed_rows(owner, DATA)


@pytest.mark.parametrize(
    ("graph", "more", "why"),
    [
        (graph(makes=DATA), {}, "stage train makes or reads it"),
        (graph(reads=DATA), {}, "stage train makes or reads it"),
        (graph(reads="data"), {}, "stage train makes or reads it"),
        (graph(), {"predictions": "p.csv"}, "cannot be judged by a file of predictions"),
        (graph(), {"data": "", "predictions": "p.csv"}, "cannot be judged by a file"),
    ],
)
def test_sealing_that_would_hide_nothing_is_refused(
    graph: Graph, more: dict[str, str], why: str
) -> None:
    model = ModelEntry(path="model.onnx", evaluate=entry(**more))
    with pytest.raises(WrongUsage, match=why):
        check_sealable(model, graph, nothing)
    check_sealable(ModelEntry(path="model.onnx", evaluate=entry(holdout="open")), graph, nothing)


def test_rows_that_git_tracks_cannot_be_sealed() -> None:
    model = ModelEntry(path="model.onnx", evaluate=entry())
    check_sealable(model, graph(), nothing)
    check_sealable(ModelEntry(path="model.onnx"), graph(), frozenset)
    with pytest.raises(WrongUsage, match="Git tracks it: every clone has the rows"):
        check_sealable(model, graph(), frozenset)


@pytest.fixture(scope="module")
def s3(weed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweed(weed, tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.mark.s3
@pytest.mark.slow
def test_a_policy_by_prefix_keeps_the_rows_from_everybody_but_ci(s3: S3Server, owner: Path) -> None:
    url = f"s3://{BUCKET}/{GUARDED}"
    ours = open_bucket(url, root=owner, env=s3.env)
    ours.put("objects/open", b"for all")
    seal(owner, DATA, ours)
    root = clone(owner)
    theirs = open_bucket(url, root=owner.parent, env=s3.outsider_env)
    assert theirs.get("objects/open") == b"for all"
    access = unseal(root, DATA, theirs)
    assert not access.may
    assert "does not let this identity read them" in access.why
    assert not (root / DATA).exists()
    assert unseal(root, DATA, ours).may
    assert (root / DATA).read_bytes() == ROWS


@pytest.mark.s3
@pytest.mark.slow
def test_push_seals_the_rows_and_neither_pull_nor_a_run_brings_them(
    s3: S3Server, tmp_path: Path
) -> None:
    written = """
        format: 1
        project: sealing
        store: s3://trueup/{place}
        environment: {{key: none}}
        stages:
          train: {{cmd: cp train.csv model.onnx, deps: [train.csv], outs: [model.onnx]}}
        models:
          late: {{path: model.onnx, evaluate: {{data: {data}, target: y, holdout: sealed}}}}
    """
    config = dedent(written).format(place="sealing", data=DATA)
    root = write(
        tmp_path / "owner",
        {"trueup.yaml": config, "train.csv": "id\n1\n", DATA: ROWS.decode()},
    )
    assert outcomes(ran(root, env=s3.env)) == {"train": "ran"}
    assert push(opened(root, **s3.env)).sealed == (f"{DATA}.sealed",)
    assert push(opened(root, **s3.env)).sealed == ()
    bucket = open_bucket("s3://trueup/sealing", root=root, env=s3.env)
    digest = digest_bytes(ROWS)
    holding = [one.key for one in bucket.list("") if digest in one.key]
    assert holding == [f"sealed/{digest}"]

    there = tmp_path / "clone"
    for name in ("trueup.yaml", "trueup.lock", f"{DATA}.sealed"):
        write(there, {name: (root / name).read_text()})
    pull(opened(there, **s3.env))
    assert outcomes(ran(there, env=s3.env)) == {"train": "unchanged"}
    assert not (there / DATA).exists()
    assert unseal(there, DATA, bucket).may
