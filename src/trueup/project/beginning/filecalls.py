"""What calls of Python's libraries read and write, with the values they were given."""

import ast
import posixpath
from collections.abc import Callable
from typing import Any

from trueup.project.beginning.calls import (
    KEYWORDS,
    WRITES,
    is_loader,
    is_reader,
    is_settings,
    is_writer,
    looks_like_path,
    written_name,
)
from trueup.project.beginning.notes import Notes
from trueup.project.beginning.values import (
    Bound,
    Opened,
    Partial,
    Setting,
    Unknown,
    as_text,
    path_of,
)

At = tuple[ast.AST, str]  # the call and its file
_SAME = frozenset(
    {"resolve", "absolute", "expanduser", "as_posix", "strip", "rstrip", "lstrip", "abspath"}
)
_TO_PATH = frozenset({"Path", "PurePath", "PosixPath", "str", "fspath", "abspath", "realpath"})
_TO_PATH |= frozenset({"to_absolute_path", "expanduser", "normpath"})
_OPENERS = frozenset({"open", "File", "ZipFile", "TarFile"})
_WALKS = frozenset({"listdir", "walk", "scandir", "iterdir", "glob", "rglob", "iglob"})


class FileCalls:
    """Notes what calls do to files."""

    def __init__(self, notes: Notes, settings: Callable[[str], Any | None]) -> None:
        self._notes, self._settings = notes, settings

    def call(self, func: Any, args: list[Any], keywords: dict[str, Any], at: At) -> Any:
        """Note what a call reads and writes; return what it gives."""
        if isinstance(func, Bound):
            return self._method(func, args, keywords, at)
        if not isinstance(func, Unknown):
            return Unknown()
        last = func.last
        if last in _TO_PATH and args:
            return path_of(args) if as_text(args[0]) is not None else args[0]
        if last == "join" and "path" in func.name:
            return path_of(args)
        if last == "dirname" and args and isinstance(args[0], str):
            return posixpath.dirname(args[0]) or "."
        if last in ("cwd", "getcwd", "get_original_cwd"):
            return "."
        if last in _OPENERS:
            return self._open(args, keywords, at)
        if is_loader(func.name) and (loaded := self._load(last, args)) is not None:
            return loaded
        if func.name in ("range", "enumerate", "sorted", list, tuple, "set", "reversed"):
            return self._sequence(func.name, args)
        self._files(func, args, keywords, at)
        return Unknown()

    def _method(self, func: Bound, args: list[Any], keywords: dict[str, Any], at: At) -> Any:
        of, name = func.of, func.name
        if isinstance(of, Setting):
            return self._of_setting(of, name, args)
        if isinstance(of, Opened):
            return of if name.startswith("read") else Unknown()
        if isinstance(of, dict):
            return _of_dict(of, name, args)
        if isinstance(of, list):
            if name in ("append", "extend") and args:
                of.append(args[0])
            return Unknown()
        if as_text(of) is None:
            return Unknown()
        return self._of_path(of, name, args, keywords, at)

    def _of_path(
        self, of: Any, name: str, args: list[Any], keywords: dict[str, Any], at: At
    ) -> Any:
        if name in _SAME:
            return of
        if name in ("joinpath", "with_name", "with_suffix"):
            return _joined(of, name, args)
        if name == "open":
            return self._open([of, *args], keywords, at)
        if name in ("write_text", "write_bytes"):
            self._notes.write(of, *at)
        elif name in ("read_text", "read_bytes"):
            self._notes.read(of)
            return Opened(of)
        elif name in _WALKS:
            self._notes.read(Partial(f"{as_text(of)}/"))
            return [Unknown()]
        elif name == "format":
            return Partial(str(of).partition("{")[0])
        return Unknown()

    def _of_setting(self, of: Setting, name: str, args: list[Any]) -> Any:
        if name == "get" and args and isinstance(args[0], str):
            found = of.at(args[0])
            self._notes.used(found)
            text = as_text(found)
            return found if text is None else text
        self._notes.used(of)
        return Unknown()

    def _open(self, args: list[Any], keywords: dict[str, Any], at: At) -> Any:
        path = args[0] if args else keywords.get("file")
        mode = args[1] if len(args) > 1 else keywords.get("mode", "r")
        if isinstance(mode, str) and set(mode) & set("wax"):
            self._notes.write(path, *at)
        else:
            self._notes.read(path)
        return Opened(path)

    def _load(self, last: str, args: list[Any]) -> "Setting | None":
        """Return the parameters that a loader gives, where it was given a parameter file."""
        source = args[0] if args else None
        path = source.path if isinstance(source, Opened) else source
        if last == "params_show" and path is None:
            path = "params.yaml"
        if not isinstance(path, str) or not is_settings(path):
            return None
        path = posixpath.normpath(path)
        tree = self._settings(path)
        return Setting(path, (), tree) if tree is not None else None

    def _sequence(self, name: str, args: list[Any]) -> Any:
        first = args[0] if args else None
        items = list(first) if isinstance(first, list | tuple | dict) else None
        if name == "range" and all(isinstance(arg, int) for arg in args):
            return list(range(*args))[:20]
        if items is None:
            return Unknown()
        return [list(pair) for pair in enumerate(items)] if name == "enumerate" else items

    def _files(self, func: Unknown, args: list[Any], keywords: dict[str, Any], at: At) -> None:
        last = func.last
        if last in ("copy", "copy2", "copyfile", "copytree", "move", "rename") and len(args) == 2:
            if as_text(args[0]) is not None:
                self._notes.read(args[0])
                self._notes.write(args[1], *at)
        elif last in _WALKS and args and as_text(args[0]) is not None:
            text = as_text(args[0])
            whole = text.prefix if isinstance(text, Partial) else f"{text}/"
            self._notes.read(Partial(whole.partition("*")[0]))
        elif is_reader(last):
            self._notes.read(_path_in(args[:1], keywords, any_text=True))
        elif is_writer(last):
            self._write(func, args, keywords, at)
        elif last.startswith("load") or last == "Booster":
            self._notes.read(_path_in(args[:1], keywords, any_text=False))
        elif last.startswith("dump"):
            path = _path_in(args, keywords, any_text=False)
            if path is not None:
                self._notes.write(path, *at)

    def _write(self, func: Unknown, args: list[Any], keywords: dict[str, Any], at: At) -> None:
        last = func.last
        path = _path_in(args, keywords, any_text=last in WRITES)
        if path is None:
            opened = any(isinstance(each, Opened) for each in [*args, *keywords.values()])
            if last in WRITES and (args or keywords) and not opened:
                self._notes.write(None, *at)
            return
        named = func.name.startswith(("numpy.", "np."))
        self._notes.write(
            written_name(last, path) if named and isinstance(path, str) else path, *at
        )


