"""Find a project's file, and read the whole of it: every mistake at once, or a Project."""

from pathlib import Path

from trueup import clock
from trueup.config.records import Project
from trueup.errors import WrongUsage

PROJECT_FILE, PIPELINE_FILE = "trueup.yaml", "dvc.yaml"
FILES = (PROJECT_FILE, PIPELINE_FILE)


class NoProject(WrongUsage):
    """No trueup.yaml or dvc.yaml lies here or in any folder above."""

    def __init__(self, start: Path) -> None:
        problem = f"no {PROJECT_FILE} or {PIPELINE_FILE} in {start} or above"
        super().__init__(problem, remedy="Make one with: trueup init")


def find_root(start: Path) -> Path:
    """Return the nearest folder, from start upward, that has a trueup.yaml or dvc.yaml."""
    start = start.absolute()
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in FILES):
            return folder
    raise NoProject(start)


def load(
    root: Path, file: str | None = None, *, empty_ok: bool = False, cache: Path | None = None
) -> Project:
    """Read a project: its trueup.yaml, else its dvc.yaml, with every template filled in.

    All mistakes are raised as one ConfigInvalid. Stages come from one file only: a trueup.yaml
    without any takes those of the dvc.yaml beside it. A dvc.yaml in a folder below belongs to a
    project of its own. ``empty_ok`` accepts a project without stages. ``cache`` is a file in which
    the result is kept, for as long as no file that it came from changes; it may be lost any time.
    """
    from trueup.config.kept import keep, kept

    root = root.absolute()
    main = file or next((name for name in FILES if (root / name).is_file()), None)
    if main is None:
        raise NoProject(root)
    found = kept(cache, root, main) if cache else None
    if found is not None and (found.stages or empty_ok):
        return found
    from trueup.config.loading import read_project

    began_ns = round(clock.now().timestamp() * 1e9)
    project = read_project(root, main, empty_ok=empty_ok)
    if cache:
        keep(cache, project, began_ns)
    return project
