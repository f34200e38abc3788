"""A project as a commit has it, in a worktree of its own beside the checkout."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from trueup import git
from trueup.config.params import read_file, set_value
from trueup.errors import WrongUsage
from trueup.pipeline.tracking.flat import flatten
from trueup.pipeline.tracking.records import Flat


@contextmanager
def worktree(root: Path, commit: str, folder: Path) -> Iterator[Path]:
    """Give the project's folder in a worktree of a commit; taken away afterwards."""
    top = git.top(root)
    if top is None:
        raise WrongUsage(
            f"{root} is in no Git repository",
            remedy="Do this in a clone of the repository that the run was made in.",
        )
    git.remove_worktree(root, folder)
    git.add_worktree(root, folder, commit)
    try:
        yield folder / root.resolve().relative_to(top.resolve())
    finally:
        git.remove_worktree(root, folder)


def parameters(root: Path, file: str) -> Flat:
    """Return a parameter file's values by dotted name; nothing where it is not there."""
    return flatten(read_file(root / file)) if (root / file).exists() else {}


def give_parameters(
    root: Path, wanted: Mapping[str, Flat], say: Callable[[str], None], *, new: bool = True
) -> None:
    """Set parameters in their files, as another run or checkout has them.

    ``new``: also those that the files do not have yet.
    """
    for file, values in wanted.items():
        now = parameters(root, file)
        for key, value in values.items():
            if (key in now or new) and (key not in now or now[key] != value):
                say(f"{file}: {key}")
                set_value(root / file, key, msgspec.json.encode(value).decode())
