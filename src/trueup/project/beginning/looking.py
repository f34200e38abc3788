"""The look itself: from a listing to everything that init knows of a project."""

import posixpath
import re

from trueup.project.beginning.commands import (
    EntryPoint,
    command_of,
    entry_points,
    told_commands,
)
from trueup.project.beginning.findings import Command, Findings, Listing, Script, Source, Touched
from trueup.project.beginning.sources import NotPython, touched_by

_NOT_STAGES = re.compile(
    r"(^|/)(tests?|docs|doc|examples|node_modules|migrations)/"
    r"|(^|/)(test_[^/]*|[^/]*_test|conftest|setup|noxfile|fabfile|manage|__init__|tasks)\.py$"
)


def look(listing: Listing, folder: str) -> Findings:
    """Return what a project consists of; reads nothing but the listing."""
    pipeline = next((name for name in ("trueup.yaml", "dvc.yaml") if name in listing.files), "")
    mlproject = "MLproject" if "MLproject" in listing.texts else ""
    own_name, points = entry_points(listing.texts.get(mlproject, ""), mlproject)
    commands = told_commands(listing)
    entries = [_entry(point, listing) for point in points]
    taken = {entry.command.script for entry in entries if entry.command}
    scripts = [
        script
        for path in sorted(listing.texts)
        if path.endswith((".py", ".ipynb")) and not _NOT_STAGES.search(path) and path not in taken
        for script in [_script(path, listing, commands.get(path))]
    ]
    pointers = [path for path in listing.files if path.endswith(".dvc")]
    return Findings(
        folder=folder,
        pipeline=pipeline,
        scripts=(*entries, *scripts),
        mlproject=mlproject,
        name=_project_name(listing.texts.get("pyproject.toml", "")) or own_name,
        parameters={point.name: point.defaults for point in points if point.defaults},
        unset=tuple(f"{point.name}.{name}" for point in points for name in point.unset),
        pointers=tuple(sorted(p for p in pointers if not listing.has(p.removesuffix(".dvc")))),
        listing=listing,
    )


def _script(path: str, listing: Listing, command: Command | None) -> Script:
    source: Source = "notebook" if path.endswith(".ipynb") else "script"
    words = command.words if command else None
    try:
        touched = touched_by(path, listing, words)
    except NotPython as error:
        return Script(path, source, Touched(), command, unreadable=str(error))
    return Script(path, source, touched, command)


def _entry(point: EntryPoint, listing: Listing) -> Script:
    """Return an entry point with what the script behind it touches."""
    command = command_of(point.filled(), listing, "MLproject")
    where = f"MLproject, entry point {point.name}"
    if command is None:
        why = "its command starts no script of the project"
        return Script(where, "entry point", Touched(), unreadable=why)
    if "mlflow.run(" in listing.texts[command.script]:
        why = "it starts the other entry points, and now trueup does"
        return Script(where, "entry point", Touched(), command, unreadable=why)
    try:
        touched = touched_by(command.script, listing, command.words)
    except NotPython as error:
        return Script(where, "entry point", Touched(), command, unreadable=str(error))
    return Script(
        command.script, "entry point", touched, command, name=point.name, line=point.templated()
    )


def _project_name(text: str) -> str:
    import tomllib

    try:
        project = tomllib.loads(text).get("project", {})
    except tomllib.TOMLDecodeError:
        return ""
    name = project.get("name") if isinstance(project, dict) else ""
    return name if isinstance(name, str) else ""


def stem(path: str) -> str:
    """Return a file's name without folder and suffix."""
    return posixpath.splitext(posixpath.basename(path))[0]
