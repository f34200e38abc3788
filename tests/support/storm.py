"""One process of a storm of writers: 16 threads that all want to write the same numbers.

``python -m tests.support.storm race|append URL STATE PROCESS COUNT`` prints, as JSON lines, the
writer and the number of each event that a writer was told is its own.
"""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trueup import ids
from trueup.store.bucket import Bucket
from trueup.store.log import Event, Log
from trueup.store.opening import open_bucket

PROCESSES, WRITERS = 8, 16
_CHECKOUT = Path(__file__).parents[2]


def race(bucket: Bucket, writer: str, count: int) -> list[int]:
    """Try to create each number once; return those that were won."""
    won = []
    for number in range(1, count + 1):
        body = json.dumps({"writer": writer, "nonce": ids.nonce()}).encode()
        if bucket.create(f"storm/events/{number:010d}.json", body):
            won.append(number)
    return won


def append(bucket: Bucket, writer: str, count: int) -> list[int]:
    """Append so many events, each deciding by all before it; return their numbers."""
    log = Log(bucket, "storm")

    def decide(events: list[Event]) -> bytes:
        mine = sum(json.loads(event.body)["writer"] == writer for event in events)
        return json.dumps({"writer": writer, "seen": len(events), "nth": mine + 1}).encode()

    return [log.append_when(decide) or 0 for _ in range(count)]


def storm(mode: str, url: str, *, env: dict[str, str], state: Path, count: int) -> list[str]:
    """Run all processes at once; return for each number won, in no order, ``writer number``."""
    command = [sys.executable, "-m", "tests.support.storm", mode, url, str(state)]
    running = [
        subprocess.Popen(
            [*command, str(process), str(count)],
            env={**os.environ, **env},
            cwd=_CHECKOUT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for process in range(PROCESSES)
    ]
    outputs = [one.communicate(timeout=300)[0] for one in running]
    assert [one.returncode for one in running] == [0] * PROCESSES
    return [line for output in outputs for line in output.splitlines()]


def main() -> None:
    mode, url, state, process, count = sys.argv[1:]
    bucket = open_bucket(url, root=Path(state), env=os.environ)
    write = race if mode == "race" else append
    start = threading.Barrier(WRITERS)

    def run(nth: int) -> tuple[str, list[int]]:
        writer = f"{process}-{nth}"
        start.wait()
        return writer, write(bucket, writer, int(count))

    with ThreadPoolExecutor(WRITERS) as pool:
        for writer, numbers in pool.map(run, range(WRITERS)):
            for number in numbers:
                sys.stdout.write(f"{writer} {number}\n")


if __name__ == "__main__":
    main()
