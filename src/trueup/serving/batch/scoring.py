"""Have rows answered by a form: in blocks, on several threads, and without those that it cannot."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.errors import TrueupError
from trueup.models.outputs import Outputs
from trueup.serving.batch.reading import taken
from trueup.serving.fields import Fields, Flag
from trueup.serving.forms import Form, failure
from trueup.serving.rows import Rows

BLOCK_ROWS = 4096


class Answered(msgspec.Struct):
    """What a form answered, and which rows it could not."""

    outputs: Outputs  # of the kept rows
    kept: NDArray[np.int64]
    failed: dict[int, str]  # row: why


class Asking(msgspec.Struct, frozen=True):
    """A form with what it needs."""

    form: Form
    fields: Fields
    threads: ThreadPoolExecutor

    def answers(self, rows: Rows) -> Answered:
        """Return the answers; ModelFailed where it fails on rows with nothing unusual.

        What a model cannot take, such as a null where there was none, fails for the rows that
        have it alone.
        """
        blocks = [(k, min(k + BLOCK_ROWS, rows.count)) for k in range(0, rows.count, BLOCK_ROWS)]
        parts = list(self.threads.map(lambda one: self._block(rows, *one), blocks))
        failed: dict[int, str] = {}
        for one in parts:
            failed |= one.failed
        kept = np.concatenate([one.kept for one in parts])
        answered = [one.outputs for one in parts if len(one.kept)]
        names = list(answered[0]) if answered else []
        outputs = {name: np.concatenate([one[name] for one in answered]) for name in names}
        return Answered(outputs, kept, failed)

    def _block(self, rows: Rows, start: int, stop: int) -> Answered:
        here = taken(self.fields, rows, start, stop)
        try:
            return Answered(self._ask(here), np.arange(start, stop), {})
        except TrueupError:
            odd = _odd(rows.flags, start, stop)
            if not len(odd):
                raise
            return self._without(here, np.arange(start, stop), odd - start)

    def _without(self, here: Any, places: NDArray[np.int64], odd: NDArray[np.int64]) -> Answered:
        """Answer the usual rows together, and each unusual one alone."""
        usual = np.delete(np.arange(len(places)), odd)
        failed: dict[int, str] = {}
        alone: dict[int, Outputs] = {}
        for k in odd.tolist():
            try:
                alone[k] = self._ask(_rows(here, [k]))
            except TrueupError as one:
                failed[int(places[k])] = one.problem[:300]
        together = self._ask(_rows(here, usual)) if len(usual) else None
        if together is None and not alone:
            return Answered({}, places[:0], failed)
        parts = ([together] if together is not None else []) + list(alone.values())
        order = np.argsort(np.array([*usual.tolist(), *alone], dtype=np.int64))
        outputs = {name: np.concatenate([one[name] for one in parts])[order] for name in parts[0]}
        kept = np.sort(np.array([*usual.tolist(), *alone], dtype=np.int64))
        return Answered(outputs, places[kept], failed)

    def _ask(self, here: Any) -> Outputs:
        try:
            return self.form.predict(here)
        except TrueupError:
            raise
        except Exception as error:
            raise failure(self.form, error) from error


def _rows(here: Any, chosen: Sequence[int] | NDArray[np.int64]) -> Any:
    if isinstance(here, dict):
        return {name: one[chosen] for name, one in here.items()}
    return np.ascontiguousarray(here[:, chosen])


def _odd(flags: Sequence[Flag], start: int, stop: int) -> NDArray[np.int64]:
    """Return the rows between start and stop that have anything unusual."""
    found = {row for flag in flags for row in flag.rows if start <= row < stop}
    return np.array(sorted(found), dtype=np.int64)
