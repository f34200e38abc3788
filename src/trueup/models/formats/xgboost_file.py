"""XGBoost's own formats, JSON and UBJSON, whose trees are checked before it walks them."""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from trueup.models.libraries import library
from trueup.models.outputs import Outputs, many_classes, two_classes, values
from trueup.models.port import Loaded, ModelDamaged, Trust, guarded
from trueup.models.sniffing import Content
from trueup.models.tables import Table


class XGBoost:
    """What Booster.save_model and XGBClassifier.save_model write."""

    name = "XGBoost"

    def detects(self, content: Content) -> bool:
        """Look for the learner at the beginning, as JSON or as UBJSON."""
        text = re.match(rb'\s*\{\s*"(learner|version|Config)"\s*:', content.opening)
        binary = re.match(rb"\{L\x00{7}.(learner|version)", content.opening, re.DOTALL)
        return text is not None or binary is not None

    def load(self, content: Content, trust: Trust) -> Loaded:
        """Load a model with sound trees."""
        xgboost = library("xgboost", "xgboost", extra=False)
        booster = xgboost.Booster({"verbosity": 0})
        guarded(lambda: booster.load_model(bytearray(content.body)), content, self.name)
        model = json.loads(bytes(booster.save_raw("json")))
        wrong = guarded(lambda: _wrong(model), content, self.name)
        if wrong:
            raise ModelDamaged(
                f"the XGBoost model has {wrong}",
                remedy="Make it again: trueup run, or fetch it again: trueup pull",
                place=os.fspath(content.place),
            )
        return guarded(lambda: Boosted(booster, model["learner"]), content, self.name)


class Boosted:
    """A booster on columns; with early stopping it predicts as scikit-learn's wrapper does."""

    numbers_only = True

    def __init__(self, booster: Any, learner: Any) -> None:
        self._booster = booster
        self._objective = str(learner["objective"]["name"])
        self.inputs: tuple[str, ...] = tuple(booster.feature_names or ())
        stopped = learner["attributes"].get("best_iteration")
        wrapped = "scikit_learn" in learner["attributes"]
        self._rounds = (0, int(stopped) + 1) if stopped is not None and wrapped else (0, 0)

    def predict(self, table: Table) -> Outputs:
        """Return the prediction, and scores where the objective has classes."""
        matrix = table.matrix()
        wanted = int(self._booster.num_features())
        if matrix.shape[1] != wanted:
            raise ValueError(f"the model takes {wanted} columns, the table has {matrix.shape[1]}")
        raw = self._booster.inplace_predict(
            matrix, iteration_range=self._rounds, validate_features=False
        )
        if self._objective in ("binary:logistic", "reg:logistic") and raw.ndim == 1:
            return two_classes(raw)
        if self._objective == "multi:softprob":
            return many_classes(raw)
        return values(raw)


def _trees(part: Any) -> Iterator[dict[str, Any]]:
    waiting = [part]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "left_children" in one:
                yield one
            else:
                waiting += one.values()
        elif isinstance(one, list) and one and isinstance(one[0], dict | list):
            waiting += one


def _wrong(model: Any) -> str:
    learner = model["learner"]
    features = int(learner["learner_model_param"]["num_feature"])
    for tree in _trees(learner["gradient_booster"]):
        left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
        split, at = np.array(tree["split_indices"]), np.arange(len(left))
        if not len(left) == len(right) == len(split) or len(left) == 0:
            return "a tree whose parts differ in length"
        inner = left != -1
        for side in (left[inner], right[inner]):
            if np.any((side < 0) | (side >= len(left)) | (side == at[inner])):
                return "a tree whose children do not exist"
        reached = np.concatenate([left[inner], right[inner]])
        if len(np.unique(reached)) != len(reached) or 0 in reached:
            return "a tree with a loop"
        if np.any((split[inner] < 0) | (split[inner] >= features)):
            return "a tree that asks for features which do not exist"
    return ""
