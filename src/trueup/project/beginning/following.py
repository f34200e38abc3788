"""Follows a script from its first statement: into its functions, classes and own modules."""

import ast
import posixpath
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from trueup.project.beginning.arguments import Argument, declared, given, option_of
from trueup.project.beginning.calls import is_server
from trueup.project.beginning.expressions import Expressions, TooLong
from trueup.project.beginning.filecalls import FileCalls
from trueup.project.beginning.notes import Notes
from trueup.project.beginning.values import (
    PROJECT,
    Function,
    Instance,
    Kind,
    Module,
    Names,
    Setting,
    Unknown,
)

_DEPTH = 12  # calls within calls
Texts = Callable[[str], "str | None"]


@lru_cache(maxsize=1000)  # a module that many scripts import is parsed once
def parsed(text: str) -> ast.Module:
    """Return the syntax of a source; raises SyntaxError or ValueError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape in a user's source is not our matter
        return ast.parse(text)


class Following(Expressions):
    """One script followed, with the words of its command line."""

    def __init__(
        self,
        script: str,
        texts: Texts,
        calls: FileCalls,
        notes: Notes,
        words: Sequence[str] | None,
    ) -> None:
        super().__init__(notes, script)
        self._script, self._texts, self._calls, self._words = script, texts, calls, words
        self._modules: dict[str, Module] = {}
        self._roots = [posixpath.dirname(script), "", "src"]
        self._arguments: list[Argument] = []
        self._commands: list[Function] = []
        self._depth = 0
        self._running: list[Any] = []

    def run(self, tree: ast.Module) -> None:
        """Follow the script, then the commands that it only declares."""
        names = Names()
        names.own |= {"__name__": "__main__", "__file__": f"{PROJECT}/{self._script}"}
        try:
            self._block(tree.body, names)
            if len(self._commands) == 1:
                self._enter(self._commands[0], [], {})
            elif self._commands and not self._words:
                self.notes.wants["the name of a command"] = None
        except (TooLong, RecursionError):
            self.notes.unknown[f"{self._script} (it is too long to be followed)"] = None

    # ---- calls

    def call(self, node: ast.Call, names: Names) -> Any:
        """Enter what the project defines; of all else, note what it reads and writes."""
        func = self.value(node.func, names)
        args = [self._argument(arg, names) for arg in node.args]
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, names)
            if keyword.arg:
                keywords[keyword.arg] = value
            elif isinstance(value, dict):
                keywords.update(value)
            else:
                self.whole(value)
        if isinstance(func, Function):
            return self._enter(func, args, keywords)
        if isinstance(func, Kind):
            made = Instance(func)
            start = func.names.own.get("__init__")
            if isinstance(start, Function):
                self._enter(Function(start.node, start.names, made), args, keywords)
            return made
        for value in [*args, *keywords.values()]:
            if isinstance(value, Function) and value not in self._commands:
                self._enter(value, [], {})  # handed to something that will call it
            elif isinstance(value, Setting) and not value.keys:
                self.whole(value)
        return self._known_call(func, args, keywords, node)

    def _known_call(
        self, func: Any, args: list[Any], keywords: dict[str, Any], node: ast.Call
    ) -> Any:
        last = func.last if isinstance(func, Unknown) else ""
        if last == "add_argument":
            flags = [flag for flag in args if isinstance(flag, str)]
            if flags:
                self._arguments.append(declared(flags, keywords))
            return Unknown()
        if last in ("parse_args", "parse_known_args"):
            values = self._parsed(self._arguments)
            return [values, []] if last == "parse_known_args" else values
        if isinstance(func, Unknown) and func.name in ("sys.path.append", "sys.path.insert"):
            self._add_root(args[-1] if args else None)
        if isinstance(func, Unknown) and func.name == "vars" and args:
            return args[0].names.own if isinstance(args[0], Instance) else args[0]
        return self._calls.call(func, args, keywords, (node, self.file))

    def attribute(self, of: Any, name: str) -> Any:
        """Return an attribute; of sys, the command line."""
        if isinstance(of, Unknown) and of.name == "sys" and name == "argv":
            return [self._script, *(self._words or ())]
        return super().attribute(of, name)

    def beyond(self, of: Any, index: int) -> Any:
        """Note that the command line is too short."""
        if of and of[0] == self._script:
            self.notes.wants[f"argument {index}"] = None
        return Unknown()

    def _argument(self, arg: ast.expr, names: Names) -> Any:
        return self.value(arg.value if isinstance(arg, ast.Starred) else arg, names)

    def _parsed(self, arguments: list[Argument]) -> Instance:
        values, lacking = given(arguments, self._words or ())
        for name in lacking:
            self.notes.wants[name] = None
        made = Instance(Kind(Names()))
        made.names.own.update(values)
        return made

    def _enter(self, func: Function, args: list[Any], keywords: dict[str, Any]) -> Any:
        node = func.node
        if self._depth >= _DEPTH or node in self._running:
            return Unknown()
        names = Names(func.names)
        self._bind(func, args, keywords, names)
        if isinstance(node, ast.Lambda):
            return self.value(node.body, names)
        self._depth += 1
        self._running.append(node)
        try:
            found: list[Any] = []
            self._block(node.body, names, found)
        finally:
            self._depth -= 1
            self._running.pop()
        known = [value for value in found if value is not None and not isinstance(value, Unknown)]
        return known[0] if known else Unknown()

    def _bind(
        self, func: Function, args: list[Any], keywords: dict[str, Any], names: Names
    ) -> None:
        spec = func.node.args
        places = [*spec.posonlyargs, *spec.args]
        defaults = dict(zip(reversed(places), reversed(spec.defaults), strict=False))
        defaults |= {
            each: default
            for each, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
            if default is not None
        }
        if func.self_value is not None:
            args = [func.self_value, *args]
        options = {} if args or keywords else self._options(func, names)
        for index, each in enumerate([*places, *spec.kwonlyargs]):
            if index < len(args) and index < len(places):
                names.own[each.arg] = args[index]
            elif each.arg in keywords:
                names.own[each.arg] = keywords[each.arg]
            elif each.arg in options:
                names.own[each.arg] = options[each.arg]
            elif each in defaults:
                names.own[each.arg] = self._default(each.arg, defaults[each], func.names)
            else:
                names.own[each.arg] = Unknown()

    def _default(self, name: str, node: ast.expr, names: Names) -> Any:
        """Return a default; typer's Option and Argument hold theirs first."""
        called = node.func if isinstance(node, ast.Call) else None
        kind = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if isinstance(node, ast.Call) and kind in ("Option", "Argument"):
            inner = self.value(node.args[0], names) if node.args else ...
            if inner is ...:
                self.notes.wants[name] = None
                return Unknown()
            return inner
        return self.value(node, names)

    def _options(self, func: Function, names: Names) -> dict[str, Any]:
        """Return what click's decorators hand to a function that is called with nothing."""
        arguments: list[Argument] = []
        for decorator in getattr(func.node, "decorator_list", []):
            found = option_of(decorator)
            if found is None:
                continue
            kind, call = found
            flags = [self.value(arg, names) for arg in call.args]
            keywords = {k.arg: self.value(k.value, names) for k in call.keywords if k.arg}
            if kind == "option":
                keywords.setdefault("default", None)
            if flags:
                arguments.append(declared([str(flag) for flag in flags], keywords))
        return self._parsed(arguments).names.own if arguments else {}

    # ---- statements

    def _block(
        self, body: Sequence[ast.stmt], names: Names, found: list[Any] | None = None
    ) -> None:
        for statement in body:
            follow = getattr(self, f"_do_{type(statement).__name__.lower()}", self._anything)
            follow(statement, names, found if found is not None else [])

    def _anything(self, node: ast.stmt, names: Names, found: list[Any]) -> None:
        """Follow every branch of a statement, and every expression in it."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child, names)
            elif isinstance(child, ast.stmt):
                self._block([child], names, found)
            elif isinstance(child, ast.ExceptHandler | ast.match_case):
                self._block(child.body, names, found)

    def _do_return(self, node: ast.Return, names: Names, found: list[Any]) -> None:
        found.append(self.value(node.value, names))

    def _do_assign(self, node: ast.Assign, names: Names, _found: list[Any]) -> None:
        value = self.value(node.value, names)
        for target in node.targets:
            self.assign(target, value, names)

    def _do_annassign(self, node: ast.AnnAssign, names: Names, _found: list[Any]) -> None:
        if node.value is not None:
            self.assign(node.target, self.value(node.value, names), names)

    def _do_for(self, node: ast.For, names: Names, found: list[Any]) -> None:
        source = self.value(node.iter, names)
        self.whole(source)
        items = self.items_of(source)
        for item in items if items is not None else [Unknown()]:
            self.assign(node.target, item, names)
            self._block(node.body, names, found)
        self._block(node.orelse, names, found)

    def _do_with(self, node: ast.With, names: Names, found: list[Any]) -> None:
        for item in node.items:
            value = self.value(item.context_expr, names)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value, names)
        self._block(node.body, names, found)

    def _do_if(self, node: ast.If, names: Names, found: list[Any]) -> None:
        main = any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test))
        self.value(node.test, names)
        if main and names.get("__name__") != "__main__":
            return
        self._block(node.body, names, found)
        self._block(node.orelse, names, found)

    def _do_functiondef(self, node: ast.FunctionDef, names: Names, _found: list[Any]) -> None:
        func = Function(node, names)
        names.own[node.name] = func
        last = [ast.unparse(d).partition("(")[0].rpartition(".") for d in node.decorator_list]
        if any(dot and name == "command" and of != "click" for of, dot, name in last):
            self._commands.append(func)  # app() will call it
        for decorator in node.decorator_list:
            if ast.unparse(decorator).startswith("hydra.main"):
                self._hydra(decorator, names)

    _do_asyncfunctiondef = _do_functiondef

    def _do_classdef(self, node: ast.ClassDef, names: Names, _found: list[Any]) -> None:
        inside = Names(names)
        self._block(node.body, inside)
        names.own[node.name] = Kind(inside)

    def _hydra(self, decorator: ast.expr, names: Names) -> None:
        if isinstance(decorator, ast.Call):
            for keyword in decorator.keywords:
                if keyword.arg == "config_path":
                    place = self.value(keyword.value, names)
                    if isinstance(place, str):
                        self.notes.read(f"{PROJECT}/{posixpath.dirname(self._script)}/{place}")

    # ---- modules

    def _do_import(self, node: ast.Import, names: Names, _found: list[Any]) -> None:
        for alias in node.names:
            self.notes.serves = self.notes.serves or is_server(alias.name)
            module = self._module(alias.name, 0)
            first = alias.name.partition(".")[0]
            whole = module if alias.asname or "." not in alias.name else None
            name = alias.asname or first
            names.own[name] = whole or Unknown(alias.name if alias.asname else first)

    def _do_importfrom(self, node: ast.ImportFrom, names: Names, _found: list[Any]) -> None:
        name = node.module or ""
        self.notes.serves = self.notes.serves or (not node.level and is_server(name))
        self.notes.relative = self.notes.relative or bool(node.level)
        module = self._module(name, node.level)
        for alias in node.names:
            bound = alias.asname or alias.name
            value = module.names.own.get(alias.name) if module else None
            if value is None:
                value = self._module(f"{name}.{alias.name}".strip("."), node.level)
            names.own[bound] = value if value is not None else Unknown(f"{name}.{alias.name}")

    def _module(self, dotted: str, level: int) -> Module | None:
        """Return a module of the project, followed once; None for any other."""
        inside = dotted.replace(".", "/")
        roots = self._roots
        if level:
            folder = posixpath.dirname(self.file)
            roots = [
                posixpath.normpath("/".join([folder, *[".."] * (level - 1)])) if folder else ""
            ]
        for root in roots:
            stem = posixpath.normpath(posixpath.join(root, inside)) if inside else root
            for path in (f"{stem}.py", f"{stem}/__init__.py"):
                if path != self._script and (text := self._texts(path)) is not None:
                    return self._followed(path, text)
        return None

    def _followed(self, path: str, text: str) -> Module | None:
        if path in self._modules:
            return self._modules[path]
        module = self._modules[path] = Module(Names())
        self.notes.modules[path] = None
        module.names.own |= {"__name__": path, "__file__": f"{PROJECT}/{path}"}
        before, self.file = self.file, path
        try:
            self._block(parsed(text).body, module.names)
        except (SyntaxError, ValueError):
            return None
        finally:
            self.file = before
        return module

    def _add_root(self, place: Any) -> None:
        if isinstance(place, str):
            self._roots.append(posixpath.normpath(place.removeprefix(f"{PROJECT}/")))
