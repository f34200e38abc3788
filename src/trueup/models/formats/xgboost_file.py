"""XGBoost's own formats, JSON and UBJSON, whose trees are checked before it walks them."""

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
from trueup.models.xgboost_trees import wrong_trees


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
        wrong = guarded(lambda: wrong_trees(model), content, self.name)
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
        self.booster = booster
        self._objective = str(learner["objective"]["name"])
        self.inputs: tuple[str, ...] = tuple(booster.feature_names or ())
        stopped = learner["attributes"].get("best_iteration")
        wrapped = "scikit_learn" in learner["attributes"]
        self.span = (0, int(stopped) + 1) if stopped is not None and wrapped else (0, 0)

    def predict(self, table: Table) -> Outputs:
        """Return the prediction, and scores where the objective has classes."""
        matrix = table.matrix()
        wanted = int(self.booster.num_features())
        if matrix.shape[1] != wanted:
            raise ValueError(f"the model takes {wanted} columns, the table has {matrix.shape[1]}")
        raw = self.booster.inplace_predict(
            matrix, iteration_range=self.span, validate_features=False
        )
        return boosted(raw, self._objective)

    def gains(self) -> Any:
        """Return how much the splits by each column have gained, in the columns' order."""
        count = int(self.booster.num_features())
        names = self.inputs or tuple(f"f{k}" for k in range(count))
        found = self.booster.get_score(importance_type="total_gain")
        return np.array([float(found.get(name, 0.0)) for name in names])
