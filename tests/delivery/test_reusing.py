"""How often rows were used: counted once a model, over all who judge, whoever is first."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.delivery.reuse_storm import EVALUATION, PROCESSES, storm
from tests.support.counting import CountedBucket
from tests.support.seaweed import BUCKET, S3Server, seaweed
from trueup.config.model_entries import EvaluateEntry, GateEntry
from trueup.delivery.reusing import Use, evaluation_digest, first_use, how_to_refresh, uses
from trueup.errors import NotProven, WrongUsage
from trueup.gate.spending import Spending
from trueup.registry.copying import Stamp
from trueup.registry.records import Identity
from trueup.registry.registry import Registry
from trueup.store.bucket import Bucket
from trueup.store.folder import FolderBucket
from trueup.store.memory import MemoryBucket
from trueup.store.opening import open_bucket

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADA = Identity("ada@example.org", verified=True, issuer="https://ci.example")


def use(model: str, branch: str = "main", by: Identity = ADA) -> Use:
    return Use(model=model, at=AT, by=by, branch=branch)


def number(bucket: Bucket, model: str) -> int:
    return first_use(bucket, EVALUATION, use(model)).number


@pytest.fixture(params=["folder", "memory"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    return FolderBucket(tmp_path / "bucket") if request.param == "folder" else MemoryBucket()


@pytest.fixture(scope="module")
def s3(weed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with seaweed(weed, tmp_path_factory.mktemp("seaweed")) as server:
        yield server


def test_the_kth_distinct_model_is_number_k_and_the_same_again_keeps_its_own(
    bucket: Bucket,
) -> None:
    assert [number(bucket, model) for model in "abacab"] == [1, 2, 1, 3, 1, 2]
    assert [one.model for one in uses(bucket, EVALUATION)] == ["a", "b", "c"]
    assert sum(1 for _ in bucket.list(f"reuse/{EVALUATION}/events/")) == 3


def test_who_judged_it_first_on_which_branch_is_recorded(bucket: Bucket) -> None:
    first_use(bucket, EVALUATION, use("a", "try-it"))
    again = first_use(bucket, EVALUATION, use("a", "another", Identity("bob")))
    assert again == Use(model="a", at=AT, by=ADA, branch="try-it", number=1)
    assert uses(bucket, EVALUATION) == [again]
    stored = json.loads(bucket.get(f"reuse/{EVALUATION}/events/0000000001.json"))
    assert stored["format"] == 1
    assert stored["by"]["name"] == "ada@example.org"


def test_other_rows_another_target_and_another_task_are_counted_apart(bucket: Bucket) -> None:
    digests = {
        evaluation_digest(data, target, task)
        for data in ("d1", "d2")
        for target in ("late", "ontime")
        for task in ("binary", "regression")
    }
    assert len(digests) == 8
    assert [first_use(bucket, one, use("a")).number for one in digests] == [1] * 8
    assert evaluation_digest("d1", "late", "binary") == (
        "0c5e5cf88ca6bb0480caaebf54130e26c610584b9815e8d17e867b3d0bd33476"
    )


@dataclass(frozen=True)
class Person:
    registry: Registry
    own: Path
    stamp: Stamp
    branch: str


def test_a_judge_is_told_which_candidate_this_is(bucket: Bucket, tmp_path: Path) -> None:
    pytest.importorskip("polars")
    from trueup.config.model_entries import ModelEntry
    from trueup.delivery.evaluating import evaluation
    from trueup.delivery.reusing import use_of

    (tmp_path / "test.csv").write_text("y\n1\n0\n")
    rows = EvaluateEntry(data="test.csv", target="y")
    entry = ModelEntry(path="model.onnx", task="binary", evaluate=rows)
    table = evaluation(tmp_path, entry, lambda path: f"digest of {path}")
    judge = Person(Registry(bucket), tmp_path, Stamp(ADA, AT), "try-it")
    assert [use_of(judge, table, model) for model in "abb"] == [1, 2, 2]
    digest = evaluation_digest("digest of test.csv", "y", "binary")
    assert [(one.by, one.branch) for one in uses(bucket, digest)] == [(ADA, "try-it")] * 2


def test_rows_that_nobody_used_have_no_uses(bucket: Bucket) -> None:
    assert uses(bucket, EVALUATION) == []


@given(st.lists(st.sampled_from("abcdef"), max_size=30))
def test_all_candidates_together_spend_no_more_than_is_declared(judged: list[str]) -> None:
    bucket = MemoryBucket()
    numbers = {model: number(bucket, model) for model in judged}
    assert sorted(numbers.values()) == list(range(1, len(numbers) + 1))
    assert sum(Spending(use=one).alpha(0.95) for one in numbers.values()) <= 0.05


def test_another_candidate_is_a_few_requests_however_many_were_before(tmp_path: Path) -> None:
    remote = MemoryBucket()
    for nth in range(150):
        number(remote, f"m{nth}")
    counted = CountedBucket(remote)
    cold = first_use(counted, EVALUATION, use("new"), tmp_path / "cache")
    assert cold.number == 151
    assert counted.requests <= 70
    cold_requests = counted.requests
    assert first_use(counted, EVALUATION, use("newer"), tmp_path / "cache").number == 152
    assert counted.requests - cold_requests <= 8


def test_a_newer_format_and_what_is_no_use_are_refused(bucket: Bucket) -> None:
    bucket.create(f"reuse/{EVALUATION}/events/0000000001.json", b'{"format":2,"nonce":"1"}')
    with pytest.raises(WrongUsage, match=r"reuse/e+ event 1: .* format 2, this trueup reads up"):
        number(bucket, "a")
    bucket.create("reuse/other/events/0000000001.json", b'{"nonce":"1"}')
    with pytest.raises(NotProven, match="reuse/other event 1: not a use of test rows"):
        uses(bucket, "other")


def test_what_to_do_when_the_rows_are_used_up_is_said_only_then() -> None:
    rows = EvaluateEntry(data="data/test.parquet")
    assert how_to_refresh(GateEntry(), rows, 20) == ""
    said = how_to_refresh(GateEntry(), rows, 21)
    assert "candidate 21 on the rows of data/test.parquet, and reuse: 20 plans for 20" in said
    assert "Take rows that no candidate was judged on" in said
    assert "Or raise reuse" in said
    even = how_to_refresh(GateEntry(spending="even", reuse=3), rows, 4)
    assert "Or raise reuse" not in even
    assert "would spend error twice" in even


def check_storm(bucket: Bucket, url: str, env: dict[str, str], state: Path, count: int) -> None:
    """Nobody shares a number, none is lost, and each is told the one that stands."""
    told = storm(url, env=env, state=state, count=count)
    stands = {one.model: one.number for one in uses(bucket, EVALUATION)}
    assert len(told) == PROCESSES * count * 2
    assert len(stands) == PROCESSES * count + count
    assert sorted(stands.values()) == list(range(1, len(stands) + 1))
    assert dict(told) == stands
    assert all(stands[model] == number for model, number in told)
    branches = {one.model: one.branch for one in uses(bucket, EVALUATION)}
    assert branches["own-3-0"] == "b3"


def test_eight_processes_on_a_folder_share_no_number_and_lose_none(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    check_storm(bucket, str(tmp_path / "bucket"), {}, tmp_path, count=5)


@pytest.mark.s3
@pytest.mark.slow
def test_eight_processes_on_s3_share_no_number_and_lose_none(s3: S3Server, tmp_path: Path) -> None:
    url = f"s3://{BUCKET}/reuse-storm"
    bucket = open_bucket(url, root=tmp_path, env=s3.env)
    check_storm(bucket, url, s3.env, tmp_path, count=4)
