"""1,000 versions and 1,000 promotions of one model: resolved and told, on a folder and on S3.

    python -m benchmarks registry [--versions N] [--s3 URL] [--reduced] [--scratch DIR]

Cold is a machine that has never seen the bucket, warm the next time there. Requests are counted in
this process for ``trueup resolve``; times are those of whole processes. The S3 bucket is the one of
the URL (credentials in the environment, as for trueup itself; a prefix of its own is used), or a
SeaweedFS server started here where its program ``weed`` is found; else S3 is left out.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.buckets import Counting, s3
from benchmarks.measuring import Sample, Subject, beside, machine, program
from trueup.project.registering import resolve
from trueup.project.workspace import Workspace
from trueup.registry.layout import index_key, log_prefix
from trueup.registry.records import (
    Deprecated,
    Event,
    Evidence,
    Identity,
    Judged,
    Promoted,
    Registered,
    encode_event,
)
from trueup.store.artifacts import Artifact
from trueup.store.bucket import Bucket
from trueup.store.hashing import digest_bytes
from trueup.store.log import Log
from trueup.store.memory import MemoryBucket
from trueup.store.opening import open_bucket

MODEL = "bench/late"
MOST_LOOSE = 15  # events that the bucket's log holds each by itself before sixteen are folded
GOAL_COLD, GOAL_WARM, GOAL_HISTORY_S = 70, 1, 0.5


class Line(msgspec.Struct, frozen=True):
    """What was measured on one kind of bucket."""

    where: str
    cold_requests: int
    warm_requests: int
    resolve_cold: Sample
    resolve_warm: Sample
    history_cold: Sample
    history_warm: Sample


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        print(f"{options.versions} versions and promotions; {machine()}")
        filled = MemoryBucket()
        fill(filled, options.versions)
        folder = Path(scratch) / "a"
        lines = [measured("folder", "store", dict(os.environ), folder, filled)]
        with s3(options.s3, Path(scratch)) as remote:
            if remote:
                lines.append(measured("S3", *remote, Path(scratch) / "b", filled))
            else:
                print("S3 is left out: give --s3 URL, or install weed")
    print(
        "| bucket | resolve cold: requests | warm: requests | resolve cold s | warm s "
        "| history cold s | warm s |\n|---|---|---|---|---|---|---|"
    )
    for line in lines:
        samples = (line.resolve_cold, line.resolve_warm, line.history_cold, line.history_warm)
        seconds = " | ".join(f"{sample.seconds:.2f}" for sample in samples)
        print(f"| {line.where} | {line.cold_requests} | {line.warm_requests} | {seconds} |")
    print(f"| goal on S3 | {GOAL_COLD} | {GOAL_WARM} | | | {GOAL_HISTORY_S} | {GOAL_HISTORY_S} |")


def measured(where: str, url: str, env: dict[str, str], root: Path, filled: MemoryBucket) -> Line:
    """Copy what was written to a bucket, then resolve and tell it by the commands."""
    root.mkdir()
    config = {"format": 1, "project": "bench", "store": url, "stages": {"s": {"cmd": "true"}}}
    (root / "trueup.yaml").write_text(json.dumps(config), "utf-8")
    began = time.perf_counter()
    copy(filled, open_bucket(url, root=root, env=env))
    print(f"{where}: filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    os.environ.update(env)
    own = root / ".trueup"
    own.mkdir(exist_ok=True)

    def forget() -> None:
        shutil.rmtree(own / "state", ignore_errors=True)

    trueup = (program("trueup", None), "-C", str(root))
    verbs = [(*trueup, "resolve", "late"), (*trueup, "history", "late")]
    cold = beside([Subject(verb, root, forget) for verb in verbs], 3)
    warm = beside([Subject(verb, root) for verb in verbs], 5, warm=True)
    forget()
    first, second = resolved(root, env), resolved(root, env)
    return Line(where, first, second, cold[0], warm[0], cold[1], warm[1])


def resolved(root: Path, env: dict[str, str]) -> int:
    """Resolve the model as a new process would, and return the number of requests."""
    workspace = Workspace(root, env)
    counting = Counting(workspace.bucket)
    workspace.__dict__["bucket"] = counting  # where its property keeps what it has opened
    found = resolve(workspace, "late")
    assert found.version.version == len(found.history.versions)
    return counting.requests


def fill(bucket: Bucket, versions: int) -> None:
    """Write what so many versions, each judged and promoted, leave behind: the worst time to read.

    The log folds events that lie side by side; as many as ever are left loose.
    """
    log = Log(bucket, log_prefix(MODEL))
    bucket.create(index_key(MODEL), b"{}")
    for event in told(versions):
        log.add(encode_event(event))
    at, by = datetime.now(UTC), Identity("ada@example.org")
    for _ in range((MOST_LOOSE - 3 * versions) % (MOST_LOOSE + 1)):
        log.add(encode_event(Deprecated(at=at, by=by, version=1)))


def told(versions: int) -> Iterator[Event]:
    """Yield the events of versions of which each beats the one before it."""
    first = datetime.now(UTC) - timedelta(hours=versions)
    by = Identity("repo:team/bench:ref:refs/heads/main", verified=True, issuer="ci", person="ada")
    for version in range(1, versions + 1):
        at, before = first + timedelta(hours=version), version - 1 or None
        found = Evidence(
            verdict=_digest("verdict", version),
            model=_digest("model", version),
            outcome="pass",
            data=_digest("data", 1),
            rules=_digest("rules", 1),
            code=_digest("code", 1),
            champion=_digest("model", before) if before else "",
            environment="dev",
            estimates={"roc_auc": 0.0001, "log_loss": 0.0002},
        )
        model = Artifact(found.model, 1_000_000 + version)
        stages = {stage: _digest(stage, version) for stage in ("ingest", "prepare", "train")}
        run = f"run-{version}"
        yield Registered(
            at=at, by=by, version=version, model=model, code=found.code, lineage=stages, run=run
        )
        yield Judged(at=at, by=by, evidence=found)
        yield Promoted(
            at=at,
            by=by,
            version=version,
            environment="dev",
            grounds="pass",
            verdict=found.verdict,
            before=before,
        )


def copy(source: MemoryBucket, target: Bucket) -> None:
    """Copy all objects, several at a time: a registry is small objects far away."""
    with ThreadPoolExecutor(8) as pool:
        for done in [
            pool.submit(target.put, entry.key, source.get(entry.key)) for entry in source.list("")
        ]:
            done.result()


def _digest(kind: str, number: int) -> str:
    return digest_bytes(f"{kind} {number}".encode())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=1_000)
    parser.add_argument("--s3", metavar="URL", help="an S3 bucket to use")
    parser.add_argument("--reduced", action="store_true", help="100 versions")
    parser.add_argument("--scratch", type=Path, help="a folder on the disk to measure")
    options = parser.parse_args()
    options.versions = 100 if options.reduced else options.versions
    return options


if __name__ == "__main__":
    main()
