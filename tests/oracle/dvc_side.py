"""DVC as a service: runs under the Python that has DVC, answers one JSON line per question.

A start of ``dvc`` costs a second, so one process answers for many projects. Everything it says
is DVC's own: its reading of dvc.yaml, its plan, what it ran, why it refused.
"""

import json
import logging
import os
import re
import sys
from importlib import import_module
from typing import Any

_RUNNING = re.compile(r"^Running stage '(?P<name>.+)':$")
_RESTORED = re.compile(r"^Stage '(?P<name>.+)' is cached - skipping run")


class Listener(logging.Handler):
    """Keeps what DVC says of each stage: started, or restored from its run cache."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.ran: list[str] = []
        self.restored: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if found := _RUNNING.match(line):
            self.ran.append(found["name"])
        elif found := _RESTORED.match(line):
            self.restored.append(found["name"])


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Do what one question asks in its project, and return what came of it."""
    repo_class = import_module("dvc.repo").Repo  # only DVC's environment has it
    root = question["root"]
    os.chdir(root)
    if question["do"] == "begin":
        repo_class.init(root, no_scm=True).close()
        return {"ok": True}
    listener = Listener()
    log = logging.getLogger("dvc")
    log.setLevel(logging.INFO)
    log.addHandler(listener)
    found: dict[str, Any] = {"ok": True, "error": None}
    targets = question.get("targets") or None
    try:
        with repo_class(root) as repo:
            if question["do"] == "look":
                found |= _looked_at(repo, targets)
            else:
                repo.reproduce(targets=targets, **question.get("options", {}))
    except Exception as exc:  # noqa: BLE001  the edge of this process: refusals are answers
        found |= {"ok": False, "error": _chain(exc)}
    finally:
        log.removeHandler(listener)
    return {**found, "ran": listener.ran, "restored": listener.restored}


def _looked_at(repo: Any, targets: list[str] | None) -> dict[str, Any]:
    """Return every stage with its commands and what it stands on, and which have changed."""
    descendants = import_module("networkx").descendants  # comes with DVC
    graph = repo.index.graph
    stages = [stage for stage in repo.index.stages if stage.cmd]  # files of dvc add have none
    return {
        "stages": {
            stage.addressing: {
                "cmd": stage.cmd if isinstance(stage.cmd, list) else [stage.cmd],
                "upstream": sorted(s.addressing for s in descendants(graph, stage)),
            }
            for stage in stages
        },
        "changed": sorted(repo.status(targets=targets).keys() & {s.addressing for s in stages}),
    }


def _chain(exc: BaseException | None) -> str:
    said: list[str] = []
    while exc is not None:
        said.append(f"{type(exc).__name__}: {exc}")
        exc = exc.__cause__
    return " <- ".join(said)


def main() -> None:
    """Answer until the questions end; what DVC and the stages print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(answer(json.loads(line)), default=str) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
