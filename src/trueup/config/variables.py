"""What ``${...}`` may name: params.yaml, the ``vars`` of the file and of a stage."""

import posixpath
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from trueup.config.mistakes import ConfigInvalid, shown
from trueup.config.params import read_file
from trueup.config.templates import Flags, TemplateError, interpolates
from trueup.errors import did_you_mean

_SETTINGS = (".dvc/config", ".dvc/config.local")


class ParameterFiles:
    """The parameter files of a project, each read once; ``read`` names them."""

    def __init__(self, root: FilePath) -> None:
        self.root = root
        self._trees: dict[str, Any] = {}
        self._settings: tuple[str, ...] = ()

    @property
    def read(self) -> tuple[str, ...]:
        """The files that were looked for, relative to the project, also those that are missing."""
        return (*self._trees, *self._settings)

    def tree(self, path: str) -> Any:
        """Return the values of a file; None if there is no such file."""
        if path not in self._trees:
            file = self.root / path
            self._trees[path] = read_file(file, shown_as=path) if file.is_file() else None
        return self._trees[path]

    def flags(self) -> Flags:
        """Return how DVC's own configuration wants mappings turned into options."""
        self._settings = _SETTINGS
        if not (self.root / ".dvc").is_dir():
            return Flags()
        from configparser import ConfigParser, Error

        parser = ConfigParser(interpolation=None, strict=False)
        try:
            parser.read([self.root / name for name in _SETTINGS])
        except (Error, UnicodeDecodeError):
            return Flags()
        get = parser.get
        return Flags(
            booleans=get("parsing", "bool", fallback="store_true"),
            lists=get("parsing", "list", fallback="nargs"),
        )


class Variables:
    """Values by name, and which files they came from; never changed once made."""

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        sources: Mapping[str, str] | None = None,
        loaded: Mapping[str, tuple[str, ...]] | None = None,
        reserved: frozenset[str] = frozenset(),
    ) -> None:
        self.values = dict(values or {})
        self._sources = dict(sources or {})
        self._loaded = dict(loaded or {})  # file: the keys that were taken; none: all
        self._reserved = reserved

    def with_item(self, item: Mapping[str, Any]) -> "Variables":
        """Return these and ``item`` or ``key``, which hide whatever had their names."""
        values = {**self.values, **item}
        return Variables(values, self._sources, self._loaded, self._reserved | item.keys())

    def with_default(self, files: ParameterFiles) -> "Variables":
        """Return these and what params.yaml says, if there is one."""
        tree = files.tree("params.yaml")
        return self if tree is None else self._with_file("params.yaml", "params.yaml", (), files)

    def with_entry(self, entry: Any, source: str, wdir: str, files: ParameterFiles) -> "Variables":
        """Return these and one item of a ``vars`` list; TemplateError if it redefines a value."""
        if isinstance(entry, dict):
            if _holds_templates(entry):
                raise TemplateError("'vars' cannot hold ${...}", "Write the value out.")
            return self._with(entry, source)
        if interpolates(entry):
            raise TemplateError("'vars' cannot hold ${...}", "Write the file's name out.")
        name, _, keys = entry.partition(":")
        wanted = tuple(key for key in keys.split(",") if key)
        path = posixpath.normpath(posixpath.join(wdir, name))
        return self._with_file(entry, path, wanted, files)

    def _with_file(
        self, entry: str, path: str, wanted: tuple[str, ...], files: ParameterFiles
    ) -> "Variables":
        before = self._loaded.get(path)
        if before is not None:
            if not wanted and not before:
                return self  # naming a whole file twice changes nothing
            if not wanted or not before or set(wanted) & set(before):
                problem = f"{shown(entry)} names values of {path} that are loaded already"
                raise TemplateError(problem, "Name each value, or the whole file, once.")
        tree = _mapping(files, path)
        for key in wanted:
            if key not in tree:
                hint = did_you_mean(key, map(str, tree))
                raise TemplateError(f"{path} has no {key!r}", f"{hint}Keys are top-level ones.")
        taken = {key: tree[key] for key in wanted} if wanted else tree
        merged = self._with(taken, path)
        merged._loaded[path] = (*(before or ()), *wanted)
        return merged

    def _with(self, more: Mapping[Any, Any], source: str) -> "Variables":
        hidden = self._reserved & more.keys()
        if hidden:
            problem = f"{' and '.join(sorted(hidden))} cannot be redefined in {source}"
            raise TemplateError(problem, "Choose another name; the loop sets these.")
        values = _merged(self.values, more, source, self._sources)
        sources = {
            **dict.fromkeys((k for k in more if isinstance(k, str)), source),
            **self._sources,
        }
        return Variables(values, sources, self._loaded, self._reserved)


def _holds_templates(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_templates(item) for item in value.values())
    if isinstance(value, list):
        return any(map(_holds_templates, value))
    return isinstance(value, str) and bool(interpolates(value))


def _mapping(files: ParameterFiles, path: str) -> dict[Any, Any]:
    try:
        tree = files.tree(path)
    except ConfigInvalid as error:
        raise TemplateError(f"{path} cannot be read: {error.problem}", error.remedy) from error
    if tree is None:
        raise TemplateError(f"there is no file {path}", "Paths are relative to the stage's wdir.")
    if not isinstance(tree, dict):
        raise TemplateError(f"{path} holds {shown(tree)}, not a mapping", "Give the values names.")
    return tree


def _merged(
    into: Mapping[str, Any], more: Mapping[Any, Any], source: str, sources: Mapping[str, str]
) -> dict[str, Any]:
    merged = dict(into)
    for key, value in more.items():
        if not isinstance(key, str):  # DVC leaves such names out of its variables
            continue
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merged(old, value, source, dict.fromkeys(old, sources.get(key, "vars")))
        elif key in merged:
            first = sources.get(key, "vars")
            problem = f"{key!r} from {source} already has a value from {first}"
            raise TemplateError(problem, "Keep one of them: values are never replaced.")
        else:
            merged[key] = value
    return merged
