"""What is noted of a script while its source is followed."""

import ast
import posixpath
from collections.abc import Sequence

from trueup.project.beginning.calls import is_settings
from trueup.project.beginning.findings import Listing, Touched
from trueup.project.beginning.values import PROJECT, Partial, Setting, as_text

_ANY = ""  # in place of a key: the whole file


class Notes:
    """Reads, writes and all else, in the order in which the source has them."""

    def __init__(self, listing: Listing, script: str) -> None:
        self._listing, self._script = listing, script
        self.events: list[tuple[str, str]] = []  # (read or write, path as written)
        self.settings: dict[str, set[str]] = {}
        self.modules: dict[str, None] = {}
        self.unknown: dict[str, None] = {}
        self.wants: dict[str, None] = {}
        self.serves = self.relative = False

    def read(self, value: object) -> None:
        """Note that a path is read; of one half known, the folder that it surely lies in."""
        self._note("read", value)

    def write(self, value: object, at: ast.AST, file: str) -> None:
        """Note that a path is written, or that something is whose name is not known."""
        text = as_text(value)
        if text is None or (isinstance(text, Partial) and "/" not in text.prefix):
            self.unknown[f"{file}:{getattr(at, 'lineno', 0)}"] = None
        else:
            self._note("write", value)

    def used(self, setting: Setting) -> None:
        """Note that a parameter is used; the keys of a file are declared at their first level.

        A key that the file does not have cannot be declared; it has a default in the source.
        """
        found = self.settings.setdefault(setting.file, set())
        if setting.exists:
            found.add(setting.keys[0] if setting.keys else _ANY)

    def _note(self, kind: str, value: object) -> None:
        text = as_text(value)
        if isinstance(text, Partial):
            folder = text.prefix.rpartition("/")[0]
            if folder:
                self.events.append((kind, f"{folder}/"))
        elif text and text.isprintable():
            self.events.append((kind, text))

    def touched(self, wdir: str | None = None) -> Touched:
        """Return what was noted, its paths relative to the project.

        Without wdir, the folder that it is meant to be started in is guessed.
        """
        wdir = self._wdir() if wdir is None else wdir
        reads, writes, addresses, outside = self._sorted_out(wdir)
        used = {
            posixpath.normpath(posixpath.join(wdir, file)): keys
            for file, keys in self.settings.items()
        }
        for path in [path for path in reads if is_settings(path)]:
            reads.remove(path)
            used.setdefault(path, set())
        params = {
            file: () if not keys or _ANY in keys else tuple(sorted(keys))
            for file, keys in used.items()
        }
        return Touched(
            reads=tuple(reads),
            writes=tuple(writes),
            modules=tuple(self.modules),
            params=params,
            addresses=tuple(addresses),
            outside=tuple(outside),
            unknown=tuple(self.unknown),
            wants=tuple(self.wants),
            serves=self.serves,
            relative=self.relative,
            wdir=wdir,
        )

    def _wdir(self) -> str:
        """Return where the script expects to be started: the project, or the script's folder."""
        folder = posixpath.dirname(self._script)
        if not folder:
            return "."
        texts = [text for kind, text in self.events if "://" not in text]
        if any(text.startswith("../") for text in texts):
            return folder
        there = [self._found(texts, place) for place in (".", folder)]
        return folder if there[1] > there[0] else "."

    def _found(self, texts: Sequence[str], folder: str) -> int:
        paths = (posixpath.normpath(posixpath.join(folder, text)) for text in set(texts))
        return sum(self._listing.has(path) for path in paths)

    def _sorted_out(self, wdir: str) -> tuple[list[str], ...]:
        """Return reads, writes, URLs and paths outside; what is first written is no input."""
        first: dict[str, str] = {}
        writes: dict[str, None] = {}
        addresses: dict[str, None] = {}
        outside: dict[str, None] = {}
        for kind, text in self.events:
            if "://" in text:
                addresses[text] = None
                continue
            inside = text.removeprefix(f"{PROJECT}/") if text.startswith(PROJECT) else ""
            path = posixpath.normpath(inside or posixpath.join(wdir, text))
            if path.startswith(("/", "../", "~")) or path == "..":
                outside[path] = None
                continue
            if path == "." or not self._sure(kind, text, path):
                continue
            first.setdefault(path, kind)
            if kind == "write":
                writes[path] = None
        reads = [path for path, kind in first.items() if kind == "read"]
        return reads, list(writes), list(addresses), list(outside)

    def _sure(self, kind: str, text: str, path: str) -> bool:
        """Tell whether a folder that is known from half a name can be declared as a whole."""
        if not text.endswith("/"):
            return True
        if kind == "read":
            return self._listing.has(path)
        if self._listing.has(path):
            self.unknown[f"{path}/..."] = None
            return False
        return True
