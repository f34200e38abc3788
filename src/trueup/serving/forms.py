"""What answers for a version: its verified ONNX form in a session of ours, or the model itself."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.models.artifact import Model
from trueup.models.conversions import Conversion, session_at
from trueup.models.outputs import Outputs
from trueup.models.port import ModelFailed, short
from trueup.models.signature import Signature
from trueup.models.tables import Table

Taken = Any  # numbers, one line a column, where a form is ``coded``; else columns by name

_ROUNDS = 5
_MANY = 64
_MEASURED_S = 0.5  # a size is measured no longer than this, and one call


class Form(Protocol):
    """Answers rows; any number of threads may ask at once."""

    coded: bool  # it takes numbers, one line a column
    says: str  # what it is, for people
    why: str  # why this form answers, and what was proven of it; empty: nothing is known

    def predict(self, taken: Taken) -> Outputs:
        """Return named columns, one value a row; ModelFailed where the model failed."""
        ...


class Timing(msgspec.Struct, frozen=True):
    """How long a form takes, as measured when it was loaded."""

    fixed_s: float
    row_s: float

    def of(self, rows: int) -> float:
        """Return how long so many rows should take."""
        return self.fixed_s + self.row_s * rows


class Session:
    """A converted form: an input a column, each of one number a row."""

    coded = True
    says = "ONNX, converted and verified"
    why = ""

    def __init__(self, session: Any, signature: Signature) -> None:
        # A session's own run first checks names and owners of what it is given, for a fifth of the
        # time of one row; here the names are the session's own, and the values plain arrays.
        self._run = getattr(session, "_sess", session).run
        self._names = [one.name for one in session.get_inputs()]
        self._outputs = [one.name for one in session.get_outputs()]
        places = _places(self._names, [one.name for one in signature.inputs])
        self._places = None if places == list(range(len(places))) else places

    @classmethod
    def opened(cls, conversion: Conversion, place: Path) -> "Session":
        """Return the form that lies at a place; NotProven where it is not that of the record."""
        return cls(session_at(conversion, place), conversion.signature)

    def predict(self, taken: NDArray[np.float64]) -> Outputs:
        """Return the graph's outputs under the names that models have.

        The runtime raises e to two powers at a time, and a last one alone may come out one ulp
        away; so rows go in pairs, and a row is answered the same whatever goes with it.
        """
        rows = taken.shape[1]
        if rows % 2:
            taken = np.concatenate((taken, taken[:, -1:]), axis=1)
        lines = taken[:, :, None] if self._places is None else taken[self._places, :, None]
        feed = dict(zip(self._names, lines, strict=True))
        answers = self._run(self._outputs, feed, None)
        return {name: one[:rows] for name, one in zip(self._outputs, answers, strict=True)}


class Itself:
    """The model as it was stored, with its own format's library, on columns."""

    coded = False

    def __init__(self, model: Model) -> None:
        self._model = model
        self.says, self.why = f"{model.format}, not converted", ""

    def predict(self, taken: Mapping[str, Any]) -> Outputs:
        """Return what the model answers; the rows were checked before."""
        table = Table(taken)
        try:
            found, _ = self._model.predict(table)
        except SystemExit as error:  # a model's code must not end the server
            raise failure(self, error) from error
        columns = found.columns()
        for name, one in columns.items():
            if one.shape != (table.rows,):
                raise ModelFailed(
                    f"the model ({self.says}) does not answer one value a row: {name!r} has the"
                    f" shape {one.shape} for {table.rows} rows",
                    remedy="Ask it for a few rows with: trueup gate",
                )
        return columns


def timed(form: Form, sample: Taken) -> Timing:
    """Return how long a form takes for one row and for many of a sample; warms it up too."""
    one_s = _best(form, sample)
    rows = max(2, min(_MANY, int(_MEASURED_S / max(one_s, 1e-9))))  # of a slow one few
    many_s = _best(form, joined(form, [sample] * rows))
    row_s = max(0.0, (many_s - one_s) / (rows - 1))
    return Timing(max(0.0, one_s - row_s), row_s)


def joined(form: Form, parts: Sequence[Taken]) -> Taken:
    """Return the rows of several requests as one."""
    if len(parts) == 1:
        return parts[0]
    if form.coded:
        return np.concatenate(parts, axis=1)
    return {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}


def failure(form: Form, error: BaseException) -> ModelFailed:
    """Return an error of a model's own code as one that may be said aloud."""
    return ModelFailed(
        f"the model ({form.says}) failed on the rows: {short(error)}",
        remedy="Check the values against the data that it was trained on",
    )


def _best(form: Form, taken: Taken) -> float:
    best, end_s = float("inf"), time.perf_counter() + _MEASURED_S
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        form.predict(taken)
        best = min(best, time.perf_counter() - start)
        if time.perf_counter() > end_s:
            break
    return best


def _places(wanted: Sequence[str], known: Sequence[str]) -> list[int]:
    return [list(known).index(name) for name in wanted]
