"""Audit the graph of a torch.export archive: what it calls, evaluates and names."""

import re
from collections.abc import Iterator
from typing import Any

from trueup.errors import WrongUsage


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OPERATOR = re.compile(r"torch\.ops\.(aten|prims)\.[a-z0-9_]+\.[A-Za-z0-9_]+")
_PLAIN = frozenset(
    [
        *(f"_operator.{one}" for one in ("add", "sub", "mul", "floordiv", "truediv", "mod")),
        *(f"_operator.{one}" for one in ("neg", "pow", "eq", "ne", "le", "lt", "ge", "gt")),
        *(f"_operator.{one}" for one in ("getitem", "and_", "or_", "not_")),
        *(f"math.{one}" for one in ("ceil", "floor", "trunc", "sqrt")),
    ]
)
_FORBIDDEN = re.compile(r"\.(from_file|save|load|_print|warn)\.")
# The texts that operators on tensors take; a file's name is not among them.
_MODES = _words(
    "none mean sum floor trunc tanh ij xy constant reflect circular replicate linear bilinear"
    " bicubic nearest zeros border amax amin prod lower higher midpoint L U reduced complete"
)
# Names end in Python source that torch writes and runs; these cannot say anything there.
_NAME = re.compile(r"[A-Za-z0-9_.:+\-]{0,400}")
_EXPRESSION = re.compile(r"[A-Za-z0-9_ ,()='*+/\-]{0,2000}")
_WORDS = _words(
    "Symbol Integer Rational Float Mul Add Pow Mod PythonMod FloorDiv CleanDiv CeilDiv Max Min"
    " True False None positive nonnegative negative integer zero nonzero real even odd"
)


class Unsafe(WrongUsage):
    """A part of the archive that could run something."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, remedy="Nothing was run")

    def __str__(self) -> str:
        return self.problem


def audited_graph(program: Any) -> Any:
    """Return the program without guards and metadata, or raise Unsafe naming what is foreign."""
    program["guards_code"] = []  # source that torch would run
    for node in _nodes(program):
        node["metadata"] = {}
        target = str(node.get("target"))
        plain = _OPERATOR.fullmatch(target) and not _FORBIDDEN.search(target)
        if not plain and target not in _PLAIN:
            raise Unsafe(f"its graph calls {target[:80]!r}, which is no operator on tensors")
    for key, text in _texts(program, ""):
        _check(key, text)
    return program


def _nodes(program: Any) -> Iterator[dict[str, Any]]:
    waiting = [program]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "target" in one:
                yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _texts(part: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield every text with the key it stands under, and every key."""
    waiting = [(key, part)]
    while waiting:
        key, one = waiting.pop()
        if isinstance(one, str):
            yield key, one
        elif isinstance(one, dict):
            for name, inner in one.items():
                yield "", name
                waiting.append((name, inner))
        elif isinstance(one, list):
            waiting += [(key, inner) for inner in one]


def _check(key: str, text: str) -> None:
    if key in ("in_spec", "out_spec"):
        if re.search(r"defaultdict|default_factory|__", text):
            raise Unsafe("its inputs or outputs are of a type that is not plain")
        return
    if key == "expr_str":
        words = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"'\w*'", "", text)))
        if not _EXPRESSION.fullmatch(text) or not words <= _WORDS:
            raise Unsafe(f"a shape in its graph is a program: {text[:80]!r}")
        return
    if key in ("as_string", "as_strings") and text not in _MODES:
        raise Unsafe(f"an operator in its graph takes the text {text[:80]!r}")
    if not _NAME.fullmatch(text):
        raise Unsafe(f"a name in its graph is not a name: {text[:80]!r}")
