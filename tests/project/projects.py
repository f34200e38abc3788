"""Small real projects on disk, run through the library as the command line does."""

import os
from pathlib import Path
from textwrap import dedent

from trueup.pipeline.outcome import RunResult
from trueup.project.options import RunOptions
from trueup.project.running import run
from trueup.project.workspace import Workspace


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files, folders as needed; texts are dedented."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), "utf-8")
    return root


def opened(root: Path, **env: str) -> Workspace:
    """Open a project with a plain environment."""
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return Workspace(root, {**plain, **env})


def ran(root: Path, *targets: str, env: dict[str, str] | None = None, **how: object) -> RunResult:
    """Run a project."""
    options = RunOptions(targets=targets, **how)  # type: ignore[arg-type] # fields, by name
    return run(opened(root, **(env or {})), options)


def outcomes(result: RunResult) -> dict[str, str]:
    """Return what became of each stage."""
    return {stage.stage: stage.outcome for stage in result.stages}
