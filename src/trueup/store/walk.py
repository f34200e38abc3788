"""One pass over a folder's files that costs no more than asking for each one's times."""

import os
import stat
import struct
from array import array
from collections.abc import Callable

from blake3 import blake3

from trueup.errors import StageFailed, WrongUsage
from trueup.store import ignore

FIELDS = 5  # size, mtime_ns, ctime_ns, inode, mode
RECORD_BYTES = 8 * FIELDS
_REGULAR, _FOLDER, _KIND = stat.S_IFREG, stat.S_IFDIR, 0o170000
_ROUNDS = 5
_RECORD = struct.Struct(f"={FIELDS}q")
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


class Tree:
    """What one pass saw: relative paths, their stat records, and one digest over all of it."""

    __slots__ = ("fingerprint", "parts")

    def __init__(self) -> None:
        self.parts: list[tuple[str, list[str], bytes]] = []
        self.fingerprint = b""

    def paths(self) -> list[str]:
        """Return the files' paths below the folder, in the order of the records."""
        return [prefix + name for prefix, names, _ in self.parts for name in names]

    def records(self) -> bytearray:
        """Return the stat records one after the other, each of five signed 64-bit integers."""
        return bytearray(b"".join(part[2] for part in self.parts))


def record(found: os.stat_result) -> bytes:
    """Return one file's stat record, as the walk makes them."""
    fields = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_mode)
    try:
        return _RECORD.pack(*fields)
    except struct.error:
        return _packed(list(fields))


def refuse_kind(mode: int, place: str) -> WrongUsage:
    """Return the error for what is neither file nor folder."""
    return WrongUsage(
        f"is {_KINDS.get(mode & _KIND, 'neither a file nor a folder')}, which has no content",
        remedy="Remove it, or name it in .trueupignore",
        place=place,
    )


