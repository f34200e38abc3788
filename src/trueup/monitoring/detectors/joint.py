"""The domain classifier behind the port: how well a window's rows can be told from the reference's.

Numbers and truths as they are, texts by how frequent they are in the reference. Its weak point: it
is linear in the columns' ranks and in products of pairs of them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from trueup.errors import NotProven, WrongUsage
from trueup.monitoring.calibration.records import Plan
from trueup.monitoring.detectors.port import Kind, Look, Seen
from trueup.monitoring.detectors.tables import cut
from trueup.monitoring.multivariate import LEAST_ROWS, Classifier, Whitened, classifier, told

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TELLS = 0.6  # an AUC from which on it fires by itself, where nothing is calibrated
_MOST_ROWS = 4096
_MOST_WORDS = 1000


class _Array(msgspec.Struct, frozen=True):
    shape: tuple[int, ...]
    body: bytes  # little-endian float64


class _State(msgspec.Struct, frozen=True):
    columns: tuple[str, ...]
    words: dict[str, dict[str, int]]
    knots: _Array
    pairs: _Array
    whitening: _Array
    features: _Array  # the reference's rows
    format: int = 1


class DomainClassifier:
    """A classifier by least squares, fitted to each window anew; scores grow with its success."""

    name = "domain_classifier"
    kind: Kind = "batch"

    def begin(self, windows: "Sequence[pl.DataFrame]", plan: Plan) -> bytes:
        """Return the reference's rows as features; WrongUsage for too few rows or columns."""
        import polars as pl

        blocks = np.repeat(np.arange(len(windows)), [len(window) for window in windows])
        numbered = pl.concat(list(windows)).with_columns(pl.Series(_WINDOW, blocks))
        table = cut(numbered, _MOST_ROWS)
        columns = tuple(
            name for name in table.columns if name != _WINDOW and _is_taken(table[name])
        )
        if len(table) < LEAST_ROWS or len(columns) < 2:
            raise WrongUsage(
                f"{self.name} was given {len(table)} rows of {len(columns)} columns",
                remedy=f"Give at least {LEAST_ROWS} rows of two or more columns.",
            )
        words = {name: _words(table[name]) for name in columns if _is_text(table[name])}
        rows = _matrix(table, columns, words)
        made = classifier(rows, table[_WINDOW].to_numpy())
        return msgspec.msgpack.encode(
            _State(
                columns, words, _stored(made.whitened.knots), _stored(made.pairs),
                _stored(made.whitening), _stored(made.features(rows)),
            )
        )  # fmt: skip

    def look(self, state: bytes, window: "pl.DataFrame", *, keep: bool = False) -> Seen:
        """Return how well the window is told apart; a window without rows is not."""
        found = _decoded(state)
        absent = [name for name in found.columns if name not in window.columns]
        if absent or not len(window):
            what = f"{', '.join(absent)} is missing" if absent else "there are no rows"
            raise WrongUsage(f"{self.name} cannot look: {what}", remedy="Give whole windows.")
        made = Classifier(
            Whitened(_array(found.knots)),
            _array(found.pairs).astype(np.int64),
            _array(found.whitening),
        )
        features = made.features(_matrix(window, found.columns, found.words))
        came = told(features, _array(found.features))
        says = (f"told from the reference's rows with an AUC of about {came.auc:.2f}",)
        return Seen(state, Look((("apart", came.score),), came.auc >= TELLS, says))


_WINDOW = "trueup.window"


def domain_classifier(name: str) -> DomainClassifier:
    """Return the domain classifier; it goes by one name."""
    return DomainClassifier()


def _is_text(column: "pl.Series") -> bool:
    import polars as pl

    return column.dtype in (pl.String, pl.Categorical, pl.Enum)


def _is_taken(column: "pl.Series") -> bool:
    import polars as pl

    return column.dtype.is_numeric() or column.dtype == pl.Boolean or _is_text(column)


def _words(column: "pl.Series") -> dict[str, int]:
    import polars as pl

    counts = column.drop_nulls().cast(pl.String).alias("word").value_counts()
    ordered = counts.sort(["count", "word"], descending=[True, False])["word"].to_list()
    return {word: place for place, word in enumerate(ordered[:_MOST_WORDS])}


def _matrix(
    table: "pl.DataFrame", columns: Sequence[str], words: dict[str, dict[str, int]]
) -> "Floats":
    import polars as pl

    parts: list[Any] = []
    for name in columns:
        column = table[name]
        if name in words:
            known = words[name]
            places = column.cast(pl.String).replace_strict(
                known, default=len(known), return_dtype=pl.Float64
            )
            column = pl.select(pl.when(column.is_null()).then(None).otherwise(places)).to_series()
        parts.append(column.cast(pl.Float64).to_numpy())
    return np.column_stack(parts)


def _stored(array: Any) -> _Array:
    return _Array(tuple(array.shape), np.ascontiguousarray(array, dtype="<f8").tobytes())


def _array(stored: _Array) -> "Floats":
    return np.frombuffer(stored.body, "<f8").reshape(stored.shape)


def _decoded(state: bytes) -> _State:
    try:
        return msgspec.msgpack.decode(state, type=_State)
    except msgspec.DecodeError as error:
        raise NotProven(
            f"this is no state of domain_classifier: {error}",
            remedy="Begin anew with: trueup monitor rebase MODEL --why REASON",
        ) from error
