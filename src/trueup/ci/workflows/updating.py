"""What becomes of generated files that are there already: nothing that a person wrote is lost.

Beside what is written lies a copy of it as it was made, in Git too. It is what the next update
compares with: what differs from it in the file is a person's, and is merged.
"""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from trueup.errors import WrongUsage
from trueup.store.hashing import explained

State: TypeAlias = Literal["new", "unchanged", "updated", "merged", "edited", "conflict"]
MADE = ".trueup-made"  # beside the files: what was made, as it was made


class Change(msgspec.Struct, frozen=True):
    """What becomes of one file; ``text`` is what it will hold, None where it stays."""

    path: str
    state: State
    text: str | None = None


def changes(root: Path, wanted: Mapping[str, str]) -> list[Change]:
    """Return what each wanted file means for the one that is there; changes nothing."""
    return [_change(root, path, text) for path, text in wanted.items()]


def apply(root: Path, wanted: Mapping[str, str], *, merge: bool) -> list[Change]:
    """Write what is wanted, all of it or nothing.

    Raises WrongUsage where a person's edits would be lost: without merge for any, with it where
    both have changed the same lines, or nobody knows any more what was made.
    """
    found = changes(root, wanted)
    lost = [one.path for one in found if one.state == "conflict"]
    if lost:
        raise WrongUsage(
            f"{lost[0]} was changed by hand where the new one differs too",
            remedy="Look at the new one with --print, bring both together by hand, then write the"
            f" new one to {made_path(lost[0])}; or remove the file to have it made anew",
        )
    edited = [one.path for one in found if one.state == "merged"]
    if edited and not merge:
        raise WrongUsage(
            f"{edited[0]} was changed by hand",
            remedy="Keep these changes and take the new ones in: --update",
        )
    for one in found:
        if one.text is not None:
            _write(root / one.path, one.text)
        _write(root / made_path(one.path), wanted[one.path])
    return found


def made_path(path: str) -> str:
    """Return where the copy of a file lies as it was made.

    >>> made_path(".github/workflows/trueup-check.yml")
    '.github/.trueup-made/trueup-check.yml'
    >>> made_path(".gitlab/trueup.yml")
    '.gitlab/.trueup-made/trueup.yml'
    """
    folder, _, name = path.rpartition("/")
    top = folder.partition("/")[0]
    return "/".join(part for part in (top, MADE, name) if part)


def _change(root: Path, path: str, text: str) -> Change:
    there, made = _read(root / path), _read(root / made_path(path))
    if there is None:
        return Change(path, "new", text)
    if there == text:
        return Change(path, "unchanged")
    if there == made:
        return Change(path, "updated", text)
    if made == text:
        return Change(path, "edited")  # by a person alone: stays as it is
    merged = _merged(there, made, text) if made is not None else None
    return Change(path, "conflict") if merged is None else Change(path, "merged", merged)


def _merged(theirs: str, made: str, ours: str) -> str | None:
    """Return a person's text with what is new in ours; None where both changed the same lines."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, text in (("theirs", theirs), ("made", made), ("ours", ours)):
            names.append(str(Path(folder) / name))
            Path(names[-1]).write_text(text, "utf-8")
        done = subprocess.run(
            ["git", "merge-file", "--stdout", *names], capture_output=True, check=False
        )
    return done.stdout.decode() if done.returncode == 0 else None


def _read(path: Path) -> str | None:
    with explained(str(path)):
        try:
            return path.read_text("utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise WrongUsage(
                f"{path} is not text in UTF-8", remedy="Save it as UTF-8, or remove it"
            ) from error


def _write(path: Path, text: str) -> None:
    with explained(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
