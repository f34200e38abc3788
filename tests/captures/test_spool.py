"""What the spool accepted is not lost; what it cannot take it counts."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.captures.rows import MODEL, NOON, QUICK, bring, captured, labelled
from trueup.captures import ids, reading, shipping, spoolfiles
from trueup.captures.records import Captured, Limits, Matrix, Rules, rules_of
from trueup.captures.spool import Spool
from trueup.config.model_entries import CaptureEntry
from trueup.errors import WrongUsage
from trueup.store.memory import MemoryBucket

Eventually = Callable[..., None]

# Offers one row after the other and prints each id once it may not be lost any more.
KILLED = """
import sys
from pathlib import Path
from tests.captures.rows import captured
from trueup.captures import ids
from trueup.captures.records import Limits
from trueup.captures.spool import Spool

spool = Spool(Path(sys.argv[1]), Limits(write_s=0.005, segment_bytes=int(sys.argv[2])))
for _ in range(100_000):
    names = ids.new_ids(3)
    assert spool.keep(captured(names))
    print("\\n".join(names), flush=True)
"""

# Fills a disk that takes 64 kB a file, and says what became of the rows.
FULL = """
import resource, signal, sys
from pathlib import Path
from tests.captures.rows import captured
from trueup.captures.records import Limits
from trueup.captures.spool import Spool

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
told = []
limits = Limits(write_s=0.005, sync_s=0.01, queue_rows=2000)
spool = Spool(Path(sys.argv[1]), limits, tell=told.append)
accepted = refused = 0
while not (refused and spool.counts().trouble):
    if spool.offer(captured(100)):
        accepted += 100
    else:
        refused += 100
    assert accepted < 50_000