def refuse_name(path: str) -> None:
    """Refuse a path that is not UTF-8: it could not be written down for other machines."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise WrongUsage(
            "the name is not UTF-8",
            remedy="Rename it (convmv does so for whole folders)",
            place=path.encode(errors="backslashreplace").decode(),
        ) from error


def target_of_link(path: str, is_inside: Callable[[str], bool]) -> os.stat_result:
    """Return the stat of what a symbolic link leads to; refuse one that breaks or leads out."""
    real = os.path.realpath(path)
    if not is_inside(real):
        raise WrongUsage(
            f"is a symbolic link out of the project, to {real}",
            remedy="Copy what it leads to into the project, or name the link in .trueupignore",
            place=path,
        )
    try:
        return os.stat(path)
    except OSError as error:
        raise WrongUsage(
            f"is a symbolic link that leads nowhere ({error.strerror})",
            remedy="Remove it, or name it in .trueupignore",
            place=path,
        ) from error


def walk(top: str, below: str, is_inside: Callable[[str], bool], rules: ignore.Rules) -> Tree:
    """Return the files of a folder; below is its path from the project, for the ignore rules.

    A folder that changes under the walk is walked again, a few times.
    """
    for _ in range(_ROUNDS):
        try:
            return _Walk(top, below, is_inside).run(rules)
        except FileNotFoundError:
            if not os.path.isdir(top):
                raise
    raise StageFailed(
        "files vanish from the folder while it is read",
        remedy="Wait until whatever writes it is done, then run again",
        place=top,
    )


class _Walk:
    def __init__(self, top: str, below: str, is_inside: Callable[[str], bool]) -> None:
        self.top, self.below, self.is_inside = top, below, is_inside
        self.hasher = blake3()
        self.tree = Tree()
        self.left: list[tuple[str, ignore.Rules, tuple[str, ...]]] = []

    def run(self, rules: ignore.Rules) -> Tree:
        self.left.append(("", rules, ()))
        while self.left:
            self.visit(*self.left.pop())
        self.tree.fingerprint = self.hasher.digest()
        return self.tree

    def visit(self, prefix: str, rules: ignore.Rules, links: tuple[str, ...]) -> None:
        names: list[str] = []
        fields: list[int] = []
        folders: list[str] = []
        odd: list[tuple[str, int]] = []
        dotted = False
        with os.scandir(f"{self.top}/{prefix}") as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                mode = found.st_mode
                name = entry.name
                if name[0] == ".":
                    dotted = True
                if mode & _KIND == _REGULAR:
                    names.append(name)
                    fields += (
                        found.st_size,
                        found.st_mtime_ns,
                        found.st_ctime_ns,
                        found.st_ino,
                        mode,
                    )
                elif mode & _KIND == _FOLDER:
                    folders.append(name)
                else:
                    odd.append((name, mode))
        if dotted or rules:
            if not set(ignore.FILES).isdisjoint(names):
                rules += ignore.rules_in(f"{self.top}/{prefix}", self.below + prefix)
            names, fields, folders, odd = self.kept(prefix, rules, names, fields, folders, odd)
        for name in folders:
            self.left.append((f"{prefix}{name}/", rules, links))
        for name, mode in odd:
            self.visit_odd(prefix, name, mode, (names, fields), rules, links)
        self.finish(prefix, names, fields)

    def finish(self, prefix: str, names: list[str], fields: list[int]) -> None:
        packed = _packed(fields)
        text = f"{prefix}\0{len(names)}\0" + "\0".join(names)
        try:
            self.hasher.update(text.encode())
        except UnicodeEncodeError:
            for name in names or [""]:
                refuse_name(f"{self.top}/{prefix}{name}")
            raise
        self.hasher.update(packed)
        if names:
            self.tree.parts.append((prefix, names, packed))

    def kept(
        self,
        prefix: str,
        rules: ignore.Rules,
        names: list[str],
        fields: list[int],
        folders: list[str],
        odd: list[tuple[str, int]],
    ) -> tuple[list[str], list[int], list[str], list[tuple[str, int]]]:
        """Return what the rules leave of a folder's listing."""

        def stays(name: str, is_folder: bool) -> bool:
            if name in ignore.ALWAYS or name.startswith(ignore.UNFINISHED):
                return False
            return not (rules and ignore.ignored(rules, self.below + prefix + name, is_folder))

        stay = [stays(name, False) for name in names]
        if not all(stay):
            fields = [value for at, value in enumerate(fields) if stay[at // FIELDS]]
            names = [name for name, one in zip(names, stay, strict=True) if one]
        folders = [name for name in folders if stays(name, True)]
        odd = [(name, mode) for name, mode in odd if stays(name, False)]
        return names, fields, folders, odd

    def visit_odd(
        self,
        prefix: str,
        name: str,
        mode: int,
        listing: tuple[list[str], list[int]],
        rules: ignore.Rules,
        links: tuple[str, ...],
    ) -> None:
        """Follow a symbolic link within the project; refuse what has no content."""
        path = f"{self.top}/{prefix}{name}"
        if not stat.S_ISLNK(mode):
            raise refuse_kind(mode, path)
        found = target_of_link(path, self.is_inside)
        if stat.S_ISREG(found.st_mode):
            names, fields = listing
            names.append(name)
            fields += array("q", record(found))
        elif stat.S_ISDIR(found.st_mode):
            real = os.path.realpath(path)
            here = os.path.realpath(f"{self.top}/{prefix}")
            if real in links or f"{here}/".startswith(f"{real}/"):
                raise WrongUsage(
                    "is a symbolic link that leads in a circle",
                    remedy="Remove it, or name it in .trueupignore",
                    place=path,
                )
            self.left.append((f"{prefix}{name}/", rules, (*links, real)))
        else:
            raise refuse_kind(found.st_mode, path)


def _packed(fields: list[int]) -> bytes:
    try:
        return array("q", fields).tobytes()
    except OverflowError:  # some file systems number inodes beyond 63 bits
        return array("q", [value & 0x7FFF_FFFF_FFFF_FFFF for value in fields]).tobytes()
