"""Copies an example project that comes with trueup."""

import os
import shutil
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import trueup
from trueup.errors import WrongUsage, did_you_mean

_RESULTS = ("trueup.lock", "__pycache__", ".trueup", ".git")


def example_names() -> tuple[str, ...]:
    """Return the names of the examples that this trueup has."""
    return tuple(sorted({path.name for path in _sources()}))


def copy_example(name: str, target: Path) -> Path:
    """Copy an example's sources to a folder that is not there or empty; all of it or nothing.

    Returns the folder. Raises WrongUsage for an unknown example or a folder with something in it.
    """
    source = next((path for path in _sources() if path.name == name), None)
    if source is None:
        known = example_names()
        raise WrongUsage(
            f"there is no example {name!r}",
            remedy=f"{did_you_mean(name, known)}There are: {', '.join(known) or 'none here'}",
        )
    if target.is_symlink() or (target.exists() and not _is_empty(target)):
        raise WrongUsage(
            f"{target} is not empty; nothing was copied",
            remedy=f"Name another folder: trueup init --example {name} FOLDER",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    whole = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        shutil.copytree(source, whole, ignore=_ignored(source))
        if target.exists():
            target.rmdir()
        whole.rename(target)
    except OSError as error:
        raise WrongUsage(
            f"the example cannot be copied to {target}: {error.strerror}",
            remedy="Free some space, or name a folder that you may write.",
        ) from error
    finally:
        shutil.rmtree(whole, ignore_errors=True)
    return target


def _is_empty(target: Path) -> bool:
    return target.is_dir() and not any(target.iterdir())


def _sources() -> Iterator[Path]:
    """Yield the examples' folders: of the installed package, else of the checkout."""
    package = Path(trueup.__file__).parent
    for place in (package / "examples", package.parents[1] / "examples"):
        if place.is_dir():
            yield from (each for each in place.iterdir() if (each / "trueup.yaml").is_file())


def _ignored(source: Path) -> Callable[[str, list[str]], set[str]]:
    """Return what copytree leaves out: results, as the example's own .gitignore names them."""
    ignore = source / ".gitignore"
    lines = ignore.read_text("utf-8").splitlines() if ignore.exists() else []
    patterns = [line.strip().strip("/") for line in lines if line.strip()[:1] not in ("", "#")]

    def ignored(folder: str, names: list[str]) -> set[str]:
        inside = Path(folder).relative_to(source)
        return {
            name
            for name in names
            if name in _RESULTS
            or any(fnmatch(name, p) or fnmatch((inside / name).as_posix(), p) for p in patterns)
        }

    return ignored
