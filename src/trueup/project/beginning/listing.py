"""Looks over a project's folder: names of files, and the texts that can say something."""

import os
from collections.abc import Iterator
from pathlib import Path

from trueup.project.beginning.calls import is_settings
from trueup.project.beginning.findings import Listing

_MOST_FILES, _MOST_TEXTS = 20_000, 500
_MOST_BYTES = 2_000_000
_SKIPPED = frozenset(
    {
        *("__pycache__", "node_modules", "site-packages", "build", "dist", "mlruns", "wandb"),
        *("lightning_logs", "outputs", "multirun", "venv", "env"),
    }
)
_TELLING = frozenset(
    {"MLproject", "Makefile", "makefile", "GNUmakefile", "pyproject.toml", "requirements.txt"}
)
_CI = (".gitlab-ci.yml", "Jenkinsfile", ".circleci/config.yml", "azure-pipelines.yml")


def list_project(root: Path) -> Listing:
    """Return what lies in a project, bounded: hidden folders, environments and caches left out."""
    files: set[str] = set()
    truncated = False
    for path in _walk(root, root):
        if len(files) >= _MOST_FILES:
            truncated = True
            break
        files.add(path)
    texts: dict[str, str] = {}
    for path in sorted(files, key=lambda each: (each.count("/"), each)):
        if len(texts) < _MOST_TEXTS and _tells(path):
            text = _text(root / path)
            if text is not None:
                texts[path] = text
    return Listing(frozenset(files), texts, truncated=truncated)


def find_ci(root: Path) -> tuple[str, ...]:
    """Return the files that set up continuous integration."""
    workflows = sorted((root / ".github" / "workflows").glob("*.y*ml"))
    found = [path.relative_to(root).as_posix() for path in workflows]
    return (*found, *(name for name in _CI if (root / name).is_file()))


def _walk(root: Path, folder: Path) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    folders: list[Path] = []
    for entry in entries:
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            own = entry.name in _SKIPPED or entry.name.startswith(".")
            if not (own or entry.name.endswith(".egg-info") or (path / "pyvenv.cfg").exists()):
                folders.append(path)
        elif not entry.name.startswith("."):
            yield path.relative_to(root).as_posix()
    for path in folders:
        yield from _walk(root, path)


def _tells(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.endswith((".py", ".ipynb", ".sh")) or name in _TELLING or is_settings(path)


def _text(path: Path) -> str | None:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
