"""trueup.lock: every digest of the pipeline, in Git."""

import os
from pathlib import Path

import msgspec

from trueup.errors import WrongUsage
from trueup.pipeline.inputs import Locked
from trueup.store.hashing import explained

FILE = "trueup.lock"
FORMAT = 1


class LockFile(msgspec.Struct, frozen=True):
    """What each stage was last seen to make, and of what."""

    stages: dict[str, Locked] = {}
    format: int = FORMAT


class LockUnreadable(WrongUsage):
    """The lock file is not one that this version can read."""


def read_lock(root: Path) -> LockFile:
    """Return the project's lock; an empty one where there is none yet.

    Raises LockUnreadable for conflict markers, a newer format or anything else that is no lock.
    """
    try:
        body = (root / FILE).read_bytes()
    except FileNotFoundError:
        return LockFile()
    return parse_lock(body, FILE)


def parse_lock(body: bytes, place: str) -> LockFile:
    """Return the lock that these bytes hold; place names them in an error."""
    if not body.strip():
        return LockFile()  # Git's driver gives an empty base where both sides added the file
    if b"\n<<<<<<< " in body or body.startswith(b"<<<<<<< "):
        raise LockUnreadable(
            "a merge left its conflict marks here",
            remedy="Resolve them with: trueup lock --merge",
            place=place,
        )
    try:
        known = msgspec.json.decode(body, type=_OnlyFormat).format
        if known > FORMAT:
            raise LockUnreadable(
                f"this lock has format {known}; this trueup reads up to {FORMAT}",
                remedy="Upgrade trueup: uv pip install --upgrade trueup",
                place=place,
            )
        return msgspec.json.decode(body, type=LockFile)
    except msgspec.DecodeError as error:
        raise LockUnreadable(
            f"not a lock file: {error}",
            remedy=f"Take it from Git again (git checkout -- {FILE}) or delete it and run again.",
            place=place,
        ) from error


def write_lock(root: Path, lock: LockFile) -> None:
    """Write the project's lock whole or not at all; the caller holds the checkout.

    What a crash leaves half-written lies below .trueup, and the next writer takes its place.
    """
    own = root / ".trueup"
    write_lock_to(root / FILE, lock, own / "lock.part" if own.is_dir() else None)


def write_lock_to(path: Path, lock: LockFile, part: Path | None = None) -> None:
    """Write a lock whole or not at all; leaves the file alone where nothing has changed."""
    body = format_lock(lock)
    try:
        if path.read_bytes() == body:
            return
    except FileNotFoundError:
        pass
    whole = part or path.with_name(f".{path.name}-{os.getpid()}.part")
    with explained(str(path)):
        try:
            whole.write_bytes(body)
            whole.replace(path)
        except BaseException:
            whole.unlink(missing_ok=True)
            raise


def format_lock(lock: LockFile) -> bytes:
    """Return the lock as sorted, indented JSON, so that Git merges most changes by itself."""
    body = msgspec.json.encode(lock, order="sorted")
    return msgspec.json.format(body, indent=1) + b"\n"


def merge_locks(base: LockFile, ours: LockFile, theirs: LockFile) -> LockFile:
    """Return the three-way merge, stage by stage; where both changed one, it is left out.

    A stage that is left out is looked up or run again by the next run: never a wrong digest.
    """
    merged: dict[str, Locked] = {}
    for name in ours.stages.keys() | theirs.stages.keys():
        before, left, right = (side.stages.get(name) for side in (base, ours, theirs))
        if left == right or right == before:
            chosen = left
        elif left == before:
            chosen = right
        else:
            chosen = None
        if chosen is not None:
            merged[name] = chosen
    return LockFile(merged)


class _OnlyFormat(msgspec.Struct):
    format: int = 1
