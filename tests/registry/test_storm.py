"""Eight processes on one model: nothing lost, one champion, nothing promoted on a stale verdict."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry.registry_storm import MODEL, storm
from tests.support.faultproxy import Fault, FaultProxy, at_random
from tests.support.seaweed import BUCKET, S3Server, seaweed
from trueup.registry.history import History
from trueup.registry.records import Judged, Promoted, Registered, RolledBack
from trueup.registry.registry import Registry
from trueup.store.bucket import Bucket
from trueup.store.folder import FolderBucket
from trueup.store.opening import open_bucket


def check(said: list[dict[str, object]], bucket: Bucket) -> Counter[str]:
    """Replay what was written, event by event, against what the writers were told."""
    events = Registry(bucket).history(MODEL).events
    history, story = History(MODEL), []
    for event in events:
        if isinstance(event, Promoted):
            live = history.champion_digest("prod")
            digest = history.version(event.version).model.digest
            verdicts = [one for one in history.judged[digest] if one.verdict == event.verdict]
            assert [one.champion for one in verdicts] == [live], "a verdict on one that had moved"
            assert verdicts[0].outcome == "pass"
            story.append(event.version)
        elif isinstance(event, RolledBack):
            assert story.pop() == event.version
        history = history.then(event)
        assert history.champion("prod") == (story[-1] if story else None)
    versions = [event for event in events if isinstance(event, Registered)]
    told = {one["number"]: one["model"] for one in said if one["what"] == "registered"}
    assert told == {event.version: event.model.digest for event in versions}
    assert [event.version for event in versions] == list(range(1, len(versions) + 1))
    for one in said:
        if one["what"] in ("judged", "rolled back") and one["number"]:
            event = events[int(str(one["number"])) - 1]
            assert isinstance(event, Judged | RolledBack)
    counts = Counter(str(one["what"]) for one in said)
    kinds = {"promoted": Promoted, "rolled back": RolledBack}
    for what, kind in kinds.items():
        assert counts[what] == sum(isinstance(event, kind) for event in events), what
    known = {event.evidence.verdict for event in events if isinstance(event, Judged)}
    assert {one["verdict"] for one in said if one["what"] == "judged"} == known
    return counts


def test_in_a_storm_on_a_folder_the_registry_stays_true(tmp_path: Path) -> None:
    url = str(tmp_path / "bucket")
    counts = check(storm(url, env={}, state=tmp_path, count=40), FolderBucket(tmp_path / "bucket"))
    assert min(counts[what] for what in ("promoted", "rolled back", "refused")) > 5


@pytest.fixture(scope="module")
def s3(weed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server, one for this module."""
    with seaweed(weed, tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.mark.s3
@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.1])
def test_in_a_storm_on_s3_with_faults_the_registry_stays_true(
    s3: S3Server, tmp_path: Path, share: float
) -> None:
    url = f"s3://{BUCKET}/storm-{share}"
    bucket = open_bucket(url, root=tmp_path, env=s3.env)
    bucket.create("proven", b"")
    with FaultProxy(s3.endpoint, at_random(5, share)) as proxy:
        env = s3.through(proxy.url) | {"TRUEUP_BUCKET_PATIENCE_S": "60"}
        said = storm(url, env=env, state=tmp_path, count=10)
    assert set(proxy.met) == (set(Fault) if share else set())
    counts = check(said, bucket)
    assert counts["promoted"] > 0
