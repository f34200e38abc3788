"""The house keeps its own rules: sizes, docstrings, and a reason for every exemption."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_FILE, LONGEST_FUNCTION, MOST_PARAMETERS = 400, 50, 5
# An exemption says why on its own line, behind the name of what it exempts from.
BARE_EXEMPTION = re.compile(r"#\s*(?:noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[\w, -]+\])?)\s*$")
SOURCES = sorted((CHECKOUT / "src").rglob("*.py"))
ALL = [*SOURCES, *sorted((CHECKOUT / "tests").rglob("*.py"))]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def offered(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the public functions of a module, and the public methods of its public classes."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from offered(node.body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
            yield node


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(CHECKOUT)}:{line}"


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def test_no_file_is_longer_than_a_reader_keeps_in_mind() -> None:
    assert not {
        str(path.relative_to(CHECKOUT)): lines
        for path in SOURCES
        if (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    }


def test_no_function_is_longer_than_a_screen() -> None:
    assert not {
        f"{place(path, node.lineno)} {node.name}": length(node)
        for path in SOURCES
        for node in functions(path)
        if length(node) > LONGEST_FUNCTION
    }


def test_a_public_function_with_many_parameters_takes_a_record_instead() -> None:
    assert not {
        f"{place(path, node.lineno)} {node.name}": parameters(node)
        for path in SOURCES
        if "cli" not in path.relative_to(CHECKOUT).parts  # there a parameter is an option
        for node in offered(ast.parse(path.read_text()).body)
        if parameters(node) > MOST_PARAMETERS
    }


def test_every_exemption_from_a_check_says_why() -> None:
    assert not [
        place(path, number)
        for path in ALL
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if BARE_EXEMPTION.search(line)
    ]


@pytest.mark.parametrize("line", ["x = 1  # noqa: S301", "y  # type: ignore[arg-type]", "# noqa"])
def test_an_exemption_without_a_reason_is_found(line: str) -> None:
    assert BARE_EXEMPTION.search(line)
    assert not BARE_EXEMPTION.search(f"{line} - our own file")
