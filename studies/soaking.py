"""A server under a steady load: started, asked at a pace, watched, and its captures read back."""

import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import msgspec

from benchmarks.measuring import environment
from benchmarks.serving_peers.asking import Told, told_by
from benchmarks.serving_peers.processes import free_port

CONNECTIONS = 64
_EVERY_S = 0.5
_START_S = 60.0


class Pace(msgspec.Struct, frozen=True):
    """How long each connection waits before it asks again; wrk knows whole milliseconds only."""

    wait_ms: float = 0.0

    @classmethod
    def of(cls, per_s: float) -> "Pace":
        """Return the pace of so many requests, were they answered in no time."""
        return cls(1000 * CONNECTIONS / per_s)

    def corrected(self, found_per_s: float, wanted_per_s: float) -> "Pace":
        """Return the pace that comes nearer to what is wanted."""
        cycle_ms = 1000 * CONNECTIONS
        return Pace(max(0.0, self.wait_ms + cycle_ms / wanted_per_s - cycle_ms / found_per_s))

    def script(self, body: str) -> str:
        """Return wrk's script: now and then a millisecond more, so that the mean is right."""
        said = 'wrk.method = "POST"\nwrk.headers["content-type"] = "application/json"\n'
        said += f"wrk.body = [==[{body}]==]\n"
        if self.wait_ms:
            whole = int(self.wait_ms)
            more = self.wait_ms - whole
            said += f"function delay() return {whole} + (math.random() < {more:.4f} and 1 or 0) end"
        return said


class Window(msgspec.Struct, frozen=True):
    """What was seen in one stretch of time."""

    per_s: float
    p50_ms: float
    p99_ms: float
    failed: int
    memory_mb: float  # resident, the median over the window
    descriptors: int
    threads: int


def start(root: Path, trueup: str) -> "tuple[int, subprocess.Popen[bytes]]":
    """Start a server of the project's model and return once it answers."""
    port = free_port()
    log = (root / "serve.log").open("wb")
    process = subprocess.Popen(
        [trueup, "-C", str(root), "serve", "model/1", "--port", str(port)],
        env=environment(), stdout=log, stderr=log,
    )  # fmt: skip
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            _metrics(port)
        except OSError:
            time.sleep(0.02)
            continue
        return port, process
    raise SystemExit(f"it did not start:\n{(root / 'serve.log').read_text()}")


def asked(root: Path, port: int, pace: Pace, seconds: float, body: str) -> Told:
    """Ask with wrk for a while."""
    script = root / "soak.lua"
    script.write_text(pace.script(body))
    url = f"http://127.0.0.1:{port}/predict"
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--latency"]
    done = subprocess.run(
        [*words, "-s", str(script), url], capture_output=True, text=True, check=True
    )
    return told_by(done.stdout)


@contextmanager
def watched(pid: int) -> Iterator[list[float]]:
    """Yield what will have been the process's memory every half second, in MB."""
    sizes_mb: list[float] = [_memory_mb(pid)]
    enough = Event()

    def watch() -> None:
        while not enough.wait(_EVERY_S):
            sizes_mb.append(_memory_mb(pid))

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield sizes_mb
    finally:
        enough.set()
        thread.join()


def window(pid: int, told: Told, memory_mb: float) -> Window:
    """Return a window; descriptors are counted once its connections are closed again."""
    return Window(
        *(told.per_s, told.p50_ms, told.p99_ms, told.failed, memory_mb),
        descriptors=_settled(pid),
        threads=_entries(f"/proc/{pid}/task"),
    )


def answered(port: int) -> float:
    """Return how many rows the server says that it has answered."""
    return _metrics(port)['trueup_rows_total{model="model"}']


def captured(port: int) -> dict[str, float]:
    """Return what became of the rows on their way to the bucket."""
    found = _metrics(port)
    name = re.compile(r'trueup_captured_rows_total\{result="(\w+)"\}')
    return {match[1]: value for key, value in found.items() if (match := name.fullmatch(key))}


def read_back(root: Path) -> tuple[int, int]:
    """Return how many rows lie in the bucket, read whole, and how many ids there are."""
    import polars as pl

    from trueup.project import capturing
    from trueup.project.workspace import open_workspace

    frame = capturing.frame(open_workspace(root, os.environ), "model", capturing.Question())
    columns = [pl.col(f"input.x{k}").sum() for k in range(20)]
    found = frame.select(pl.len().alias("rows"), pl.col("id").n_unique().alias("ids"), *columns)
    row = found.collect().row(0, named=True)
    return int(row["rows"]), int(row["ids"])


def _metrics(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (one.rpartition(" ") for one in lines if one and one[0] != "#")
    return {key: float(value) for key, _, value in pairs}


def _memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def _settled(pid: int) -> int:
    """Return how many descriptors are open, once that is the same twice."""
    count = -1
    for _ in range(20):
        now = _entries(f"/proc/{pid}/fd")
        if now == count:
            break
        count = now
        time.sleep(0.05)
    return count
