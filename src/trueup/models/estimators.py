"""Models with scikit-learn's methods, whatever file they came from."""

from typing import Any

import numpy as np

from trueup.models.outputs import Outputs, estimator_scores, values
from trueup.models.port import ModelRefused
from trueup.models.sniffing import Content
from trueup.models.tables import Table


class Estimator:
    """An estimator in memory; both its classes and its scores are asked for."""

    numbers_only = False

    def __init__(self, model: Any, content: Content) -> None:
        if not callable(getattr(model, "predict", None)):
            raise ModelRefused(
                f"it holds a {type(model).__name__}, which cannot predict",
                remedy="Save the fitted model itself, with its preprocessing in one pipeline",
                place=str(content.place),
            )
        self.model = model
        names = getattr(model, "feature_names_in_", ())
        self.named = len(names) > 0
        self.inputs: tuple[str, ...] = tuple(map(str, names))

    def predict(self, table: Table) -> Outputs:
        """Return ``prediction``, and the scores where the model has classes."""
        given = self.given(table)
        labels = np.asarray(self.model.predict(given))
        answered = values(labels)
        for ask in ("predict_proba", "decision_function"):
            if hasattr(self.model, ask):
                raw = getattr(self.model, ask)(given)
                return answered | estimator_scores(self.model, raw, labels.ndim)
        return answered

    def given(self, table: Table) -> Any:
        """Give names to what was fitted with names, and numbers alone to everything else."""
        if not self.named and all(one.dtype.kind in "biuf" for one in table.columns().values()):
            return table.matrix()
        own = type(self.model).__module__.partition(".")[0]
        if own in ("lightgbm", "xgboost"):  # their wrappers know no polars
            return table.matrix()
        return table.frame()
