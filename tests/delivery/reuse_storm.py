"""One process of a storm of gates: it judges models of its own and models that others judge too.

``python -m tests.delivery.reuse_storm URL STATE PROCESS COUNT`` prints, as JSON lines, each model
and the number that it was told.
"""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from trueup.delivery.reusing import Use, first_use
from trueup.registry.records import Identity
from trueup.store.opening import open_bucket

EVALUATION = "e" * 64
PROCESSES = 8
_AT = datetime(2026, 11, 23, tzinfo=UTC)
_CHECKOUT = Path(__file__).parents[2]


def storm(url: str, *, env: dict[str, str], state: Path, count: int) -> list[tuple[str, int]]:
    """Run all processes at once; return each model with the number that was told, in no order."""
    command = [sys.executable, "-m", "tests.delivery.reuse_storm", url, str(state)]
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
    said = [json.loads(line) for output in outputs for line in output.splitlines()]
    return [(model, number) for model, number in said]


def main() -> None:
    url, state, process, count = sys.argv[1:]
    bucket = open_bucket(url, root=Path(state), env=os.environ)
    for nth in range(int(count)):
        for model in (f"own-{process}-{nth}", f"shared-{nth}"):
            wanted = Use(model=model, at=_AT, by=Identity(f"p{process}"), branch=f"b{process}")
            number = first_use(bucket, EVALUATION, wanted).number
            sys.stdout.write(json.dumps([model, number]) + "\n")


if __name__ == "__main__":
    main()
