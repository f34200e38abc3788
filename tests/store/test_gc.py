"""Collecting garbage: what stays, what goes and when, and that nothing referred to is ever lost."""

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.errors import SomebodyElseFirst
from trueup.store import manifest
from trueup.store.bucket import Bucket, Entry
from trueup.store.folder import FolderBucket
from trueup.store.gc import GRACE, BucketContents, GcReport, Rules, Watch, collect
from trueup.store.log import Log
from trueup.store.memory import MemoryBucket
from trueup.store.packs import PackWriter

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
KEEP = 30 * DAY


class Clock:
    """A time that moves when a test says so."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def time() -> Clock:
    return Clock()


@pytest.fixture
def store(time: Clock) -> MemoryBucket:
    return MemoryBucket(now=time)


def digest_of(body: bytes) -> str:
    return blake3(body).hexdigest()


def keep(bucket: Bucket, body: bytes) -> str:
    bucket.put(f"objects/{digest_of(body)}", body)
    return digest_of(body)


def folder_of(bucket: Bucket, *bodies: bytes) -> str:
    rows = [(f"f{nth}", keep(bucket, body), len(body), False) for nth, body in enumerate(bodies)]
    return keep(bucket, manifest.encode(rows))


def run_name(time: Clock, nth: int = 0) -> str:
    return f"{time.at:%Y%m%d-%H%M%S}-0000000{nth}"


def run_with(bucket: Bucket, run: str, digest: str, kind: str = "file") -> None:
    out = {"digest": digest, "size_bytes": 1, "kind": kind}
    body = json.dumps({"format": 1, "event": "stage", "outs": {"model": out}}).encode()
    assert bucket.create(f"runs/{run}/events/0000000001.json", body)


def gc(bucket: Bucket, time: Clock, *roots: str, dry_run: bool = False) -> GcReport:
    rules = Rules(keep_runs=KEEP, now=time, dry_run=dry_run)
    return collect(bucket, roots, BucketContents(bucket), rules)


def gc_for_good(bucket: Bucket, time: Clock, *roots: str) -> set[str]:
    """Collect now and once more when the grace is over; return what was removed then."""
    gc(bucket, time, *roots)
    time.at += GRACE
    return set(gc(bucket, time, *roots).removed)


def has(bucket: Bucket, digest: str) -> bool:
    return any(True for _ in bucket.list(f"objects/{digest}"))


def test_what_nothing_refers_to_goes_after_the_grace_and_not_before(
    store: MemoryBucket, time: Clock
) -> None:
    dead = keep(store, b"dead")
    time.at += 100 * DAY
    first = gc(store, time)
    assert (first.removed, first.marked, first.marked_bytes) == ((), 1, 4)
    time.at += GRACE - timedelta(seconds=1)
    assert gc(store, time).removed == ()
    assert has(store, dead)
    time.at += timedelta(seconds=1)
    last = gc(store, time)
    assert (last.removed, last.removed_bytes, last.marked) == ((f"objects/{dead}",), 4, 0)
    assert not has(store, dead)


def test_what_is_referred_to_again_loses_its_mark(store: MemoryBucket, time: Clock) -> None:
    digest = keep(store, b"sometimes needed")
    gc(store, time)
    time.at += 6 * DAY
    gc(store, time, digest)
    time.at += 6 * DAY
    assert gc(store, time).removed == ()
    assert gc_for_good(store, time) == {f"objects/{digest}"}


def test_what_is_written_again_has_its_whole_grace_again(store: MemoryBucket, time: Clock) -> None:
    digest = keep(store, b"reused")
    gc(store, time)
    time.at += 6 * DAY
    keep(store, b"reused")
    time.at += 2 * DAY
    assert gc(store, time).removed == ()
    time.at += 6 * DAY
    assert gc(store, time).removed == ()
    time.at += DAY
    assert gc(store, time).removed == (f"objects/{digest}",)


def test_a_dry_run_says_what_would_go_and_writes_nothing(store: MemoryBucket, time: Clock) -> None:
    dead, live = keep(store, b"dead"), keep(store, b"live")
    before = sorted(entry.key for entry in store.list(""))
    assert gc(store, time, live, dry_run=True).marked == 1
    assert sorted(entry.key for entry in store.list("")) == before
    gc(store, time, live)
    time.at += GRACE
    report = gc(store, time, live, dry_run=True)
    assert (report.removed, report.kept) == ((f"objects/{dead}",), 1)
    assert has(store, dead)


def test_a_folder_keeps_its_files(store: MemoryBucket, time: Clock) -> None:
    root, named = folder_of(store, b"one", b"two"), folder_of(store, b"three")
    run_with(store, run_name(time), named, "folder")
    beside = f"objects/{named}.packs"
    store.put(beside, b"[]")
    dead = folder_of(store, b"one", b"four")
    store.put(f"objects/{dead}.packs", b"[]")
    removed = gc_for_good(store, time, root)
    assert removed == {
        f"objects/{dead}",
        f"objects/{dead}.packs",
        f"objects/{digest_of(b'four')}",
    }
    assert beside in {entry.key for entry in store.list("objects/")}


def pack(bucket: Bucket, folder: Path, *bodies: bytes) -> str:
    writer = PackWriter(str(folder / f"pack{len(list(folder.iterdir()))}"))
    for body in bodies:
        writer.add(blake3(body).digest(), body)
    name, index = writer.close()
    bucket.put(f"packs/{name}", Path(writer.path))
    bucket.put(f"packs/{name}.idx", index.encode())
    return name


def test_a_pack_stays_while_one_of_its_files_does(
    store: MemoryBucket, time: Clock, tmp_path: Path
) -> None:
    files = {b"small": digest_of(b"small")}
    body = manifest.encode([("f", files[b"small"], 5, False)])
    used, dead = pack(store, tmp_path, body, b"small", b"other"), pack(store, tmp_path, b"unused")
    assert gc_for_good(store, time, digest_of(body)) == {f"packs/{dead}", f"packs/{dead}.idx"}
    assert gc_for_good(store, time, files[b"small"]) == set()
    assert gc_for_good(store, time) == {f"packs/{used}", f"packs/{used}.idx"}


@pytest.mark.parametrize("index", [None, b"damaged"])
def test_a_pack_whose_index_cannot_be_read_stays(
    store: MemoryBucket, time: Clock, tmp_path: Path, index: bytes | None
) -> None:
    name = pack(store, tmp_path, b"who knows")
    store.delete([f"packs/{name}.idx"])
    if index is not None:
        store.put(f"packs/{name}.idx", index)
    assert gc_for_good(store, time) == set()


def test_a_manifest_in_a_pack_keeps_what_lies_outside(
    store: MemoryBucket, time: Clock, tmp_path: Path
) -> None:
    outside, dead = keep(store, b"outside"), keep(store, b"dead")
    body = manifest.encode([("f", outside, 7, False)])
    pack(store, tmp_path, body)
    assert gc_for_good(store, time, digest_of(body)) == {f"objects/{dead}"}


def test_a_lock_that_is_kept_keeps_what_it_names(store: MemoryBucket, time: Clock) -> None:
    table, folder = keep(store, b"table"), folder_of(store, b"inside")
    deps = {"data/raw": folder, "table.csv": {"digest": table, "size_bytes": 5}}
    lock = keep(store, json.dumps({"stages": {"train": {"deps": deps}}, "format": 1}).encode())
    run = run_name(time)
    body = json.dumps({"event": "ended", "lock": lock}).encode()
    store.put(f"runs/{run}/events/0000000002.json", body)
    dead = keep(store, b"{}")
    assert gc_for_good(store, time) == {f"objects/{dead}"}


def test_runs_stay_for_their_time_and_longer_where_a_model_names_them(
    store: MemoryBucket, time: Clock
) -> None:
    old, registered = run_name(time, 1), run_name(time, 2)
    for nth, run in enumerate((old, registered)):
        run_with(store, run, keep(store, b"model %d" % nth))
        store.put(f"runs/{run}/points/0000000001", b"points")
        store.put(f"snapshots/runs/{run}/1/0000000000.json", b"{}")
    Log(store, "models/fraud").add(json.dumps({"run": registered}).encode())
    Log(store, "runs-index").add(b'{"event":"started"}')
    assert gc_for_good(store, time) == set()
    time.at += KEEP
    removed = gc_for_good(store, time)
    assert removed == {
        f"runs/{old}/events/0000000001.json",
        f"runs/{old}/points/0000000001",
        f"snapshots/runs/{old}/1/0000000000.json",
        f"objects/{digest_of(b'model 0')}",
    }
    assert len(Log(store, "runs-index").read()) == 1


@pytest.mark.parametrize(
    "key",
    [
        "models/fraud/events/0000000001.json",
        "loop/fraud/events/0000000001.json",
        "verdicts/trusted/abc.json",
        "verdicts/pr/7/abc.json",
        "reuse/abc/events/0000000001.json",
        "deployments/prod/1.json",
        "incidents/1.json",
    ],
)
def test_records_that_stay_for_ever_keep_what_they_name_in_whatever_way(
    store: MemoryBucket, time: Clock, key: str
) -> None:
    digests = [keep(store, b"%d" % nth) for nth in range(4)]
    folder = folder_of(store, b"inside")
    record = {
        "list": [digests[0]],
        "text": f"verdict on {digests[1]}, refused",
        digests[2]: True,
        "model": {"digest": digests[3], "size_bytes": 1},
        "folder": {"digest": folder, "size_bytes": 6, "kind": "folder"},
    }
    store.put(key, json.dumps(record).encode())
    time.at += 1000 * DAY
    assert gc_for_good(store, time) == set()


def test_a_record_that_is_no_json_keeps_what_it_seems_to_name(
    store: MemoryBucket, time: Clock
) -> None:
    digest = keep(store, b"x")
    store.put("incidents/1", f"seen in {digest}\xff".encode("latin-1"))
    assert gc_for_good(store, time) == set()


def test_a_result_goes_with_what_it_names(store: MemoryBucket, time: Clock) -> None:
    stage = "ab" * 32
    for name, body in (("live", b"live"), ("dead", b"dead")):
        out = {"digest": keep(store, body), "size_bytes": 4}
        record = json.dumps({"key": stage, "outs": {"x": out}}).encode()
        store.put(f"cache/dev/ada/{name}.json", record)
    live = digest_of(b"live")
    assert gc_for_good(store, time, live) == set()  # a young result keeps what it names
    time.at += timedelta(seconds=1)
    removed = gc_for_good(store, time, live)
    assert removed == {"cache/dev/ada/dead.json", f"objects/{digest_of(b'dead')}"}


def test_what_was_put_aside_and_probes_go_too(store: MemoryBucket, time: Clock) -> None:
    store.put("damaged/abc-1", b"")
    store.put("probes/0123", b"")
    assert gc_for_good(store, time) == {"damaged/abc-1", "probes/0123"}


def test_on_a_folder_it_sweeps_what_crashed_writers_left(tmp_path: Path) -> None:
    bucket = FolderBucket(tmp_path / "bucket")
    dead, live = keep(bucket, b"dead"), keep(bucket, b"live")
    (tmp_path / "bucket" / ".tmp" / "left").write_bytes(b"half")
    time = Clock()
    time.at = datetime.now(UTC) + timedelta(minutes=1)
    assert gc_for_good(bucket, time, live) == {f"objects/{dead}"}
    assert not list((tmp_path / "bucket" / ".tmp").iterdir())
    assert has(bucket, live)


def test_two_collections_do_not_run_at_once_and_a_dead_one_is_forgotten(
    store: MemoryBucket, time: Clock
) -> None:
    Log(store, "gc").add(json.dumps({"event": "began", "at": time.at.isoformat()}).encode())
    watch = Watch(store, time)
    assert not watch.undisturbed()
    with pytest.raises(SomebodyElseFirst):
        gc(store, time)
    time.at += timedelta(hours=2)
    assert not watch.undisturbed()
    assert watch.undisturbed()
    gc(store, time)
    assert not watch.undisturbed()
    assert watch.undisturbed()


class Watched:
    """A bucket that lets others act before each of its operations."""

    remote = False

    def __init__(self, inner: MemoryBucket) -> None:
        self.inner, self.url = inner, inner.url
        self.meanwhile: Iterator[None] = iter(())

    def _step(self) -> None:
        next(self.meanwhile, None)

    def get(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        self._step()
        return self.inner.get(key, start=start, length=length)

    def create(self, key: str, body: bytes) -> bool:
        self._step()
        return self.inner.create(key, body)

    def put(self, key: str, body: bytes | Path, *, sync: bool = False) -> None:
        self._step()
        self.inner.put(key, body, sync=sync)

    def list(self, prefix: str, *, after: str = "") -> Iterator[Entry]:
        self._step()
        return self.inner.list(prefix, after=after)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:  # one by one, so that others act in between
            self._step()
            self.inner.delete([key])


class Crash(BaseException):
    """The collecting process dies."""


class World:
    """Writers that build on content that may be there already, and a collector, in one bucket."""

    def __init__(self) -> None:
        self.time = Clock()
        self.bucket = MemoryBucket(now=self.time)
        self.runs = 0

    def write(self, body: bytes) -> Generator[None, None, None]:
        """Use content and record it, as every writer has to; yield where others may act."""
        began = self.time.at
        watch = Watch(self.bucket, self.time)
        yield
        while True:
            entry = next(self.bucket.list(f"objects/{digest_of(body)}"), None)
            yield
            if entry is None or entry.modified < self.time.at - GRACE / 2:
                keep(self.bucket, body)
            yield
            if watch.undisturbed():
                break
            yield
        yield
        if self.time.at - began < GRACE / 2:
            self.runs += 1
            run = f"{self.time.at:%Y%m%d-%H%M%S}-{self.runs:08d}"
            run_with(self.bucket, run, digest_of(body))

    def check(self) -> None:
        """Everything that a run names which is still to be kept is there."""
        for entry in self.bucket.list("runs/"):
            if entry.modified >= self.time.at - KEEP:
                (out,) = json.loads(self.bucket.get(entry.key))["outs"].values()
                assert has(self.bucket, out["digest"]), entry.key

    def collect(self, others: Iterator[None]) -> None:
        """Collect while the others act; a crash or a lost turn is no harm."""
        watched = Watched(self.bucket)
        watched.meanwhile = others
        rules = Rules(keep_runs=KEEP, now=self.time)
        with suppress(SomebodyElseFirst, Crash):
            collect(watched, [], BucketContents(watched), rules)


class Acts:
    """What happens beside a collection, drawn step by step."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.writers: list[Generator[None, None, None]] = []

    def do(self, act: str) -> None:
        """Begin to write, let the writers go a step or some, let time pass, or crash."""
        name, _, argument = act.partition(" ")
        if name == "write":
            self.writers.append(self.world.write(argument.encode()))
        elif name == "steps":
            for _ in range(int(argument)):
                self.writers = [one for one in self.writers if next(one, "over") is None]
        elif name == "minutes":
            self.world.time.at += timedelta(minutes=int(argument))
        elif name == "crash":
            raise Crash

    def each(self, acts: list[str]) -> None:
        for act in acts:
            self.do(act)

    def beside(self, acts: dict[int, str]) -> Iterator[None]:
        """Yield before each operation of the collector, acting before some of them."""
        for operation in count():
            self.do(acts.get(operation, ""))
            yield


