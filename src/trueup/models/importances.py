"""How much a model goes by each of its inputs, as the model itself says: gain of trees, weights."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.models.artifact import Model
from trueup.models.estimators import Estimator
from trueup.models.formats.lightgbm_file import Boosted as LightGBM
from trueup.models.formats.xgboost_file import Boosted as XGBoost
from trueup.models.tables import Table

_Values = NDArray[np.float64]


class Importances(msgspec.Struct, frozen=True):
    """What each input counts for, in whatever unit, and what says so."""

    values: dict[str, float]
    by: str


def importances(model: Model, sample: Table) -> Importances | None:
    """Return what a model's own trees or weights say; None where it says nothing of its inputs.

    Weights of a linear model count by how far their columns are spread in the sample. What an
    encoder makes of one column is added up, and what it makes of several together is divided
    evenly among them.
    """
    loaded = model.loaded
    if isinstance(loaded, LightGBM):
        gains = loaded.gains()
        return _named(model.inputs or sample.names, gains, "gain of LightGBM's trees")
    if isinstance(loaded, XGBoost):
        gains = loaded.gains()
        return _named(model.inputs or sample.names, gains, "gain of XGBoost's trees")
    if isinstance(loaded, Estimator):
        return _of_estimator(loaded, sample.select(model.inputs or sample.names))
    return None


def _named(names: tuple[str, ...], values: _Values, by: str) -> Importances | None:
    if len(names) != len(values):
        return None
    return Importances(dict(zip(names, values.tolist(), strict=True)), by)


def _of_estimator(loaded: Estimator, sample: Table) -> Importances | None:
    steps = [step for _, step in getattr(loaded.model, "steps", [("", loaded.model)])]
    *before, last = [step for step in steps if not isinstance(step, str)]
    kind = type(last).__name__
    sources = _sources(before, sample.names)
    if sources is None:
        return None
    if getattr(last, "feature_importances_", None) is not None:
        values, by = np.asarray(last.feature_importances_, dtype=float), f"importances of {kind}"
    elif getattr(last, "coef_", None) is not None:
        given: Any = loaded.given(sample)
        for step in before:
            given = step.transform(given)
        weights = np.abs(np.atleast_2d(np.asarray(last.coef_, dtype=float))).sum(axis=0)
        spread = _spread(given)
        if spread.shape != weights.shape:
            return None
        values, by = weights * spread, f"weights of {kind}, by the spread of their columns"
    else:
        return None
    if len(values) != len(sources):
        return None
    found = dict.fromkeys(sample.names, 0.0)
    for value, parts in zip(values.tolist(), sources, strict=True):
        for name in parts:
            found[name] += value / len(parts)
    return Importances(found, by)


def _spread(given: Any) -> _Values:
    dense = given.toarray() if hasattr(given, "toarray") else np.asarray(given, dtype=float)
    return np.asarray(np.nanstd(dense.astype(float), axis=0))


def _sources(before: list[Any], names: tuple[str, ...]) -> list[tuple[str, ...]] | None:
    """Return, of each column that reaches the estimator, which inputs it was made of."""
    sources: list[tuple[str, ...]] = [(name,) for name in names]
    for step in before:
        if hasattr(step, "transformers_") and hasattr(step, "output_indices_"):
            made = list(_of_columns(step, names)) if sources == [(one,) for one in names] else []
            if not made:
                return None
            sources = made
        elif not _keeps_columns(step, len(sources)):
            return None
    return sources


def _keeps_columns(step: Any, count: int) -> bool:
    """Say whether a step makes one column of each, in their order, as scalers do."""
    own = type(step).__module__
    return own.startswith(("sklearn.preprocessing", "sklearn.impute")) and count == len(
        _out(step, count)
    )


def _out(step: Any, count: int) -> Any:
    try:
        return step.get_feature_names_out([f"x{k}" for k in range(count)])
    except Exception:  # noqa: BLE001 - a foreign step may raise anything; then nothing is said
        return ()


def _of_columns(step: Any, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield what each output of a ColumnTransformer was made of, in order."""
    places: Mapping[str, slice] = step.output_indices_
    made: dict[int, tuple[str, ...]] = {}
    for name, part, chosen in step.transformers_:
        where = places.get(name, slice(0, 0))
        width = where.stop - where.start
        if width == 0:
            continue
        columns = tuple(one if isinstance(one, str) else names[int(one)] for one in _listed(chosen))
        for k, parts in enumerate(_parted(part, columns, width)):
            made[where.start + k] = parts
    yield from (made[k] for k in sorted(made))


def _listed(chosen: Any) -> list[Any]:
    if isinstance(chosen, str | int):
        return [chosen]
    found = np.asarray(chosen)
    return list(np.flatnonzero(found)) if found.dtype == bool else list(found.tolist())


def _parted(part: Any, columns: tuple[str, ...], width: int) -> list[tuple[str, ...]]:
    """Divide the outputs of one transformer among its columns."""
    if width == len(columns):
        return [(one,) for one in columns]
    categories = getattr(part, "categories_", None)
    if categories is not None and sum(map(len, categories)) == width:
        pairs = zip(columns, categories, strict=True)
        return [(name,) for name, known in pairs for _ in known]
    return [columns] * width
