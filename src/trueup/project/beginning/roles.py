"""Which of the outputs is the model, which table it is judged on, and where its predictions are."""

import posixpath
import re
from collections.abc import Iterable, Sequence

import msgspec

from trueup.project.beginning.findings import StageDraft
from trueup.project.beginning.looking import stem
from trueup.project.beginning.tables import is_table

_SAFE = (".skops", ".onnx", ".ubj", ".pt2")  # models by their suffix alone
PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".sav")
_REFUSED = (".pt", ".pth", ".h5", ".hdf5", ".keras", ".safetensors", ".ckpt", ".bin", ".rds")
_BY_NAME = (".txt", ".json", ".lgb", ".xgb", ".bst", "")  # models if they are called so
_MODEL = re.compile(
    r"(^|[^a-z])(model|clf|classifier|regressor|estimator|pipeline|pipe|booster|forest|lgbm?|xgb)"
)
_NO_MODEL = re.compile(
    r"scaler|encoder|vectori[sz]er|imputer|preprocess|transform|param|metric|label|vocab|column"
    r"|importance|history|config|info|card|summary|schema|report"
)
_TEST = re.compile(r"(^|[^a-z])(x_?)?(test|hold_?out|eval|evaluation)")
_VALID = re.compile(r"(^|[^a-z])(x_?)?(valid|validation|val|dev)([^a-z]|$)")
_TRAIN = re.compile(r"(^|[^a-z])(x_?)?train")
_PREDICTED = re.compile(r"pred|score|forecast|proba|yhat|y_hat|output|inference")


class Roles(msgspec.Struct, frozen=True):
    """What plays which part in judging a model; ``missing`` says what plays none."""

    model: str = ""
    others: tuple[str, ...] = ()  # that might be models too
    data: str = ""
    predictions: str = ""
    trained_on: tuple[str, ...] = ()  # tables that the maker reads or writes to train on
    one_stage: str = ""  # the stage that trains, and has the rows of the test as well
    maker: str = ""
    sources: tuple[str, ...] = ()  # scripts and modules that make, ask and judge it
    metrics: tuple[str, ...] = ()  # files that say how good it is, the most telling first
    missing: str = ""


def roles_of(stages: Sequence[StageDraft]) -> Roles:
    """Return who plays which part in these stages, as their files' names tell."""
    found = [path for stage in stages for path in stage.outs if rank(path) is not None]
    models = sorted(found, key=lambda path: (rank(path), found.index(path)))
    if not models:
        return Roles(missing="no stage writes a file that looks like a model, such as model.skops")
    model = models[0]
    maker = next(stage for stage in stages if model in stage.outs)
    asking = [stage for stage in stages if model in stage.deps]
    judging = sorted(asking, key=_judges) or [maker]
    predicting = [
        (stage, path) for stage in asking for path in stage.writes if _is_predictions(path)
    ]
    data = _data(predicting[0][0], maker) if predicting else ""
    data = data or next((path for stage in judging if (path := _data(stage, maker))), "")
    predictions = next((path for stage, path in predicting if not data or data in stage.deps), "")
    trained_on = _trained_on(maker, data)
    return Roles(
        model=model,
        others=tuple(path for path in models[1:] if rank(path) == rank(model)),
        data=data,
        predictions=predictions,
        trained_on=trained_on,
        one_stage=maker.name if data and data in (*maker.deps, *maker.writes) else "",
        maker=maker.name,
        sources=_sources([*judging, maker, *stages]),
        metrics=tuple(dict.fromkeys(p for stage in [*judging, maker] for p in stage.metrics)),
        missing="" if data or predictions else _no_rows(model, maker, asking),
    )


def rank(path: str) -> int | None:
    """Return how likely an output is the model, 0 the most; None where it is not at all.

    >>> rank("models/clf.skops"), rank("scaler.joblib"), rank("notes.txt")
    (0, 5, None)
    """
    name = posixpath.basename(path).lower()
    suffix = posixpath.splitext(name)[1]
    called = bool(_MODEL.search(name)) and not _NO_MODEL.search(name)
    if suffix in _SAFE:
        return 0 if called else 2
    if suffix in PICKLES or suffix in _REFUSED:
        if _NO_MODEL.search(name):
            return 5
        return 1 if called else 3
    return 1 if called and suffix in _BY_NAME else None


def is_pickled(path: str) -> bool:
    """Tell whether a model is a pickle, by its suffix."""
    return path.lower().endswith(PICKLES)


def _judges(stage: StageDraft) -> tuple[bool, bool]:
    """Return what sorts stages that measure before those that only use the model."""
    return (not stage.metrics, not any(_is_predictions(path) for path in stage.writes))


def _is_predictions(path: str) -> bool:
    return is_table(path) and bool(_PREDICTED.search(posixpath.basename(path).lower()))


def _data(stage: StageDraft, maker: StageDraft) -> str:
    """Return the table that a stage judges on: one that is called so, else the only other one."""
    tables = [path for path in (*stage.deps, *stage.writes) if _may_hold_rows(path)]
    if stage is not maker:
        tables = [path for path in tables if path in stage.deps]
    for pattern in (_TEST, _VALID):
        called = [path for path in tables if pattern.search(stem(path).lower())]
        if called:
            return called[0]
    others = [path for path in tables if path not in maker.deps and stage is not maker]
    others = [path for path in others if not _TRAIN.search(stem(path).lower())]
    return others[0] if len(others) == 1 else ""


def _may_hold_rows(path: str) -> bool:
    name = stem(path).lower()
    return is_table(path) and not _PREDICTED.search(name) and not re.match(r"y(_|$)", name)


def _trained_on(maker: StageDraft, data: str) -> tuple[str, ...]:
    tables = [path for path in (*maker.deps, *maker.writes) if _may_hold_rows(path)]
    return tuple(path for path in tables if path != data and _TRAIN.search(stem(path).lower()))


def _no_rows(model: str, maker: StageDraft, asking: Sequence[StageDraft]) -> str:
    if asking:
        return (
            f"stage {asking[0].name} reads no table of test rows that {maker.name} does not train"
            " on; let a stage write them, with an id column, to a file such as data/test.csv"
        )
    return (
        f"no stage reads {model} and test rows to judge it on; let {maker.name} write the model"
        " alone, and a stage of its own measure it on a table such as data/test.csv"
    )


def _sources(stages: Iterable[StageDraft]) -> tuple[str, ...]:
    paths = (path for stage in stages for path in (*stage.deps, *stage.cmd.split()))
    return tuple(dict.fromkeys(path for path in paths if path.endswith((".py", ".ipynb"))))
