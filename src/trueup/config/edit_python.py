"""Edits of Python parameter files: one literal replaced."""

import ast
from typing import Any

from trueup.config.edits import CannotEdit, Edit
from trueup.config.python_params import expression


def replaced(edit: Edit) -> str:
    """Return the text with the literal under the keys replaced."""
    node = expression(ast.parse(edit.text), edit.keys)
    if node is None or node.end_lineno is None or node.end_col_offset is None:
        raise CannotEdit("it is no single literal")
    lines = edit.text.encode().splitlines(keepends=True)  # columns count bytes
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    whole = b"".join(lines)
    return (whole[:start] + _written(edit.value).encode() + whole[end:]).decode()


def added(edit: Edit) -> str:
    """Refuse: where a new assignment belongs is the author's to say."""
    raise CannotEdit("names are added to a Python file by hand")


def _written(value: Any) -> str:
    if isinstance(value, str | int | float | bool | list | dict) or value is None:
        return repr(value)
    raise CannotEdit("Python has no literal for it")
