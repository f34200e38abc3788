"""XGBoost's trees, checked before its compiled code walks them.

Processes without trueup load this file by its path (delivery/elsewhere), with any Python from 3.9
on: it needs NumPy alone.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np


def _trees(part: Any) -> Iterator[dict[str, Any]]:
    waiting = [part]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "left_children" in one:
                yield one
            else:
                waiting += one.values()
        elif isinstance(one, list) and one and isinstance(one[0], (dict, list)):
            waiting += one


def wrong_trees(model: Any) -> str:
    """Return what is wrong with a tree of a model in XGBoost's JSON, or an empty string."""
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
