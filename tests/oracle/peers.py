"""The two tools side by side: DVC in a process of its own, trueup through its command line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from tests.oracle.corpus import Step

_DVC_SIDE = Path(__file__).with_name("dvc_side.py")


class Seen(msgspec.Struct, frozen=True):
    """What a tool says of a project before it runs."""

    ok: bool
    said: str
    stages: dict[str, list[str]] = {}  # name: resolved commands
    pending: frozenset[str] = frozenset()  # what it would run or take from its cache
    upstream: dict[str, frozenset[str]] = {}


class Done(msgspec.Struct, frozen=True):
    """What a run did."""

    ok: bool
    said: str
    ran: frozenset[str] = frozenset()
    restored: frozenset[str] = frozenset()
    exit_code: int = 0


class Dvc:
    """DVC's library in a process of its own; starting it once saves a second a question."""

    def __init__(self, executable: Path, scratch: Path) -> None:
        python = executable.with_name("python")
        environment = os.environ | {
            "DVC_SITE_CACHE_DIR": str(scratch / "site"),
            "DVC_NO_ANALYTICS": "1",
            "SHELL": "/bin/sh",
            "HOME": str(scratch),
        }
        self._log = (scratch / "dvc.log").open("wb")
        self._process = subprocess.Popen(
            [python, _DVC_SIDE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()
        self._log.close()

    def _ask(self, **question: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def begin(self, root: Path) -> None:
        """Make the folder a project of DVC's."""
        assert self._ask(do="begin", root=str(root))["ok"]

    def look(self, root: Path) -> Seen:
        """Return what DVC reads in dvc.yaml and which stages it calls changed."""
        answer = self._ask(do="look", root=str(root))
        stages = answer.get("stages", {})
        return Seen(
            ok=answer["ok"],
            said=answer["error"] or "",
            stages={name: stage["cmd"] for name, stage in stages.items()},
            pending=frozenset(answer.get("changed", ())),
            upstream={name: frozenset(stage["upstream"]) for name, stage in stages.items()},
        )

    def run(self, root: Path, step: Step) -> Done:
        """Reproduce what the step asks for."""
        options = {"force": step.force, "on_error": "keep-going" if step.keep_going else "fail"}
        answer = self._ask(do="run", root=str(root), targets=step.targets, options=options)
        return Done(
            ok=answer["ok"],
            said=answer["error"] or "",
            ran=frozenset(answer["ran"]),
            restored=frozenset(answer["restored"]),
        )


class Trueup:
    """trueup through its command line, one process a question."""

    def __init__(self, scratch: Path) -> None:
        self._environment = os.environ | {"HOME": str(scratch), "SHELL": "/bin/sh"}

    def look(self, root: Path) -> Seen:
        """Return which stages trueup would run or fetch."""
        done = self._call(root, "status", "--json")
        if done.returncode:
            return Seen(ok=False, said=done.stderr)
        stages = json.loads(done.stdout)["stages"]
        pending = {stage["name"] for stage in stages if stage["state"] not in ("unchanged", "keep")}
        return Seen(ok=True, said=done.stderr, pending=frozenset(pending))

    def run(self, root: Path, step: Step) -> Done:
        """Run what the step asks for."""
        flags = [
            f"--{flag}" for flag in ("force", "keep-going") if getattr(step, flag.replace("-", "_"))
        ]
        done = self._call(root, "run", "--json", *flags, *step.targets)
        outcomes: dict[str, set[str]] = {}
        for stage in json.loads(done.stdout)["stages"] if done.stdout.strip() else ():
            outcomes.setdefault(stage["outcome"], set()).add(stage["name"])
        return Done(
            ok=done.returncode == 0,
            said=done.stderr,
            ran=frozenset(outcomes.get("ran", ())),
            restored=frozenset(outcomes.get("fetched", ())),
            exit_code=done.returncode,
        )

    def commands(self, root: Path) -> dict[str, list[str]]:
        """Return each stage's commands with everything resolved, as the lock keeps them."""
        lock = json.loads((root / "trueup.lock").read_bytes())
        return {name: stage["inputs"]["cmd"] for name, stage in lock["stages"].items()}

    def _call(self, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "trueup", *words],
            cwd=root,
            env=self._environment | {"PWD": str(root)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
