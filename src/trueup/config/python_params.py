"""Parameters in a Python file: what is assigned literally, found without running it."""

import ast
from typing import Any


def values(text: str) -> dict[str, Any]:
    """Return the assignments of a module, of its classes, and of ``self`` in their ``__init__``.

    What is not a literal is left out, as in DVC. Tuples become lists, sets sorted lists.
    """
    return {name: plain(value) for name, (value, _) in places(ast.parse(text)).items()}


Found = dict[str, tuple[Any, ast.expr | None]]


def places(tree: ast.Module | ast.ClassDef | ast.FunctionDef, *, of_self: bool = False) -> Found:
    """Return each name's literal value and the expression that says it, None for a class."""
    found: Found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            inside = places(node)
            found[node.name] = ({name: value for name, (value, _) in inside.items()}, None)
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            found.update(places(node, of_self=True))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            _assignment(node, found, of_self)
    return found


def _assignment(node: ast.Assign | ast.AnnAssign, found: Found, of_self: bool) -> None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    name = _name(targets[0], of_self) if len(targets) == 1 else None
    if name is None or node.value is None:
        return
    try:
        found[name] = (ast.literal_eval(node.value), node.value)
    except (ValueError, TypeError):  # an expression, not a literal
        return


def _name(target: ast.expr, of_self: bool) -> str | None:
    if isinstance(target, ast.Name) and not of_self:
        return target.id
    own = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name)
    if own and target.value.id == "self":  # type: ignore[attr-defined]  # own says that it has one
        return str(target.attr)  # type: ignore[attr-defined]  # own says that it has one
    return None


def plain(value: Any) -> Any:
    """Return a literal as dicts, lists and scalars."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(one) for one in value), key=repr)
    return value


def expression(tree: ast.Module | ast.ClassDef, keys: tuple[Any, ...]) -> ast.expr | None:
    """Return the expression that says the value under the keys, None if there is no single one."""
    node = _named(tree, keys[0])
    for depth, key in enumerate(keys[1:], 1):
        if isinstance(node, ast.ClassDef):
            return expression(node, keys[depth:])
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            node = next((v for k, v in pairs if k and ast.literal_eval(k) == key), None)
        elif isinstance(node, ast.List | ast.Tuple) and isinstance(key, int):
            node = node.elts[key]
        else:
            return None
    return node if isinstance(node, ast.expr) else None


def _named(tree: ast.Module | ast.ClassDef | ast.FunctionDef, name: Any) -> ast.AST | None:
    found: ast.AST | None = None
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            found = node
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            found = places(node, of_self=True).get(name, (None, found))[1]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            one: Found = {}
            _assignment(node, one, isinstance(tree, ast.FunctionDef))
            found = one[name][1] if name in one else found
    return found
