"""Follows Python's expressions as far as they can be known without running anything."""

import ast
import posixpath
from typing import Any

from trueup.project.beginning.notes import Notes
from trueup.project.beginning.values import (
    Bound,
    Function,
    Instance,
    Kind,
    Module,
    Names,
    Partial,
    Setting,
    Unknown,
    as_text,
    joined,
    path_of,
    plain,
)

_STEPS = 50_000  # nodes that are looked at, so that no source takes long


class TooLong(Exception):
    """The source was followed long enough."""


class Expressions:
    """Values of expressions; what they read and write is noted on the way."""

    def __init__(self, notes: Notes, file: str) -> None:
        self.notes, self.file = notes, file
        self._left = _STEPS

    def value(self, node: "ast.expr | None", names: Names) -> Any:
        """Return what an expression is known to be."""
        self._left -= 1
        if self._left < 0:
            raise TooLong
        if node is None:
            return None
        follow = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        if follow is not None:
            return follow(node, names)
        for child in ast.iter_child_nodes(node):  # an expression of no interest may hold calls
            if isinstance(child, ast.expr):
                self.value(child, names)
            elif isinstance(child, ast.comprehension):
                self._comprehension(child, names)
        return Unknown()

    def call(self, node: ast.Call, names: Names) -> Any:
        """Return what a call gives; the calls' own class knows."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Any, names: Names) -> None:
        """Bind what stands on the left."""
        if isinstance(target, ast.Name):
            names.own[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            known = isinstance(value, list | tuple) and len(value) == len(target.elts)
            for index, element in enumerate(target.elts):
                self.assign(element, value[index] if known else Unknown(), names)
        elif isinstance(target, ast.Attribute):
            of = self.value(target.value, names)
            if isinstance(of, Instance):
                of.names.own[target.attr] = value
        elif isinstance(target, ast.Starred):
            self.assign(target.value, Unknown(), names)
        else:
            self.value(target, names)

    def _of_constant(self, node: ast.Constant, _names: Names) -> Any:
        return node.value

    def _of_name(self, node: ast.Name, names: Names) -> Any:
        return names.get(node.id)

    def _of_namedexpr(self, node: ast.NamedExpr, names: Names) -> Any:
        value = self.value(node.value, names)
        self.assign(node.target, value, names)
        return value

    def _of_joinedstr(self, node: ast.JoinedStr, names: Names) -> Any:
        parts = []
        for part in node.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            bare = not isinstance(part, ast.FormattedValue) or part.format_spec is None
            value = self._use(self.value(inner, names))
            parts.append(value if bare else Unknown())
        return joined(parts)

    def _of_binop(self, node: ast.BinOp, names: Names) -> Any:
        left = self._use(self.value(node.left, names))
        right = self._use(self.value(node.right, names))
        if isinstance(node.op, ast.Div) and isinstance(left, str | Partial):
            return path_of([left, right])
        if isinstance(node.op, ast.Add) and isinstance(left, str | Partial):
            return joined([left, right])
        if isinstance(node.op, ast.Add) and isinstance(left, list) and isinstance(right, list):
            return left + right
        return Unknown()

    def _of_boolop(self, node: ast.BoolOp, names: Names) -> Any:
        found = [self.value(value, names) for value in node.values]
        known = [value for value in found if value and not isinstance(value, Unknown)]
        return known[0] if known else Unknown()

    def _of_ifexp(self, node: ast.IfExp, names: Names) -> Any:
        self.value(node.test, names)
        both = [self.value(node.body, names), self.value(node.orelse, names)]
        known = [value for value in both if value is not None and not isinstance(value, Unknown)]
        return known[0] if known else Unknown()

    def _of_tuple(self, node: ast.Tuple, names: Names) -> Any:
        return [self.value(element, names) for element in node.elts]

    _of_list = _of_set = _of_tuple

    def _of_dict(self, node: ast.Dict, names: Names) -> Any:
        found: dict[str, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            name, inside = self.value(key, names), self.value(value, names)
            if isinstance(name, str):
                found[name] = inside
            elif key is None and isinstance(inside, dict):
                found.update(inside)
            else:
                self.whole(inside)
        return found

    def _of_lambda(self, node: ast.Lambda, names: Names) -> Any:
        return Function(node, names)

    def _of_await(self, node: ast.Await, names: Names) -> Any:
        return self.value(node.value, names)

    def _of_call(self, node: ast.Call, names: Names) -> Any:
        return self.call(node, names)

    def _of_listcomp(self, node: ast.ListComp, names: Names) -> Any:
        inner = Names(names)
        items = [self._comprehension(one, inner) for one in node.generators]
        if len(items) == 1 and isinstance(items[0], list):
            made = []
            for item in items[0][:20]:
                self.assign(node.generators[0].target, item, inner)
                made.append(self.value(node.elt, inner))
            return made
        return [self.value(node.elt, inner)] if items else Unknown()

    _of_generatorexp = _of_setcomp = _of_listcomp

    def _of_attribute(self, node: ast.Attribute, names: Names) -> Any:
        return self.attribute(self.value(node.value, names), node.attr)

    def attribute(self, of: Any, name: str) -> Any:
        """Return an attribute of something."""
        if isinstance(of, Instance):
            return of.member(name)
        if isinstance(of, Kind | Module):
            return of.names.own.get(name, Unknown(f"?.{name}"))
        if isinstance(of, Setting) and name not in ("get", "items", "keys", "values"):
            return self._use(of.at(name))
        if isinstance(of, Unknown):
            return Unknown(f"{of.name}.{name}")
        if isinstance(of, str) and name in ("parent", "name", "stem", "suffix"):
            return _part_of_path(of, name)
        return Bound(of, name)

    def _of_subscript(self, node: ast.Subscript, names: Names) -> Any:
        of, index = self.value(node.value, names), plain(self.value(node.slice, names))
        return self.item(of, index, node)

    def item(self, of: Any, index: Any, node: ast.AST) -> Any:
        """Return an element of something."""
        if isinstance(of, Setting):
            if isinstance(index, str):
                return self._use(of.at(index))
            self.whole(of)
            return Unknown()
        if isinstance(of, Bound) and of.name == "parents" and isinstance(of.of, str):
            steps = index + 1 if isinstance(index, int) else 1
            return posixpath.normpath("/".join([of.of, *[".."] * steps]))
        if isinstance(of, dict) and isinstance(index, str):
            return of.get(index, Unknown())
        if isinstance(of, list | tuple) and isinstance(index, int):
            return of[index] if -len(of) <= index < len(of) else self.beyond(of, index)
        return Unknown()

    def beyond(self, _of: Any, _index: int) -> Any:
        """Return what lies past the end of a list."""
        return Unknown()

    def whole(self, value: Any) -> None:
        """Note that all of a parameter file may be used."""
        if isinstance(value, Setting):
            self.notes.used(value)

    def items_of(self, value: Any) -> list[Any] | None:
        """Return what a loop goes over, where that is known."""
        value = plain(value)
        if isinstance(value, dict):
            return list(value)
        return list(value)[:20] if isinstance(value, list | tuple) else None

    def _use(self, value: Any) -> Any:
        if isinstance(value, Setting):
            if value.keys:
                self.notes.used(value)
            if as_text(value) is not None:
                return as_text(value)
        return value

    def _comprehension(self, node: ast.comprehension, names: Names) -> Any:
        source = self.value(node.iter, names)
        self.whole(source)
        items = self.items_of(source)
        self.assign(node.target, items[0] if items else Unknown(), names)
        for condition in node.ifs:
            self.value(condition, names)
        return items


def _part_of_path(path: str, part: str) -> str:
    name = posixpath.basename(path)
    stem, suffix = posixpath.splitext(name)
    parent = posixpath.dirname(path) or "."
    return {"parent": parent, "name": name, "stem": stem, "suffix": suffix}[part]
