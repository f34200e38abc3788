"""What an expression can be known to be without running it."""

import ast
import posixpath
from typing import Any

PROJECT = "/<project>"  # stands for the project's folder in paths made of __file__


class Unknown:
    """Nothing is known of it but, at most, the dotted name that leads there."""

    def __init__(self, name: str = "?") -> None:
        self.name = name

    @property
    def last(self) -> str:
        """Return the last part of its name: ``read_csv`` of ``pandas.read_csv``."""
        return self.name.rpartition(".")[2]


class Partial:
    """A text of which only the beginning is known."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix


class Setting:
    """What a parameter file holds under some keys."""

    def __init__(
        self, file: str, keys: tuple[str, ...], value: Any, *, exists: bool = True
    ) -> None:
        self.file, self.keys, self.value, self.exists = file, keys, value, exists

    def at(self, key: str) -> "Setting":
        """Return what lies one key deeper; whether it exists is asked of the first key alone."""
        there = isinstance(self.value, dict) and key in self.value
        inside = self.value[key] if there else None
        exists = self.exists if self.keys else there
        return Setting(self.file, (*self.keys, key), inside, exists=exists)


class Opened:
    """An open file, or what was read from one."""

    def __init__(self, path: Any) -> None:
        self.path = path


class Bound:
    """A method of something known."""

    def __init__(self, of: Any, name: str) -> None:
        self.of, self.name = of, name


class Names:
    """Variables, with those around them."""

    def __init__(self, around: "Names | None" = None) -> None:
        self.own: dict[str, Any] = {}
        self.around = around

    def get(self, name: str) -> Any:
        """Return a variable's value; Unknown by its own name if it was never seen."""
        if name in self.own:
            return self.own[name]
        return self.around.get(name) if self.around else Unknown(name)


class Function:
    """A function that the project defines."""

    def __init__(
        self,
        node: "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda",
        names: Names,
        self_value: Any = None,
    ) -> None:
        self.node, self.names, self.self_value = node, names, self_value


class Kind:
    """A class that the project defines."""

    def __init__(self, names: Names) -> None:
        self.names = names  # its members


class Instance:
    """An object of such a class."""

    def __init__(self, kind: Kind) -> None:
        self.kind, self.names = kind, Names()

    def member(self, name: str) -> Any:
        """Return an attribute, or a method that knows its object."""
        if name in self.names.own:
            return self.names.own[name]
        found = self.kind.names.own.get(name, Unknown(f"?.{name}"))
        return Function(found.node, found.names, self) if isinstance(found, Function) else found


class Module:
    """A module of the project."""

    def __init__(self, names: Names) -> None:
        self.names = names


def plain(value: Any) -> Any:
    """Return a parameter's value for the parameter; anything else as it is."""
    return value.value if isinstance(value, Setting) else value


def as_text(value: Any) -> "str | Partial | None":
    """Return a value as text, its known beginning, or None."""
    value = plain(value)
    if isinstance(value, Partial):
        return value
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def joined(parts: list[Any], between: str = "") -> Any:
    """Return texts put together; Partial from the first that is not known."""
    whole = ""
    for index, part in enumerate(parts):
        text = as_text(part)
        lead = whole + (between if index else "")
        if text is None:
            return Partial(lead) if lead else Unknown()
        if isinstance(text, Partial):
            return Partial(lead + text.prefix)
        whole = lead + text
    return whole


def path_of(parts: list[Any]) -> Any:
    """Return paths joined as ``/`` does: an absolute one begins anew."""
    for at in range(len(parts) - 1, 0, -1):
        text = as_text(parts[at])
        if isinstance(text, str) and text.startswith("/"):
            parts = parts[at:]
            break
    whole = joined([part.rstrip("/") if isinstance(part, str) else part for part in parts], "/")
    return posixpath.normpath(whole) if isinstance(whole, str) else whole