def _path_in(args: list[Any], keywords: dict[str, Any], *, any_text: bool) -> Any:
    """Return the argument that is a path: by its keyword, else the first text like one."""
    named = [keywords[name] for name in KEYWORDS if name in keywords]
    texts = [each for each in [*named, *args] if as_text(each) is not None]
    likely = [
        each for each in texts if isinstance(as_text(each), Partial) or looks_like_path(str(each))
    ]
    plain_words = [each for each in texts if isinstance(each, str) and any_text]
    return next(iter([*likely, *plain_words]), None)


def _joined(of: Any, name: str, args: list[Any]) -> Any:
    if name == "joinpath":
        return path_of([of, *args])
    if not isinstance(of, str) or not args or not isinstance(args[0], str):
        return Unknown()
    if name == "with_name":
        return posixpath.join(posixpath.dirname(of), args[0])
    return posixpath.splitext(of)[0] + args[0]


def _of_dict(of: dict[str, Any], name: str, args: list[Any]) -> Any:
    if name == "get" and args and isinstance(args[0], str):
        return of.get(args[0], args[1] if len(args) > 1 else Unknown())
    if name == "items":
        return [[key, value] for key, value in of.items()]
    return list(of.values()) if name == "values" else list(of) if name == "keys" else Unknown()