BEFORE = st.sampled_from(["write 0", "write 1", "steps 1", "steps 2", "minutes 200"])
DURING = st.sampled_from(["write 0", "steps 1", "steps 2", "steps 9", "minutes 9", "crash"])
OPERATION = st.integers(0, 26)  # a collection of two objects has so many
AFTER = st.sampled_from(["steps 1", "steps 3", "steps 9", "minutes 90"])


@settings(max_examples=400)
@given(
    rounds=st.lists(
        st.tuples(
            st.lists(BEFORE, max_size=5),
            st.dictionaries(OPERATION, DURING, max_size=6),
            st.lists(AFTER, max_size=4),
            st.sampled_from([0, 0, 0, 24, 84, 169, 400, 1000]),  # hours until the next one
        ),
        min_size=1,
        max_size=5,
    )
)
def test_writers_and_collectors_interleaved_never_lose_what_is_referred_to(
    rounds: list[tuple[list[str], dict[int, str], list[str], int]],
) -> None:
    world = World()
    acts = Acts(world)
    for body in (b"0", b"1"):
        keep(world.bucket, body)
    world.collect(iter(()))
    world.time.at += GRACE  # from now on both are due
    for before, during, after, hours in rounds:
        acts.each(before)
        world.collect(acts.beside(during))
        acts.each(after)
        world.check()
        world.time.at += timedelta(hours=hours)
    world.collect(iter(()))
    acts.each(["minutes 120", "steps 40"])
    world.check()
