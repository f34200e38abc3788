"""What a look over a bucket finds."""

import json
from pathlib import Path

from blake3 import blake3

from trueup.store.audit import audit
from trueup.store.bucket import Bucket
from trueup.store.log import Log
from trueup.store.memory import MemoryBucket
from trueup.store.packs import PackWriter


def keep(bucket: Bucket, body: bytes, name: str = "") -> str:
    digest = name or blake3(body).hexdigest()
    bucket.put(f"objects/{digest}", body)
    return digest


def result(bucket: Bucket, *digests: str) -> None:
    outs = {str(nth): {"digest": one, "size_bytes": 1} for nth, one in enumerate(digests)}
    key = f"cache/trusted/{len(list(bucket.list('cache/')))}.json"
    bucket.put(key, json.dumps({"key": "ab" * 32, "outs": outs}).encode())


def found(bucket: Bucket, sample: int | None = None) -> list[tuple[str, str]]:
    return sorted((finding.kind, finding.key) for finding in audit(bucket, sample=sample))


def test_a_bucket_in_order_has_no_findings(bucket: Bucket, tmp_path: Path) -> None:
    digest = keep(bucket, b"object")
    writer = PackWriter(str(tmp_path / "pack"))
    writer.add(blake3(b"small").digest(), b"small")
    name, index = writer.close()
    bucket.put(f"packs/{name}", Path(writer.path))
    bucket.put(f"packs/{name}.idx", index.encode())
    bucket.put(f"objects/{digest}.packs", b"[]")
    result(bucket, digest, blake3(b"small").hexdigest())
    for number in range(20):
        Log(bucket, "models/fraud").add(b'{"n":%d}' % number)
    assert found(bucket) == []


def test_each_kind_of_trouble_is_named(bucket: Bucket) -> None:
    good, bad, gone = keep(bucket, b"good"), "cd" * 32, "ef" * 32
    keep(bucket, b"not what the name says", bad)
    bucket.put(f"packs/{'12' * 32}", b"no pack either")
    bucket.put(f"packs/{'12' * 32}.idx", b"no index")
    result(bucket, good)
    result(bucket, good, gone)
    for number in range(5):
        Log(bucket, "loop/fraud").add(b'{"n":%d}' % number)
    bucket.delete(["loop/fraud/events/0000000002.json", "loop/fraud/events/0000000003.json"])
    bucket.put("runs/1/events/seven.json", b"{}")
    assert found(bucket) == [
        ("damaged", f"objects/{bad}"),
        ("damaged", f"packs/{'12' * 32}"),
        ("dangling", "cache/trusted/1.json"),
        ("gap", "loop/fraud/events/0000000002.json"),
        ("unreadable", f"packs/{'12' * 32}.idx"),
        ("unreadable", "runs/1/events/seven.json"),
    ]
    assert all(finding.problem and finding.remedy for finding in audit(bucket))


def test_a_sample_reads_so_many_objects_and_all_records() -> None:
    bucket = MemoryBucket()
    for nth in range(10):
        keep(bucket, b"bad", f"{nth:064x}")
    result(bucket, "ef" * 32)
    kinds = [kind for kind, _ in found(bucket, sample=4)]
    assert kinds == ["damaged"] * 4 + ["dangling"]
    assert len(found(bucket, sample=50)) == 11
    assert [kind for kind, _ in found(bucket, sample=0)] == ["dangling"]


def test_an_empty_and_a_large_object_are_read_whole() -> None:
    bucket = MemoryBucket()
    keep(bucket, b"")
    keep(bucket, b"x" * (20 << 20))
    keep(bucket, b"", "00" * 32)
    assert found(bucket) == [("damaged", f"objects/{'00' * 32}")]
