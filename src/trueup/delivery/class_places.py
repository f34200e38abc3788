"""The classes of several models in the same places, those that the truth lacks among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trueup.delivery.truths import Truth

_OTHER = "(other)"  # the name of a class that is predicted and that no row has


@dataclass(frozen=True)
class Alike:
    """Truth and predictions of one width; ``names`` of the classes or labels."""

    truth: Any
    predicted: Mapping[str, Any]
    names: tuple[str, ...] = ()


def alike(task: str, truth: Truth, predicted: Mapping[str, Any]) -> Alike:
    """Return truth and predictions widened to all classes that any of the models has.

    Where one model gives labels only, the others are taken by their likeliest class too.
    """
    from trueup.gate.arrays import np

    if task == "binary":
        return Alike(truth.coded, predicted, tuple(one or "(none)" for one in truth.classes))
    if task not in ("multiclass", "multilabel"):
        return Alike(truth.coded, predicted)
    given = {name: np.asarray(each) for name, each in predicted.items()}
    if task == "multiclass" and any(each.ndim == 1 for each in given.values()):
        given = {name: _decided(each) for name, each in given.items()}
        top = max((np.nanmax(each, initial=0) for each in given.values()), default=0)
        width = max(len(truth.classes), int(top) + 1)
    else:
        width = max(len(truth.classes), *(each.shape[1] for each in given.values()))
        given = {name: _widened(each, width) for name, each in given.items()}
    names = truth.classes + (_OTHER,) * (width - len(truth.classes))
    coded = _widened(truth.coded, width) if task == "multilabel" else truth.coded
    return Alike(coded, given, names)


def _decided(given: Any) -> Any:
    from trueup.gate.arrays import np

    if given.ndim == 1:
        return given.astype(np.float64)
    broken = np.isnan(given).any(axis=1)
    return np.where(broken, np.nan, np.where(broken[:, None], 0.0, given).argmax(axis=1))


def _widened(matrix: Any, width: int) -> Any:
    from trueup.gate.arrays import np

    return np.pad(matrix.astype(np.float64), ((0, 0), (0, width - matrix.shape[1])))
