"""Which projects of a repository a change can reach."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from trueup import git
from trueup.errors import TrueupError
from trueup.project.several import projects_around
from trueup.project.workspace import open_workspace

_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")


def affected_projects(start: Path, base: str, env: Mapping[str, str]) -> list[str]:
    """Return the folders of projects that a change since the merge base with a revision reaches.

    As the repository names them, sorted, ``.`` for its top. A file under a project's folder
    counts, and one beside it that its stages read; one of a project further in is that one's. A
    project that cannot be read counts: its check says why. All do where the base is a commit that
    is not here, as of a branch's first push or a forced one. Raises NotARevision for other words.
    """
    roots = projects_around(start)
    top = git.top(start) or start
    folders = {root: root.relative_to(top).as_posix() for root in roots}
    if _COMMIT.fullmatch(base) and not _is_here(top, base):
        return list(folders.values())
    changed = git.changed_files(top, base)
    return [
        folder
        for root, folder in folders.items()
        if any(_innermost(path, folders.values()) == folder for path in changed)
        or _reads(root, base, env)
    ]


def _is_here(top: Path, commit: str) -> bool:
    try:
        git.resolve(top, commit)
    except git.NotARevision:
        return False
    return True


def _innermost(path: str, folders: Collection[str]) -> str:
    """Return the folder of the innermost project that a path lies in; empty for none."""
    around = [one for one in folders if one == "." or path.startswith(f"{one}/")]
    return max(around, key=lambda folder: 0 if folder == "." else len(folder), default="")


def _reads(root: Path, base: str, env: Mapping[str, str]) -> bool:
    """Say whether a stage of the project reads something that has changed, also outside it."""
    from trueup.project.choosing import affected_stages

    try:
        return bool(affected_stages(open_workspace(root, env), base))
    except TrueupError:
        return True
