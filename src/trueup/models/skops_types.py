"""The types that a skops file may bring alive beside those that skops itself trusts.

How they were audited is told in docs/decisions/0030. In short, of each type: nothing runs, is
imported or is written when an instance is made (``__new__``, ``__setstate__``, the constructor
that skops calls); its methods call only what is itself in the file, hence itself trusted; and
where compiled code follows indices from the file, `tree_bounds` checks them first.
"""

from collections.abc import Iterable, Iterator
from typing import Any


def _in(module: str, names: str) -> tuple[str, ...]:
    return tuple(f"{module}.{name}" for name in names.split())


# Compiled, with indices from the file: checked by tree_bounds.
CHECKED = (
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._ball_tree.BallTree",
)
# Plain Python that holds numbers and other estimators.
_PLAIN = (
    *_in("sklearn.calibration", "_CalibratedClassifier _SigmoidCalibration"),
    *_in("sklearn._loss.loss", "HalfTweedieLoss HalfTweedieLossIdentity"),
    *_in("sklearn.neural_network._stochastic_optimizers", "AdamOptimizer SGDOptimizer"),
    *_in("sklearn.multiclass", "_ConstantPredictor"),
    *_in("sklearn.utils._bunch", "Bunch"),
    *_in("sklearn.gaussian_process._gpc", "_BinaryGaussianProcessClassifierLaplace"),
    *_in(
        "sklearn.gaussian_process.kernels",
        "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter"
        " Matern Product RBF RationalQuadratic Sum WhiteKernel",
    ),
    *_in("sklearn.metrics._scorer", "_CurveScorer _PassthroughScorer _Scorer"),
    *_in(
        "sklearn.model_selection._split",
        "GroupKFold KFold RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold"
        " StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit",
    ),
    *_in("sklearn.utils._metadata_requests", "MetadataRequest MethodMetadataRequest"),
    *_in("collections", "OrderedDict"),
    *_in("numpy", "dtype"),
)
# What older releases had and this one may lack; models that they trained are still asked.
FORMER = (
    *_in("sklearn.compose._column_transformer", "_RemainderColsList"),  # a list that warns, to 1.7
)
# Metrics on vectors, in memory of their own.
_DISTANCES = _in(
    "sklearn.metrics._dist_metrics",
    "EuclideanDistance64 EuclideanDistance32 ManhattanDistance64 ManhattanDistance32"
    " ChebyshevDistance64 ChebyshevDistance32 MinkowskiDistance64 MinkowskiDistance32",
)
# Functions from arrays to numbers, which read nothing else.
_FUNCTIONS = (
    *_in("sklearn.feature_selection._univariate_selection", "chi2 f_classif f_regression"),
    *_in("sklearn.feature_selection._mutual_info", "mutual_info_classif mutual_info_regression"),
    *_in(
        "sklearn.metrics._classification",
        "accuracy_score balanced_accuracy_score f1_score log_loss precision_score recall_score",
    ),
    *_in("sklearn.metrics._ranking", "average_precision_score roc_auc_score"),
    *_in("sklearn.metrics._regression", "mean_absolute_error mean_squared_error r2_score"),
    *_in("numpy", "max mean median min sum"),
    *_in("sklearn.utils.validation", "check_array"),
)
# Their state is bytes or text that the library's own reader of models parses.
_BOOSTED = (
    *_in("lightgbm.basic", "Booster"),
    *_in("lightgbm.sklearn", "LGBMClassifier LGBMModel LGBMRanker LGBMRegressor"),
    *_in("xgboost.core", "Booster"),
    *_in(
        "xgboost.sklearn",
        "XGBClassifier XGBModel XGBRFClassifier XGBRFRegressor XGBRanker XGBRegressor",
    ),
)
_PARTIAL = "functools.partial"  # of the function below alone, which unaudited_ways sees to
AUDITED = (*CHECKED, *_PLAIN, *_DISTANCES, *_FUNCTIONS, *_BOOSTED, _PARTIAL)

# The ways of skops to bring something alive that fitted estimators need. Methods of objects,
# partial functions and operators are not among them: with those a file can write programs out
# of trusted parts.
_WAYS = frozenset(
    _in(
        "skops",
        "BytearrayNode BytesNode CachedNode ConstructorFromReduceNode DTypeNode DefaultDictNode"
        " DictNode FunctionNode JsonNode ListNode LossNode MaskedArrayNode NdArrayNode ObjectNode"
        " RandomGeneratorNode RandomStateNode SetNode SliceNode SparseMatrixNode TreeNode"
        " TupleNode TypeNode",
    )
)


def unaudited_ways(schema: Any, trusted: Iterable[str]) -> set[str]:
    """Return the types in a schema that come alive in a way which is not audited."""
    allowed = set(trusted)
    return {
        name
        for node in _nodes(schema)
        if f"skops.{node['__loader__']}" not in _WAYS
        and (name := _type(node)) not in allowed
        and not _checks_an_array(node)
    }


def _checks_an_array(node: dict[str, Any]) -> bool:
    """Say whether it is what histogram boosting with categories lets numbers through.

    check_array calls nothing that it is given; its arguments are nodes too, and looked at.
    """
    content = node.get("content")
    called = content.get("func") if isinstance(content, dict) else None
    return (
        node["__loader__"] == "PartialNode"
        and _type(node) == _PARTIAL
        and isinstance(called, dict)
        and called.get("__loader__") == "FunctionNode"
        and _type(called) == "sklearn.utils.validation.check_array"
    )


def types_in(schema: Any) -> set[str]:
    """Return every type that a schema names."""
    return {_type(node) for node in _nodes(schema)}


def _type(node: dict[str, Any]) -> str:
    return f"{node.get('__module__')}.{node.get('__class__')}"


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "__loader__" in one:
                yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
