"""Golden requests: a few stored rows and the predictions they must give, tolerance included.

Whoever is about to answer for a version (a server, a batch, an image) answers these first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from trueup.errors import NotProven, WrongUsage
from trueup.models.tables import Column, Table
from trueup.store.formats import Stored

FORMAT = 1
PART = "golden"  # what is kept with a version
ROWS_MOST = 32
BYTES_MOST = 128 << 10
_WORDS = 200  # letters of a value in a message


class Golden(msgspec.Struct, frozen=True):
    """Inputs and what a model answered to them, by column, as JSON has values.

    A missing value is None, a time a text of ISO 8601. Numbers may differ by ``difference``, in
    units of the largest answer or of 1; labels must be the same.
    """

    inputs: dict[str, list[Any]]
    outputs: dict[str, list[Any]]
    difference: float = 1e-5
    made_up: tuple[str, ...] = ()  # columns whose values are of nobody: what is redacted
    made_with: str = ""  # what answered, when the version was registered
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """How many requests they are."""
        return len(next(iter(self.outputs.values()), []))

    def records(self) -> list[dict[str, Any]]:
        """Return the inputs as records, as ``POST /predict`` takes them."""
        return [{name: one[row] for name, one in self.inputs.items()} for row in range(self.rows)]


class Mismatch(msgspec.Struct, frozen=True):
    """The answer that is furthest from what it must be, and how many rows have such."""

    output: str
    row: int  # which golden request, from 0
    expected: Any
    found: Any
    rows: int

    def __str__(self) -> str:
        others = f"; {self.rows} of them are answered otherwise" if self.rows > 1 else ""
        return (
            f"golden request {self.row} must give {self.output} {_shown(self.expected)}"
            f" and gives {_shown(self.found)}{others}"
        )


class NotKept(WrongUsage):
    """Rows that cannot be kept as golden requests."""


def golden_of(inputs: Table, outputs: Table, chosen: Sequence[int], **more: Any) -> Golden | None:
    """Return the chosen rows as golden requests, fewer where they are large; None: not one fits."""
    rows = list(chosen)
    while rows:
        made = Golden(_plain(inputs, rows), _plain(outputs, rows), **more)
        if len(encode_golden(made)) <= BYTES_MOST:
            return made
        rows = rows[: len(rows) // 2]
    return None


def mismatch(
    golden: Golden, outputs: Mapping[str, Any], difference: float | None = None
) -> Mismatch | None:
    """Return the worst difference between answers by column and those that they must be.

    Columns beyond the golden ones are not looked at. A form that was verified within wider bounds
    than the stated ones brings its own.
    """
    within = golden.difference if difference is None else max(difference, golden.difference)
    found = []
    for name, expected in golden.outputs.items():
        given = _listed(outputs.get(name), golden.rows)
        apart = _apart(name, expected, given, golden.outputs)
        rows = [k for k, one in enumerate(apart) if not one <= within]
        if rows:
            worst = max(rows, key=lambda k: apart[k])
            found.append(
                (apart[worst], Mismatch(name, worst, expected[worst], given[worst], len(rows)))
            )
    return max(found, key=lambda one: one[0])[1] if found else None


def answers_by_column(answers: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return answers by row, as HTTP gives them, by column."""
    names = dict.fromkeys(name for one in answers for name in one)
    return {name: [one.get(name) for one in answers] for name in names}


def encode_golden(golden: Golden) -> bytes:
    """Return golden requests as canonical JSON."""
    return msgspec.json.encode(golden)


def decode_golden(body: bytes) -> Golden:
    """Read what encode_golden wrote; NotProven if it is damaged or of a newer trueup."""
    found = _STORED.read(body, newer=NotProven)
    _require_whole(found)
    return found


_STORED: Stored[Golden] = Stored(
    msgspec.json.Decoder(Golden),
    FORMAT,
    "the golden requests are",
    "the golden requests cannot be read",
    remedy="Register the model again",
)


def _require_whole(golden: Golden) -> None:
    lengths = {len(one) for part in (golden.inputs, golden.outputs) for one in part.values()}
    if len(lengths) != 1 or not golden.outputs:
        raise NotProven(
            "the golden requests are damaged: their columns differ in length",
            remedy="Register the model again",
        )


def _apart(
    name: str, expected: Sequence[Any], given: Sequence[Any], outputs: Mapping[str, Any]
) -> list[float]:
    """Return how far answers are apart, in units of the largest; a label is infinitely far."""
    if _is_label(name, expected, outputs):
        pairs = zip(expected, given, strict=True)
        return [0.0 if one == other else np.inf for one, other in pairs]
    largest = max([1.0, *(abs(one) for one in expected if one is not None)])
    return [
        _between(one, other) / largest for one, other in zip(expected, given, strict=True)
    ]  # fmt: skip


def _is_label(name: str, expected: Sequence[Any], outputs: Mapping[str, Any]) -> bool:
    beside = any(one.startswith("score") for one in outputs)
    if name.startswith("prediction") and beside:
        return True
    return not all(one is None or isinstance(one, float) for one in expected)


def _between(expected: Any, given: Any) -> float:
    if expected is None or not isinstance(given, int | float) or given != given:
        nothing = given is None or given != given
        return 0.0 if expected is None and nothing else np.inf
    return abs(float(expected) - float(given))


def _listed(column: Any, rows: int) -> list[Any]:
    if column is None or len(column) != rows:
        return [None] * rows if column is None else [*column[:rows], *[None] * rows][:rows]
    return plain(column) if isinstance(column, np.ndarray) else list(column)


def _plain(table: Table, rows: Sequence[int]) -> dict[str, list[Any]]:
    found = {}
    for name, column in table.columns().items():
        try:
            found[name] = plain(column[np.asarray(rows, dtype=np.int64)])
        except TypeError as error:
            raise NotKept(
                f"the column {name!r} holds values that no request has: {error}",
                remedy="Give the model columns of numbers, texts, times, true and false",
            ) from error
    return found


def plain(column: Column) -> list[Any]:
    """Return values as JSON has them; TypeError for what it has no word for."""
    if column.dtype.kind == "M":
        times = column.astype("datetime64[us]").tolist()
        return [None if one is None else one.isoformat() for one in times]
    values = column.tolist()
    if column.dtype.kind in "bui":
        return list(values)
    return [_value(one) for one in values]


def _value(one: Any) -> Any:
    one = one.item() if isinstance(one, np.generic) else one
    if one is None or isinstance(one, bool | int | str):
        return one
    if isinstance(one, float):
        return None if one != one else one
    raise TypeError(f"a {type(one).__name__}")


def _shown(value: Any) -> str:
    return (f"{value:.6g}" if isinstance(value, float) else repr(value))[:_WORDS]
