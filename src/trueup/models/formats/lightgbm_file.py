"""LightGBM's own text format, whose trees are checked before its compiled code walks them."""

import json
import os
import re
from typing import Any

import numpy as np

from trueup.models.libraries import library
from trueup.models.outputs import Outputs, boosted
from trueup.models.port import Loaded, ModelDamaged, Trust, guarded
from trueup.models.sniffing import Content
from trueup.models.tables import Table


class LightGBM:
    """What Booster.save_model writes."""

    name = "LightGBM"

    def detects(self, content: Content) -> bool:
        """Look at the first two lines."""
        return re.match(rb"tree\r?\nversion=", content.opening) is not None

    def load(self, content: Content, trust: Trust) -> Loaded:
        """Load a whole file with sound trees; LightGBM itself follows their indices unchecked."""
        library("lightgbm", "lightgbm", extra=False)
        text = guarded(lambda: content.body.decode(), content, self.name)
        wrong = guarded(lambda: wrong_text(text), content, self.name)
        if wrong:
            raise ModelDamaged(
                f"the LightGBM model {wrong}",
                remedy="Make it again: trueup run, or fetch it again: trueup pull",
                place=os.fspath(content.place),
            )
        return guarded(lambda: Boosted(text), content, self.name)


class Boosted:
    """A booster on columns; categories of a training frame are put in numbers as then."""

    numbers_only = True

    def __init__(self, text: str) -> None:
        lightgbm = library("lightgbm", "lightgbm", extra=False)
        self.text = text
        self._booster = lightgbm.Booster(model_str=text)
        header = _lines(text.partition("\nTree=")[0])
        self._objective = header.get("objective", "").partition(" ")[0]
        self._features = int(header["max_feature_idx"]) + 1
        names = tuple(header.get("feature_names", "").split())
        own = any(name != f"Column_{k}" for k, name in enumerate(names))
        self.inputs: tuple[str, ...] = names if own else ()
        found = re.search(r"^pandas_categorical:(.*)$", text, re.MULTILINE)
        self.categories: list[list[Any]] = (json.loads(found[1]) if found else None) or []
        self.numbers_only = not self.categories

    def predict(self, table: Table) -> Outputs:
        """Return the prediction, and scores where the objective has classes."""
        raw = self._booster.predict(self._coded(table).matrix())
        return boosted(raw, self._objective)

    def gains(self) -> Any:
        """Return how much the splits by each column have gained, in the columns' order."""
        return np.asarray(self._booster.feature_importance("gain"), dtype=np.float64)

    def _coded(self, table: Table) -> Table:
        columns = table.columns()
        texts = [name for name, one in columns.items() if one.dtype.kind == "O"]
        if len(texts) != len(self.categories):
            return table
        for name, categories in zip(texts, self.categories, strict=True):
            codes = {one: float(k) for k, one in enumerate(categories)}
            coded = [codes.get(one, np.nan) for one in columns[name].tolist()]
            columns[name] = np.array(coded)
        return Table(columns)


def _lines(block: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in block.splitlines())
    return {name: value for name, equals, value in pairs if equals}


def wrong_text(text: str) -> str:
    """Return what is wrong with the file as a whole or with a tree, or an empty string."""
    head, *blocks = text.partition("\nend of trees")[0].split("\nTree=")
    if "\nend of trees" not in text or "\nend of parameters" not in text:
        return "is cut off"
    header = _lines(head)
    if len(header.get("tree_sizes", "").split()) != len(blocks):
        return "has not the trees that it announces"
    features = int(header["max_feature_idx"]) + 1
    for number, block in enumerate(blocks):
        wrong = _wrong_tree(_lines(block), features)
        if wrong:
            return f"has {wrong} in tree {number}"
    return ""


def _wrong_tree(tree: dict[str, str], features: int) -> str:
    leaves = int(tree["num_leaves"])
    if leaves < 1 or len(tree["leaf_value"].split()) != leaves:
        return "not one value a leaf"
    if leaves == 1:
        return ""
    inner = leaves - 1
    at = np.arange(inner)
    for side in ("left_child", "right_child"):
        child = _whole(tree[side])
        if len(child) != inner or np.any((child >= inner) | (child < -leaves)):
            return "children that do not exist"
        if np.any((child >= 0) & (child <= at)):
            return "a loop"
    split = _whole(tree["split_feature"])
    if len(split) != inner or np.any((split < 0) | (split >= features)):
        return "features that do not exist"
    return _wrong_categories(tree, inner)


def _wrong_categories(tree: dict[str, str], inner: int) -> str:
    kinds = _whole(tree["decision_type"])
    thresholds = tree["threshold"].split()
    if len(kinds) != inner or len(thresholds) != inner:
        return "not one decision a node"
    count = int(tree.get("num_cat", "0"))
    asked = [int(float(one)) for one, kind in zip(thresholds, kinds, strict=True) if kind & 1]
    if any(not 0 <= one < count for one in asked):
        return "categories that do not exist"
    if count:
        ends = _whole(tree["cat_boundaries"])
        words = len(tree["cat_threshold"].split())
        if len(ends) != count + 1 or ends[0] < 0 or np.any(np.diff(ends) < 0) or ends[-1] > words:
            return "categories that do not exist"
    return ""


def _whole(text: str) -> Any:
    return np.array(text.split(), dtype=np.int64)
