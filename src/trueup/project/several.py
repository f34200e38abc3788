"""A Git repository may hold several projects."""

from pathlib import Path

from trueup import git
from trueup.errors import WrongUsage

_FILE = "trueup.yaml"


def projects_around(folder: Path) -> list[Path]:
    """Return the folders of all projects in the repository that a folder lies in, sorted.

    Outside a repository: in the folder and below it. Raises WrongUsage where there is none.
    """
    top = git.top(folder) or folder.absolute()
    named = git.files_named(top, _FILE)
    if named is None:
        named = [str(path.relative_to(top)) for path in top.rglob(_FILE)]
    roots = sorted({(top / name).parent for name in named})
    if not roots:
        raise WrongUsage(
            f"there is no {_FILE} in {top} or below", remedy="Make one with: trueup init"
        )
    return roots
