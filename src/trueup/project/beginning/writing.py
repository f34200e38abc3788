"""Writes new files and adds lines to others: all of it, or nothing."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from trueup.errors import WrongUsage


class Change(msgspec.Struct, frozen=True):
    """One file as it shall be."""

    path: str
    content: str
    fresh: bool  # it must not be there yet


class Written:
    """Files that were written, until it is sure that they stay."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._before: dict[str, bytes | None] = {}

    @property
    def paths(self) -> tuple[str, ...]:
        """Return what was written."""
        return tuple(self._before)

    def write(self, change: Change) -> None:
        """Write one file, remembering what was there."""
        path = self._root / change.path
        self._before[change.path] = None if change.fresh else _bytes(path)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            temporary.write_text(change.content, "utf-8")
            if change.fresh:
                _place_new(temporary, path)
            else:
                temporary.replace(path)
        except BaseException:
            if change.fresh:
                del self._before[change.path]  # what lies there is not ours
            raise
        finally:
            temporary.unlink(missing_ok=True)

    def undo(self) -> None:
        """Leave everything as it was found."""
        for name, before in reversed(self._before.items()):
            path = self._root / name
            if before is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(before)
        self._before.clear()


def write_all(root: Path, changes: Iterable[Change]) -> Written:
    """Write every change, or none: a user's file is never replaced, only added to.

    Raises WrongUsage where a new file is there already or cannot be written.
    """
    written = Written(root)
    name = ""
    try:
        for change in changes:
            name = change.path
            written.write(change)
    except FileExistsError as error:
        written.undo()
        raise WrongUsage(
            f"{name} is there already; nothing was changed",
            remedy="Use the one that is there, or move it away and begin again.",
        ) from error
    except OSError as error:
        written.undo()
        raise WrongUsage(
            f"{name} cannot be written: {error.strerror}; nothing was changed",
            remedy="Free some space, or mend the folder's permissions.",
        ) from error
    except BaseException:
        written.undo()
        raise
    return written


def added_lines(there: str | None, lines: Iterable[str]) -> str | None:
    """Return a file's text with the lines that it lacks at its end; None if it lacks none."""
    known = {line.strip() for line in (there or "").splitlines()}
    fresh = [line for line in lines if line.strip() not in known]
    if not fresh:
        return None
    before = there or ""
    gap = "" if not before or before.endswith("\n") else "\n"
    return f"{before}{gap}" + "".join(f"{line}\n" for line in fresh)


def additions(root: Path, wanted: Mapping[str, Iterable[str]]) -> list[Change]:
    """Return the changes that add lines to these files of Git's."""
    changes = []
    for name, lines in wanted.items():
        there = _bytes(root / name)
        text = added_lines(None if there is None else there.decode("utf-8", "replace"), lines)
        if text is not None:
            changes.append(Change(name, text, fresh=there is None))
    return changes


def _place_new(temporary: Path, path: Path) -> None:
    """Give a whole file its name, unless the name is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with path.open("x", encoding="utf-8") as file:
            file.write(temporary.read_text("utf-8"))


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
