"""One pass over a folder's files that costs no more than asking for each one's times."""

import os
import stat
import struct
from array import array
from collections.abc import Callable
from itertools import compress

from blake3 import blake3

from trueup.errors import StageFailed, WrongUsage
from trueup.store import ignore

FIELDS = 5  # size, mtime_ns, ctime_ns, inode, mode
RECORD_BYTES = 8 * FIELDS
_REGULAR, _FOLDER, _KIND = stat.S_IFREG, stat.S_IFDIR, 0o170000
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_ROUNDS = 5
RECORD = struct.Struct(f"={FIELDS}q")
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
        return RECORD.pack(*fields)
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
        except (FileNotFoundError, NotADirectoryError):
            if not os.path.isdir(top):
                raise
    raise StageFailed(
        "files vanish from the folder while it is read",
        remedy="Wait until whatever writes it is done, then run again",
        place=top,
    )


class _Listing:
    """One folder's entries, as they were found."""

    __slots__ = ("dotted", "fields", "folders", "links", "names", "odd", "prefix", "rules")

    def __init__(self, prefix: str, rules: ignore.Rules, links: tuple[str, ...]) -> None:
        self.prefix, self.rules, self.links = prefix, rules, links
        self.names: list[str] = []
        self.fields: list[int] = []  # of the names, one after the other
        self.folders: list[str] = []
        self.odd: list[tuple[str, int]] = []  # neither, with their modes
        self.dotted = False  # whether a name begins with a dot


class _Walk:
    def __init__(self, top: str, below: str, is_inside: Callable[[str], bool]) -> None:
        self.top, self.below, self.is_inside = top, below, is_inside
        self.hasher = blake3()
        self.tree = Tree()
        self.left: list[_Listing] = []

    def run(self, rules: ignore.Rules) -> Tree:
        self.left.append(_Listing("", rules, ()))
        while self.left:
            self.visit(self.left.pop())
        self.tree.fingerprint = self.hasher.digest()
        return self.tree

    def visit(self, listing: _Listing) -> None:
        # by a descriptor each stat looks up one name, not the whole path
        fd = os.open(f"{self.top}/{listing.prefix}", OPEN_FOLDER)
        try:
            self.list_into(listing, fd)
        finally:
            os.close(fd)
        if listing.dotted or listing.rules:
            self.leave_out(listing)
        for name in listing.folders:
            prefix = f"{listing.prefix}{name}/"
            self.left.append(_Listing(prefix, listing.rules, listing.links))
        for name, mode in listing.odd:
            self.visit_odd(listing, name, mode)
        self.finish(listing)

    def list_into(self, listing: _Listing, fd: int) -> None:
        """Note what an open folder holds: half of the time of a run in which nothing changed."""
        names, fields = listing.names, listing.fields
        with os.scandir(fd) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                mode = found.st_mode
                name = entry.name
                if name[0] == ".":
                    listing.dotted = True
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
                    listing.folders.append(name)
                else:
                    listing.odd.append((name, mode))

    def leave_out(self, listing: _Listing) -> None:
        """Leave out what is ours, and what the rules say."""
        at = self.below + listing.prefix
        if not set(ignore.FILES).isdisjoint(listing.names):
            listing.rules += ignore.rules_in(f"{self.top}/{listing.prefix}", at)
        rules = listing.rules

        def stays(name: str, is_folder: bool) -> bool:
            if name in ignore.ALWAYS or name.startswith(ignore.UNFINISHED):
                return False
            return not (rules and ignore.ignored(rules, at + name, is_folder))

        stay = [stays(name, False) for name in listing.names]
        if not all(stay):
            listing.names = list(compress(listing.names, stay))
            listing.fields = list(
                compress(listing.fields, (one for one in stay for _ in range(FIELDS)))
            )
        listing.folders = [name for name in listing.folders if stays(name, True)]
        listing.odd = [(name, mode) for name, mode in listing.odd if stays(name, False)]

    def visit_odd(self, listing: _Listing, name: str, mode: int) -> None:
        """Follow a symbolic link within the project; refuse what has no content."""
        here = f"{self.top}/{listing.prefix}"
        path = f"{here}{name}"
        if not stat.S_ISLNK(mode):
            raise refuse_kind(mode, path)
        found = target_of_link(path, self.is_inside)
        if stat.S_ISREG(found.st_mode):
            listing.names.append(name)
            listing.fields += array("q", record(found))
        elif stat.S_ISDIR(found.st_mode):
            real = os.path.realpath(path)
            if real in listing.links or f"{os.path.realpath(here)}/".startswith(f"{real}/"):
                raise WrongUsage(
                    "is a symbolic link that leads in a circle",
                    remedy="Remove it, or name it in .trueupignore",
                    place=path,
                )
            prefix = f"{listing.prefix}{name}/"
            self.left.append(_Listing(prefix, listing.rules, (*listing.links, real)))
        else:
            raise refuse_kind(found.st_mode, path)

    def finish(self, listing: _Listing) -> None:
        """Take a folder's files into the fingerprint and the tree."""
        prefix, names, packed = listing.prefix, listing.names, _packed(listing.fields)
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


def _packed(fields: list[int]) -> bytes:
    try:
        return array("q", fields).tobytes()
    except OverflowError:  # some file systems number inodes beyond 63 bits
        return array("q", [value & 0x7FFF_FFFF_FFFF_FFFF for value in fields]).tobytes()