counts = spool.counts()
assert counts.dropped == refused, counts
assert counts.kept + counts.queued == accepted, counts
assert "is full" in counts.trouble and len(told) == 1 and "lost" in told[0], (counts, told)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert spool.drain()
counts = spool.counts()
assert (counts.kept, counts.queued, counts.trouble) == (accepted, 0, ""), counts
assert spool.close()
print(accepted)
"""


def start(program: str, *words: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("segment_bytes", [1 << 20, 3000])
def test_killed_at_any_moment_nothing_synced_is_lost_and_nothing_comes_twice(
    tmp_path: Path, bucket: MemoryBucket, segment_bytes: int
) -> None:
    synced: list[str] = []
    for lines in (1, 40, 200):
        child = start(KILLED, tmp_path, segment_bytes)
        assert child.stdout
        for _ in range(lines):
            synced.append(child.stdout.readline().strip())
        child.send_signal(signal.SIGKILL)
        synced += child.stdout.read().split()
        child.wait()
        child.stdout.close()
    shipping.ship(tmp_path, bucket)
    found = reading.captures(bucket, MODEL).collect()["id"].to_list()
    assert set(synced) <= set(found)
    assert len(found) == len(set(found))
    assert len(found) - len(synced) <= 3 * 3 + 3 * 3  # what was written, but not yet said to be


def test_a_full_disk_fills_the_queue_then_rows_are_counted_and_it_goes_on(tmp_path: Path) -> None:
    child = start(FULL, tmp_path)
    said, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    assert sum(one.rows for one in spoolfiles.closed_files(tmp_path)) == int(said)
    assert all(spoolfiles.read(one)[1] == 0 for one in spoolfiles.closed_files(tmp_path))


def test_a_silent_bucket_fills_the_spool_to_its_bound_and_no_further(
    tmp_path: Path, bucket: MemoryBucket, eventually: Eventually
) -> None:
    told: list[str] = []
    limits = Limits(write_s=0.001, queue_rows=500, segment_bytes=20_000, spool_bytes=100_000)
    spool = Spool(tmp_path, limits, tell=told.append)
    accepted = refused = 0
    while not (refused and spool.counts().trouble):
        if spool.offer(captured(100)):
            accepted += 100
        else:
            refused += 100
        assert accepted < 100_000
    counts = spool.counts()
    assert counts.spool_bytes <= limits.spool_bytes
    assert counts.spilled > 0
    assert counts.dropped == refused
    assert "the bucket is silent" in told[0]
    # It answers again.
    eventually(lambda: shipping.ship(tmp_path, bucket) and spool.drain(timeout_s=0.1))
    assert spool.offer(captured(["last"]))
    assert spool.close()
    shipping.ship(tmp_path, bucket)
    found = reading.captures(bucket, MODEL).collect()["id"].to_list()
    assert len(found) == accepted + 1
    assert spool.counts().trouble == ""


def test_a_file_cut_off_anywhere_gives_back_every_whole_frame(tmp_path: Path) -> None:
    slot = tmp_path / "0"
    slot.mkdir()
    spool = Spool(tmp_path, QUICK)
    for name in "abc":
        assert spool.keep(captured([name]))
    (path,) = slot.glob("*.open")
    whole = path.read_bytes()
    spool.close()
    for cut in range(0, len(whole), 7):
        folder = tmp_path / f"cut-{cut}"
        (folder / "0").mkdir(parents=True)
        (folder / "0" / path.name).write_bytes(whole[:cut])
        spoolfiles.recover_dead(folder)
        found = [
            name
            for one in spoolfiles.closed_files(folder)
            for frame in spoolfiles.read(one)[0]
            for name in bytes(frame.columns["id"].body).decode()
        ]
        assert found == list("abc")[: len(found)]
        assert len(found) == (cut * 3) // len(whole) or cut < len(whole)


def test_a_flipped_byte_costs_its_frame_and_is_told(tmp_path: Path, bucket: MemoryBucket) -> None:
    spool = Spool(tmp_path, QUICK)
    for name in ("first", "second", "third"):
        assert spool.keep(captured([name]))
    spool.close()
    (closed,) = spoolfiles.closed_files(tmp_path)
    content = bytearray(closed.path.read_bytes())
    content[content.index(b"second")] ^= 1
    closed.path.write_bytes(content)
    assert shipping.ship(tmp_path, bucket).damaged_bytes > 0
    assert reading.captures(bucket, MODEL).collect()["id"].to_list() == ["first", "third"]
    assert [one.suffix for one in (tmp_path / "0").iterdir() if "-" in one.name] == [".damaged"]


def test_a_second_process_gets_a_slot_of_its_own(tmp_path: Path) -> None:
    spools = [Spool(tmp_path, QUICK) for _ in range(3)]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["0", "1", "2"]
    for spool in spools:
        assert spool.keep(captured())
        assert spool.close()
    assert len(spoolfiles.closed_files(tmp_path)) == 3


def test_a_folder_that_cannot_be_written_names_the_key_of_the_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WrongUsage, match=r"serve\.capture\.spool"):
        Spool(tmp_path / "file" / "spool")


def test_the_volume_is_declared(tmp_path: Path) -> None:
    spool = Spool(tmp_path, QUICK)
    volume = spool.volume()
    spool.close()
    assert volume.path == str(tmp_path)
    assert volume.file_system
    assert 0 < volume.free_bytes <= volume.size_bytes


def test_segments_close_by_size_and_by_time(tmp_path: Path, eventually: Eventually) -> None:
    spool = Spool(tmp_path, Limits(write_s=0.005, segment_bytes=5000, segment_s=0.1))
    assert spool.offer(captured(200))
    eventually(lambda: len(spoolfiles.closed_files(tmp_path)) == 1)
    assert spool.offer(captured(1))
    eventually(lambda: len(spoolfiles.closed_files(tmp_path)) == 2)
    spool.close()


def test_a_closed_spool_refuses_and_counts(tmp_path: Path) -> None:
    spool = Spool(tmp_path, QUICK)
    spool.close()
    assert not spool.offer(captured(2))
    assert spool.counts().dropped == 2


def test_replicas_sample_the_same_ids(tmp_path: Path) -> None:
    names = ids.new_ids(4000)
    buckets = [MemoryBucket(), MemoryBucket()]
    for k, one in enumerate(buckets):
        batches = [captured(names[part : part + 40]) for part in range(0, 4000, 40)]
        bring(batches, one, tmp_path / str(k), Rules(sample=0.25))
    first, second = (reading.captures(one, MODEL).collect()["id"].to_list() for one in buckets)
    assert first == second
    assert 850 < len(first) < 1150


def test_redacted_columns_are_written_nowhere(tmp_path: Path, bucket: MemoryBucket) -> None:
    rules = rules_of(CaptureEntry(redact=("tailnum",)))
    spool = Spool(tmp_path, QUICK, rules={MODEL: rules})
    matrix = Matrix(("tailnum", "delay"), np.array([[123456789.0, 2.0]]))
    secret = ["N12345"]
    spool.offer(Captured(MODEL, 1, "d", NOON, ["m"], matrix, {"score": [1.0]}))
    spool.offer(Captured(MODEL, 1, "d", NOON, ["l"], {"tailnum": secret, "delay": [1.0]}, {}))
    spool.offer(
        Captured(
            *(MODEL, 1, "d", NOON, ["r"], {"TailNum": secret}, {}),
            refused="TailNum: 'N12345' is not known",
        )
    )
    spool.close()
    raw = b"".join(one.path.read_bytes() for one in spoolfiles.closed_files(tmp_path))
    shipping.ship(tmp_path, bucket)
    assert b"N12345" not in raw
    assert np.float64(123456789.0).tobytes() not in raw
    found = reading.captures(bucket, MODEL).collect()
    assert "input.tailnum" not in found.columns
    assert sorted(found["input.delay"].to_list()) == [1.0, 2.0]
    (refused,) = reading.captures(bucket, MODEL, refusals="only").collect().to_dicts()
    assert refused["refused"] == "TailNum: '***' is not known"
    assert refused["sent"] == '{"TailNum":"str"}'


def test_refusals_are_kept_within_a_bound_and_counted_beyond(
    tmp_path: Path, bucket: MemoryBucket
) -> None:
    spool = Spool(tmp_path, QUICK, rules={MODEL: Rules(refusals_per_minute=5)})
    for k in range(20):
        row = {"delay": ["x" * 100_000]}
        spool.offer(Captured(MODEL, 1, "d", NOON, [f"{k}"], row, {}, refused="y" * 100_000))
    many = [f"m{k}" for k in range(1000)]
    spool.offer(Captured(MODEL, 1, "d", NOON, many, {"delay": many}, {}, refused="no"))
    spool.close()
    counts = spool.counts()
    assert (counts.kept, counts.refusals_left_out) == (5, 1015)
    assert counts.spool_bytes < 10_000
    shipping.ship(tmp_path, bucket)
    assert reading.captures(bucket, MODEL).collect().height == 0
    assert reading.captures(bucket, MODEL, refusals="only").collect().height == 5


def test_a_batch_that_contradicts_itself_is_counted_and_the_others_are_kept(
    tmp_path: Path, bucket: MemoryBucket
) -> None:
    told: list[str] = []
    spool = Spool(tmp_path, QUICK, tell=told.append)
    spool.offer(captured(["a"]))
    spool.offer(Captured(MODEL, 1, "d", NOON, ["b", "c"], {"delay": [1]}, {}))
    spool.offer(captured(["e"]))
    assert spool.close()
    counts = spool.counts()
    assert (counts.kept, counts.unreadable) == (2, 2)
    assert "other lengths" in told[0]
    shipping.ship(tmp_path, bucket)
    assert reading.captures(bucket, MODEL).collect()["id"].to_list() == ["a", "e"]


def test_a_matrix_is_captured_as_its_columns(tmp_path: Path, bucket: MemoryBucket) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    inputs = Matrix(("a", "b", "c"), values)
    bring(
        [Captured(MODEL, 1, "d", NOON, ["x", "y"], inputs, {"score": np.ones(2)})] * 2,
        bucket,
        tmp_path,
        Rules(sample=0.999999),
    )
    found = reading.captures(bucket, MODEL).collect()
    assert found["input.b"].to_list() == [1.0, 4.0, 1.0, 4.0]


def test_the_age_of_what_is_not_in_the_bucket_is_told(tmp_path: Path, bucket: MemoryBucket) -> None:
    spool = Spool(tmp_path, QUICK)
    assert spool.counts().lag_s == 0.0
    assert spool.keep(captured())
    assert spool.keep(labelled(["a"], 1))
    assert spool.counts().lag_s > 0.0
    assert spool.roll()
    assert spool.counts().spilled == 2
    shipping.ship(tmp_path, bucket)
    counts = spool.counts()
    assert (counts.spilled, counts.lag_s, counts.kept) == (0, 0.0, 2)
    spool.close()
