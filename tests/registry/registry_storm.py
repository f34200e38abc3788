"""One process of a storm on one model: registers, judges, promotes and rolls back as it likes.

``python -m tests.registry.registry_storm URL STATE PROCESS COUNT`` prints, as JSON lines, each
event that it was told it has written, and each refusal it met.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.registry.events import AT, PROD, body, digest, evidence, judged, registered
from trueup.errors import SomebodyElseFirst
from trueup.registry import moves
from trueup.registry.history import History
from trueup.registry.promotion import PromotionRequest
from trueup.registry.records import Evidence, Identity, RolledBack
from trueup.registry.refusals import Refused
from trueup.registry.registry import Registry, Written
from trueup.store.opening import open_bucket

MODEL = "flights/late"
PROCESSES = 8
_CHECKOUT = Path(__file__).parents[2]


def storm(url: str, *, env: dict[str, str], state: Path, count: int) -> list[dict[str, object]]:
    """Run all processes at once; return what each said, in no order."""
    command = [sys.executable, "-m", "tests.registry.registry_storm", url, str(state)]
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
    outputs = [one.communicate(timeout=500)[0] for one in running]
    assert [one.returncode for one in running] == [0] * PROCESSES
    return [json.loads(line) for output in outputs for line in output.splitlines()]


class Writer:
    """Does things at random, some of them on what it has read a while ago."""

    def __init__(self, registry: Registry, process: int) -> None:
        self.registry, self.process = registry, process
        self.draw = random.Random(process)  # noqa: S311 -- a test's seeded choice
        self.by = Identity(f"writer-{process}")
        self.nth = 0
        self.judged: list[int] = []

    def act(self) -> None:
        kind = self.draw.choice(["register", "judge", "judge", "promote", "promote", "back"])
        if not self.nth or kind == "register":
            self.register()
        elif kind == "judge":
            self.judge(self.registry.history(MODEL))
        elif kind == "promote" and self.judged:
            self.promote(self.draw.choice(self.judged[-3:]))
        else:
            self.back(self.registry.history(MODEL))

    def register(self) -> None:
        self.nth += 1
        seed = 1000 * (self.process + 1) + self.nth
        wanted = msgspec.structs.replace(registered(seed), by=self.by, code="code")
        number = self.registry.register(MODEL, wanted)
        said("registered", number, model=digest(seed))

    def judge(self, history: History) -> None:
        """Judge a version against the champion that is live now; it may move before it is used."""
        number = self.draw.randint(1, len(history.versions))
        found: Evidence = msgspec.structs.replace(
            evidence(0),
            verdict="",
            model=history.version(number).model.digest,
            code="code",
            champion=history.champion_digest("prod"),
            reasons=(f"{self.process}",),
        )
        record = body(found)
        from trueup.store.hashing import digest_bytes

        found = msgspec.structs.replace(found, verdict=digest_bytes(record))
        written = self.registry.judge(MODEL, judged(found), record)
        said("judged", number_of(written), verdict=found.verdict)
        self.judged.append(number)

    def promote(self, version: int) -> None:
        try:
            made = self.registry.promote(MODEL, PromotionRequest(version, PROD, self.by, AT))
        except (SomebodyElseFirst, Refused) as error:
            said("refused", 0, why=type(error).__name__)
        else:
            if made is not None:
                said("promoted", 0, version=version, before=made.before, verdict=made.verdict)

    def back(self, history: History) -> None:
        live = history.champion("prod")
        if live is None:
            return
        wanted = RolledBack(at=AT, by=self.by, version=live, environment="prod")
        try:
            written = self.registry.write(MODEL, lambda now: moves.rollback(now, wanted))
        except (SomebodyElseFirst, Refused) as error:
            said("refused", 0, why=type(error).__name__)
        else:
            said("rolled back", number_of(written), version=live)


def number_of(written: Written) -> int:
    return written.history.number if written.event is not None else 0


def said(what: str, number: int, **more: object) -> None:
    sys.stdout.write(json.dumps({"what": what, "number": number, **more}) + "\n")


def main() -> None:
    url, state, process, count = sys.argv[1:]
    bucket = open_bucket(url, root=Path(state), env=os.environ)
    writer = Writer(Registry(bucket), int(process))
    for _ in range(int(count)):
        writer.act()


if __name__ == "__main__":
    main()
