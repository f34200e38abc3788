"""Names for what models answer: the same columns whatever the format.

A regression answers ``prediction``; two classes ``prediction`` and ``score`` (of the second);
more classes ``prediction`` and ``score_CLASS`` each; several targets ``prediction_K``, and
``score_K`` where there are scores.

Processes without trueup load this file by its path (delivery/elsewhere), with any Python from 3.9
on: it needs NumPy alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Outputs = dict[str, NDArray[Any]]

_TWO_CLASSES = (
    *("binary", "cross_entropy", "cross_entropy_lambda"),  # LightGBM's names
    *("binary:logistic", "reg:logistic"),  # XGBoost's
)
_MANY_CLASSES = ("multiclass", "multiclassova", "multi:softprob")


def values(raw: Any, name: str = "prediction") -> Outputs:
    """Name numbers or labels as they come: one column, or one a target."""
    array = np.asarray(raw)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1:
        return {name: _plain(array)}
    if array.ndim == 2:
        return {f"{name}_{k}": _plain(array[:, k]) for k in range(array.shape[1])}
    raise ValueError(f"the model answers an array of {array.ndim} dimensions, not a column")


def scores(raw: Any, classes: Sequence[Any]) -> Outputs:
    """Name scores of classes: of two the second's, else one column a class."""
    array = np.asarray(raw)
    if array.ndim == 1:
        return {"score": array}
    if array.shape[1] != len(classes):
        raise ValueError(f"{array.shape[1]} scores for {len(classes)} classes")
    if len(classes) == 2:
        return {"score": array[:, 1]}
    return {f"score_{one}": array[:, k] for k, one in enumerate(classes)}


def two_classes(positive: Any) -> Outputs:
    """Answer 0 or 1 from the score of 1; a half and more counts as 1."""
    score = np.asarray(positive)
    if score.ndim == 2:
        score = score[:, 0]
    return {"prediction": (score >= 0.5).astype(np.int64), "score": score}


def many_classes(raw: Any) -> Outputs:
    """Answer the class with the highest score; ties go to the first."""
    array = np.asarray(raw)
    return {"prediction": array.argmax(axis=1), **scores(array, range(array.shape[1]))}


def estimator_scores(model: Any, raw: Any, dimensions: int) -> Outputs:
    """Name what an estimator's scores are, whose labels have so many dimensions."""
    if isinstance(raw, list):  # one array a target
        return {f"score_{k}": np.asarray(one)[:, -1] for k, one in enumerate(raw)}
    classes = getattr(model, "classes_", None)
    array = np.asarray(raw)
    if classes is None or dimensions > 1 or array.ndim == 1:
        return values(array, "score")
    if array.shape[1] != len(classes):  # a decision function of pairs of classes
        return values(array, "score")
    return scores(array, list(classes))


def boosted(raw: Any, objective: str) -> Outputs:
    """Name what a booster of LightGBM or XGBoost answers, told by its objective."""
    if objective in _TWO_CLASSES and np.ndim(raw) == 1:
        return two_classes(raw)
    if objective in _MANY_CLASSES:
        return many_classes(raw)
    return values(raw)


def named(raw: Any) -> Outputs:
    """Take a model's own names where it answers a mapping or a table, else name the columns."""
    if isinstance(raw, dict):
        return {str(name): _plain(np.asarray(one)) for name, one in raw.items()}
    if hasattr(raw, "get_columns"):
        return {one.name: one.to_numpy() for one in raw.get_columns()}
    if hasattr(raw, "columns") and hasattr(raw, "to_numpy") and len(raw.shape) == 2:
        return {str(name): _plain(raw[name].to_numpy()) for name in raw.columns}
    return values(raw)


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    return array.astype(object) if array.dtype.kind in "US" else array
