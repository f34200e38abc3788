"""A tick over 10,000 checked windows and 1,000 past decisions that finds nothing to do.

    python -m benchmarks tick [--windows N] [--decisions N] [--s3 URL] [--reduced] [--scratch DIR]

Windows are hours, each captured in a segment of its own; every fourth decision was promoted, so
that 250 versions have been watched. Times are those of whole processes (``trueup tick``) and, with
what was imported before, of the pass alone. Cold is a machine that has never seen the bucket,
warm the next time there. The S3 bucket is the one of the URL (a prefix of its own is used), or a
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
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.buckets import Counting, s3
from benchmarks.measuring import Sample, Subject, beside, machine, program
from trueup.captures.layout import CAPTURES, Segment, segment_key
from trueup.loop.events import Acted, Began, Cause, Claimed, Decided, Ended, Guarded, MessageSent
from trueup.loop.events import Event as LoopEvent
from trueup.loop.events import encode_event as loop_event
from trueup.loop.layout import log_prefix as loop_prefix
from trueup.monitoring.watching.events import Checked, Drifted, Moved, Referenced
from trueup.monitoring.watching.events import encode_event as watch_event
from trueup.monitoring.watching.history import Diary
from trueup.monitoring.watching.windows import Window, mark_of
from trueup.project import looping
from trueup.project.workspace import Workspace
from trueup.registry.layout import index_key
from trueup.registry.layout import log_prefix as registry_prefix
from trueup.registry.records import Event as RegistryEvent
from trueup.registry.records import Evidence, Identity, Judged, Promoted, Registered
from trueup.registry.records import encode_event as registry_event
from trueup.store.artifacts import Artifact
from trueup.store.bucket import Bucket
from trueup.store.folder import FolderBucket
from trueup.store.hashing import digest_bytes
from trueup.store.log import Log
from trueup.store.opening import open_bucket

MODEL, ENVIRONMENT = "bench/late", "dev"
HOUR = timedelta(hours=1)
PROMOTED_EACH = 4  # decisions
COLUMNS = 8  # in a window's record: those that have drifted, and the highest
GOAL_S = 1.0


class Size(msgspec.Struct, frozen=True):
    """How much there is to look back on."""

    windows: int
    decisions: int

    @property
    def versions(self) -> int:
        return max(1, self.decisions // PROMOTED_EACH)

    @property
    def first(self) -> datetime:
        """The begin of the first window."""
        return datetime(2025, 1, 6, tzinfo=UTC)

    @property
    def now(self) -> datetime:
        return self.first + self.windows * HOUR + timedelta(minutes=90)

    def version(self, window: int) -> int:
        """Return which version has answered in a window."""
        return 1 + window * self.versions // self.windows


class Line(msgspec.Struct, frozen=True):
    """What was measured on one kind of bucket."""

    where: str
    cold: Sample
    warm: Sample
    alone_s: float
    requests: int


def main() -> None:
    options = _options()
    size = Size(options.windows, options.decisions)
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        print(
            f"{size.windows} windows, {size.decisions} decisions, {size.versions} versions;"
            f" {machine()}"
        )
        filled = FolderBucket(Path(scratch) / "filled")
        fill(filled, size)
        folder = Path(scratch) / "a"
        lines = [measured("folder", ("store", dict(os.environ)), folder, filled, size)]
        with s3(options.s3, Path(scratch)) as remote:
            if remote:
                lines.append(measured("S3", remote, Path(scratch) / "b", filled, size))
            else:
                print("S3 is left out: give --s3 URL, or install weed")
    print(
        "| bucket | cold s | warm s | warm: processor s | peak MB | the pass alone s, warm "
        "| its requests |\n|---|---|---|---|---|---|---|"
    )
    for line in lines:
        print(
            f"| {line.where} | {line.cold.seconds:.2f} | {line.warm.seconds:.2f} "
            f"| {line.warm.processor_s:.2f} | {line.warm.peak_memory_bytes / 1e6:.0f} "
            f"| {line.alone_s:.2f} | {line.requests} |"
        )
    print(f"| goal | | {GOAL_S} | | | | |")


def measured(
    where: str, place: tuple[str, dict[str, str]], root: Path, filled: Bucket, size: Size
) -> Line:
    """Copy what was written to a bucket, then tick there, in processes of its own and in this."""
    root.mkdir()
    (root / "trueup.yaml").write_text(json.dumps(_configuration(place[0])), "utf-8")
    began = time.perf_counter()
    copy(filled, open_bucket(place[0], root=root, env=place[1]))
    print(f"{where}: filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    os.environ.update(place[1])
    own = root / ".trueup"
    own.mkdir(exist_ok=True)

    def forget() -> None:
        shutil.rmtree(own / "state", ignore_errors=True)

    now = f"{size.now:%Y-%m-%dT%H:%M:%SZ}"
    verb = (program("trueup", None), "-C", str(root), "tick", "late", "--now", now)
    (cold,) = beside([Subject(verb, root, forget)], 3)
    (warm,) = beside([Subject(verb, root)], 5, warm=True)
    alone = sorted(ticked(root, place[1], size) for _ in range(5))
    return Line(where, cold, warm, *alone[len(alone) // 2])


def ticked(root: Path, env: dict[str, str], size: Size) -> tuple[float, int]:
    """Make one pass as a new process would; return its seconds and its requests."""
    workspace = Workspace(root, env)
    counting = Counting(workspace.bucket)
    workspace.__dict__["bucket"] = counting  # where its property keeps what it has opened
    began = time.perf_counter()
    found = looping.tick(workspace, looping.Wanted("late", now=size.now))
    took = time.perf_counter() - began
    assert not found.decision.actions, found.decision
    assert not found.says, found.says
    return took, counting.requests


def _configuration(store: str) -> dict[str, Any]:
    return {
        "format": 1,
        "project": "bench",
        "store": store,
        "stages": {"s": {"cmd": "true", "outs": ["model.onnx"]}},
        "models": {
            "late": {
                "path": "model.onnx",
                "task": "binary",
                "monitor": {"window": "1h", "lateness": "1h"},
                "loop": {
                    "when": [
                        {"drift": {"windows": "2 of 3"}, "do": "retrain"},
                        {"schedule": "17 4 * * 1", "do": "retrain"},
                    ],
                    "cooldown": "1d",
                    "budget": "1000 per 90d",
                    "then": "person",
                },
            }
        },
    }


def fill(bucket: Bucket, size: Size) -> None:
    """Write what so many windows and decisions leave behind."""
    bucket.create(index_key(MODEL), b"{}")
    registry = Log(bucket, registry_prefix(MODEL))
    for event in _registered(size):
        registry.add(registry_event(event))
    watching = Log(bucket, Diary(bucket, MODEL, ENVIRONMENT).prefix)
    for body in _watched(bucket, size):
        watching.add(body)
    loop = Log(bucket, loop_prefix(MODEL))
    for told in _looped(size):
        loop.add(loop_event(told))


def _registered(size: Size) -> Iterator[RegistryEvent]:
    by = Identity("ada@example.org")
    for version in range(1, size.versions + 1):
        at = size.first + (version - 1) * HOUR * (size.windows // size.versions)
        before = version - 1 or None
        found = Evidence(
            verdict=_digest("verdict", version),
            model=_digest("model", version),
            outcome="pass",
            data=_digest("data", 1),
            rules=_digest("rules", 1),
            code=_digest("code", 1),
            champion=_digest("model", before) if before else "",
            environment=ENVIRONMENT,
        )
        model = Artifact(found.model, 1_000_000)
        yield Registered(at=at, by=by, version=version, model=model, code=found.code)
        yield Judged(at=at, by=by, evidence=found)
        yield Promoted(
            at=at, by=by, version=version, environment=ENVIRONMENT, grounds="pass",
            verdict=found.verdict, before=before,
        )  # fmt: skip


def _watched(bucket: Bucket, size: Size) -> Iterator[bytes]:
    last, number, reference = 0, 0, 0
    for nth in range(size.windows):
        begin, version = size.first + nth * HOUR, size.version(nth)
        at = begin + 2 * HOUR
        if version != last:
            last, number = version, number + 1
            reference = number
            yield watch_event(_referenced(at, version))
        first_ms = int(begin.timestamp() * 1000)
        segment = Segment(
            first_ms, first_ms + 3_500_000, version, _digest("model", version)[:16], "schema",
            f"s{nth}", environment=ENVIRONMENT,
        )  # fmt: skip
        key = segment_key(CAPTURES, MODEL, segment)
        bucket.create(key, b"rows")
        number += 1
        mark = mark_of([msgspec.structs.replace(segment, key=key)])
        yield watch_event(_checked(Window(begin, begin + HOUR), version, reference, mark))


def _referenced(at: datetime, version: int) -> Referenced:
    return Referenced(
        at=at, by="ada", version=version, digest=_digest("model", version), grid="g",
        reference="r", window_s=3600.0,
    )  # fmt: skip


def _checked(window: Window, version: int, reference: int, mark: str) -> Checked:
    names = ("near", "shop", "staff", "wind", "humidity", "carrier", "origin", "hour")
    columns = tuple(
        Moved(name, "input", 0.0123456789, 0.00456789, 1.23456789, 2.3456789, claimed=True)
        for name in names[:COLUMNS]
    )
    drift = Drifted(False, False, False, True, 1.23456789, 2.3456789, "jensen_shannon", columns)
    return Checked(
        at=window.end + HOUR, by="ada", window=window, version=version, reference=reference,
        rows=1000, segments=mark, profile=f"profiles/{MODEL}/{mark}", drift=drift,
        reasons=("2 columns moved significantly, and too little to matter",),
    )  # fmt: skip


def _looped(size: Size) -> Iterator[LoopEvent]:
    yield Began(at=size.first, by="ada", policy="p")
    for nth in range(size.decisions):
        at = size.first + nth * HOUR * (size.windows // size.decisions)
        decision = _digest("decision", nth)[:20]
        said: dict[str, Any] = {"at": at, "by": "ada", "decision": decision}
        cause = Cause("drift", "drift in 2 of 3 windows", f"{at:%Y-%m-%d}", at, "near has drifted")
        yield Decided(
            **said, model=MODEL, environment=ENVIRONMENT, policy="p", do="retrain", cause=cause,
            cools_from=at, then="promote", champion=size.version(nth), registry_event=1,
        )  # fmt: skip
        said["epoch"] = 1
        yield Claimed(**said, worker="w", until=at + HOUR)
        yield Guarded(**said, word="pass")
        version = 1 + nth // PROMOTED_EACH
        passed = nth % PROMOTED_EACH == 0
        yield Acted(**said, step="train", state="started")
        yield Acted(**said, step="train", state="done", reference="run")
        yield Acted(**said, step="deliver", state="started")
        state: Any = "done" if passed else "refused"
        yield Acted(**said, step="deliver", state=state, version=version)
        if passed:
            yield Acted(**said, step="promote", state="done", version=version)
        end: Any = "promoted" if passed else "refused"
        yield Ended(**said, end=end, version=version, says="said")
        for topic in ("decided", "ended"):
            key = f"decision/{decision}/{topic}"
            yield MessageSent(at=at, by="ada", key=key, decision=decision, channels=("oncall",))


def copy(source: Bucket, target: Bucket) -> None:
    """Copy all objects, several at a time."""
    with ThreadPoolExecutor(8) as pool:
        for done in [
            pool.submit(target.put, entry.key, source.get(entry.key)) for entry in source.list("")
        ]:
            done.result()


def _digest(kind: str, number: int) -> str:
    return digest_bytes(f"{kind} {number}".encode())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=10_000)
    parser.add_argument("--decisions", type=int, default=1_000)
    parser.add_argument("--s3", metavar="URL", help="an S3 bucket to use")
    parser.add_argument("--reduced", action="store_true", help="400 windows, 40 decisions")
    parser.add_argument("--scratch", type=Path, help="a folder on the disk to measure")
    options = parser.parse_args()
    if options.reduced:
        options.windows, options.decisions = 400, 40
    return options


if __name__ == "__main__":
    main()
