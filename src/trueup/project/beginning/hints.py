"""What scripts say about the model by their words: its target, its metrics, its kind."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from trueup.project.beginning.calls import is_settings
from trueup.project.beginning.findings import Listing
from trueup.project.beginning.following import parsed
from trueup.project.beginning.sources import notebook_source, settings

Kind = Literal["classifier", "regressor"]

_TARGET_NAMES = re.compile(r"(y|targets?|labels?|truth|outcome)(_?(true|train|test|val|valid))?")
_TARGET_KEYS = re.compile(r"(target|label|outcome|y)(_?(col|column|name|feature|field))?")
_CLASSIFIES = re.compile(r"Classifier|Logistic|SVC$|NB$|predict_proba|CrossEntropy|BCE")
_REGRESSES = re.compile(r"Regressor$|LinearRegression|Ridge|Lasso|ElasticNet|SVR$|MSELoss|L1Loss")
_CLASSIFYING = re.compile(
    r"(roc_auc|average_precision|log_loss|accuracy|f1|precision|recall|brier|matthews)[a-z_]*"
    r"|classification_report|confusion_matrix"
)
_REGRESSING = re.compile(
    r"(root_)?(mean|median)_(absolute|squared)[a-z_]*error|r2_score|mean_pinball_loss"
)
_SURE, _LIKELY, _MAYBE = 4, 3, 1


class Hints(msgspec.Struct, frozen=True):
    """Names of columns that may be the target, by weight, and what kind of model is fitted."""

    targets: Mapping[str, int] = {}
    kinds: Mapping[str, int] = {}  # classifier, regressor: how often something says so

    @property
    def kind(self) -> Kind | None:
        """Return what most of the source speaks of; None where it does not tell."""
        classifies, regresses = self.kinds.get("classifier", 0), self.kinds.get("regressor", 0)
        if classifies == regresses:
            return None
        return "classifier" if classifies > regresses else "regressor"


def hints_of(listing: Listing, paths: Iterable[str]) -> Hints:
    """Return what these sources say; those that cannot be parsed say nothing."""
    trees = [tree for path in dict.fromkeys(paths) if (tree := _tree(listing, path)) is not None]
    constants: dict[str, str] = {}
    for tree in trees:
        constants |= _constants(tree)
    targets: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for tree in trees:
        for node in ast.walk(tree):
            for name, weight in _targets(node, constants):
                targets[name] += weight
            kind = _kind(node)
            if kind:
                kinds[kind] += 1
    for name in _set_targets(listing):
        targets[name] += _SURE
    return Hints(dict(targets), dict(kinds))


def _tree(listing: Listing, path: str) -> ast.Module | None:
    text = listing.texts.get(path)
    if text is None or not path.endswith((".py", ".ipynb")):
        return None
    try:
        return parsed(notebook_source(text) if path.endswith(".ipynb") else text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the texts that names stand for, wherever they are given."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                    found[target.id] = node.value.value
    return found


def _targets(node: ast.AST, constants: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Yield the columns that a piece of source treats as a target, with how sure that is."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _assigned(target, node.value, constants)
    elif isinstance(node, ast.Call):
        yield from _called(node, constants)
    elif isinstance(node, ast.keyword) and node.arg and _TARGET_KEYS.fullmatch(node.arg.lower()):
        text = _text(node.value, constants)
        if text:
            yield text, _LIKELY


def _assigned(
    target: ast.expr, value: ast.expr, constants: Mapping[str, str]
) -> Iterator[tuple[str, int]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from _assigned(one, other, constants)
    elif isinstance(target, ast.Name) and _TARGET_NAMES.fullmatch(target.id.lower()):
        column = _column(value, constants)
        if column:
            yield column, _SURE
    if isinstance(target, ast.Name) and _TARGET_KEYS.fullmatch(target.id.lower()):
        text = _text(value, constants)
        if text:
            yield text, _SURE


def _called(node: ast.Call, constants: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    name = _last(node.func)
    if name == "pop" and isinstance(node.func, ast.Attribute) and len(node.args) == 1:
        text = _text(node.args[0], constants)
        if text:
            yield text, _LIKELY
    elif name == "drop":
        dropped = [*node.args, *(each.value for each in node.keywords if each.arg == "columns")]
        for text in (text for each in dropped for text in _texts(each, constants)):
            yield text, _MAYBE
    elif name in ("fit", "fit_resample", "partial_fit") and len(node.args) > 1:
        column = _column(node.args[1], constants)
        if column:
            yield column, _SURE
    elif _is_metric(name) and node.args:
        column = _column(node.args[0], constants)
        if column:
            yield column, _SURE


def _column(node: ast.expr, constants: Mapping[str, str]) -> str:
    """Return the column that an expression takes of a table, whatever is then done with it."""
    while True:
        if isinstance(node, ast.Subscript):
            names = _texts(node.slice, constants)
            if names:
                return names[0] if len(names) == 1 else ""
            node = node.value  # such as df["y"][rows]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("pop", "get_column", "col") and len(node.args) == 1:
                return _text(node.args[0], constants)
            node = node.func.value  # such as df["y"].astype(int)
        elif isinstance(node, ast.Attribute):
            node = node.value  # such as df["y"].values
        else:
            return ""


def _texts(node: ast.expr, constants: Mapping[str, str]) -> list[str]:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [text for each in node.elts if (text := _text(each, constants))]
    text = _text(node, constants)
    return [text] if text else []


def _text(node: ast.expr, constants: Mapping[str, str]) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return constants.get(node.id, "")
    return constants.get(node.attr, "") if isinstance(node, ast.Attribute) else ""


def _kind(node: ast.AST) -> Kind | None:
    if not isinstance(node, ast.Call):
        return None
    name = _last(node.func)
    if _CLASSIFIES.search(name) or _CLASSIFYING.fullmatch(name):
        return "classifier"
    return "regressor" if _REGRESSES.search(name) or _REGRESSING.fullmatch(name) else None


def _is_metric(name: str) -> bool:
    return bool(_CLASSIFYING.fullmatch(name) or _REGRESSING.fullmatch(name))


def _last(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def _set_targets(listing: Listing) -> Iterator[str]:
    """Yield what parameter files call the target."""
    for path in listing.texts:
        if is_settings(path):
            yield from _named_target(settings(path, path, listing))


def _named_target(tree: Any) -> Iterator[str]:
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        if isinstance(value, str) and _TARGET_KEYS.fullmatch(str(key).lower()):
            yield value
        else:
            yield from _named_target(value)
