"""One version in memory, ready to answer, and how long it is still asked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np

from trueup.errors import NotProven
from trueup.models.outputs import Outputs
from trueup.models.signature import Field, Signature, usual
from trueup.serving.batching import Batcher
from trueup.serving.fields import Fields, as_column
from trueup.serving.forms import Form, Taken, timed
from trueup.serving.limits import Limits
from trueup.serving.rows import Reader


class Named(msgspec.Struct, frozen=True):
    """Which version it is."""

    model: str  # project/model
    version: int
    digest: str
    alias: str = ""
    environment: str = ""

    def __str__(self) -> str:
        return f"{self.model}/{self.version}"


class Pool(msgspec.Struct, frozen=True):
    """The threads that models run in, where they take long."""

    threads: ThreadPoolExecutor
    workers: int


class Served:
    """A version that answers; it is used by any number of requests, and counts them."""

    def __init__(
        self, named: Named, form: Form, signature: Signature, pool: Pool, serving: "Terms"
    ) -> None:
        self.named, self.form, self.signature = named, form, signature
        self.fields = Fields(signature)
        self.reader = Reader(
            self.fields, coded=form.coded, strict=serving.strict, key=serving.sticky_by
        )
        sample = self._sample()
        self.outputs = _checked(named, form, sample)
        self.timing = timed(form, sample)
        self.batcher = Batcher(
            form, self.timing, pool.threads, pool.workers, serving.limits.batch_rows
        )
        self.open = 0
        self._when_free: Callable[[], None] | None = None

    @property
    def told(self) -> str:
        """Say in a line what answers, how quickly, why, and what was proven of it."""
        took_us = self.timing.of(1) * 1e6
        why = f": {self.form.why}" if self.form.why else ""
        return f"{self.named} answers as {self.form.says}, {took_us:.0f} us a row{why}"

    def release(self) -> None:
        """End a request."""
        self.open -= 1
        if self.open == 0 and self._when_free is not None:
            self._when_free()

    def when_free(self, call: Callable[[], None]) -> None:
        """Call once no request is using it any more; at once where none is."""
        self._when_free = call
        if self.open == 0:
            call()

    def _sample(self) -> Taken:
        """Return one usual row, to warm up and to measure with."""
        columns = {one.name: as_column(one, [usual(one)]) for one in self.signature.inputs}
        if self.form.coded:
            return self.fields.coded([one.tolist() for one in columns.values()])
        return columns


class Terms(msgspec.Struct, frozen=True):
    """How versions are served."""

    limits: Limits = Limits()
    strict: bool = False
    sticky_by: str = ""  # the column by whose value a request keeps its version, if any


def _checked(named: Named, form: Form, sample: Taken) -> tuple[Field, ...]:
    """Return the outputs as a first answer has them; NotProven where it is no answer."""
    answer: Outputs = form.predict(sample)
    wrong = [name for name, one in answer.items() if np.shape(one) != (1,)]
    if wrong or not answer:
        raise NotProven(
            f"{named} does not answer one value a row"
            + (f": {wrong[0]!r} has the shape {np.shape(answer[wrong[0]])}" if wrong else ""),
            remedy="Ask it for one row with: trueup gate",
        )
    kinds: dict[str, Any] = {"b": "boolean", "i": "integer", "u": "integer", "f": "number"}
    return tuple(Field(name, kinds.get(one.dtype.kind, "text")) for name, one in answer.items())
