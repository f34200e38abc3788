"""Open a model file or folder, and predict with it on a table, in batches."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from trueup.errors import NotProven, TrueupError, WrongUsage
from trueup.models import archives
from trueup.models.detection import detect
from trueup.models.port import Loaded, ModelFailed, Trust, short
from trueup.models.signature import Problem, Signature, encode, infer, require
from trueup.models.sniffing import Content
from trueup.models.tables import Table, as_table, listed
from trueup.store.artifacts import Artifact
from trueup.store.scan import Scanner

BATCH_ROWS = 65_536


class Reading(msgspec.Struct, frozen=True):
    """How a model's tables are read: its columns in order, and what is known of them."""

    features: tuple[str, ...] = ()  # empty: what the model declares, else the signature, else all
    signature: Signature | None = None


class Model:
    """A model in memory, of whatever format."""

    def __init__(self, format_name: str, loaded: Loaded, reading: Reading) -> None:
        self.format = format_name
        self.signature = reading.signature
        self._loaded = loaded
        self._reading = reading

    @property
    def loaded(self) -> Loaded:
        """What its format has made of the file."""
        return self._loaded

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns it takes, in order; empty where neither it nor its reader says."""
        named = self._reading.features or self._loaded.inputs
        if named or self.signature is None:
            return named
        return tuple(field.name for field in self.signature.inputs)

    def read_as(self, reading: Reading) -> "Model":
        """Return the same model, its tables read in another way."""
        return Model(self.format, self._loaded, reading)

    def predict(
        self, given: Any, *, batch_rows: int = BATCH_ROWS, strict: bool = False
    ) -> tuple[Table, tuple[Problem, ...]]:
        """Return the output columns, and what is unusual about the inputs.

        SignatureBroken if the model has a signature and the table breaks it. The size of batches
        bounds memory and changes no number.
        """
        if batch_rows < 1:
            raise WrongUsage("a batch has at least one row", remedy="Give batch_rows above 0")
        table = as_table(given)
        problems: tuple[Problem, ...] = ()
        if self.signature is not None:
            problems = require(self.signature, table, strict=strict)
        names = self.inputs or table.names
        absent = [name for name in names if name not in table.names]
        if absent:
            raise WrongUsage(
                f"the model takes columns that the table lacks: {listed(absent)}",
                remedy=f"The table has: {listed(table.names)}",
            )
        table = table.select(names)
        parts = [self._predict(one) for one in table.batches(batch_rows)]
        joined = {
            name: parts[0][name] if len(parts) == 1 else np.concatenate([p[name] for p in parts])
            for name in parts[0]
        }
        return Table(joined), problems

    def describe(self, given: Any) -> Signature:
        """Infer the signature from a table, such as the evaluation data; keep it with the model."""
        table = as_table(given)
        table = table.select(self.inputs or table.names)
        return infer(table, self.predict(table)[0])

    def _predict(self, part: Table) -> dict[str, Any]:
        if self._loaded.numbers_only and self.signature is not None:
            part = encode(self.signature, part)
        try:
            answered = self._loaded.predict(part)
        except TrueupError:
            raise
        except Exception as error:  # a model's code raises what it likes
            raise ModelFailed(
                f"the model ({self.format}) failed on the table: {short(error)}",
                remedy="Check the columns' order and types against the data it was trained on",
            ) from error
        wrong = {name: len(one) for name, one in answered.items() if len(one) != part.rows}
        if wrong or not answered:
            raise ModelFailed(
                f"the model ({self.format}) answered {wrong or 'nothing'} for {part.rows} rows",
                remedy="A model answers one value a row",
            )
        return answered


def verify(place: Path, artifact: Artifact) -> None:
    """Raise NotProven unless the bytes at a place are those that a digest names."""
    found = Scanner(place.parent, place.parent / ".unused").scan(place)
    if found is None or found.digest != artifact.digest:
        raise NotProven(
            f"the model is not the one with the digest {artifact.digest[:16]}"
            + (f", but {found.digest[:16]}" if found else ": nothing is there"),
            remedy="Fetch it again: trueup pull",
            place=str(place),
        )


def open_model(
    place: Path,
    trust: Trust | None = None,
    reading: Reading | None = None,
    artifact: Artifact | None = None,
) -> Model:
    """Load a model file or folder of any format, told by its content, never by its name.

    With an artifact its bytes are compared first; not every format notices a changed byte by
    itself. ModelRefused if more than is trusted would come alive, ModelDamaged if it cannot be
    read; in neither case has anything in it run.
    """
    if not place.exists():
        raise WrongUsage("there is no model", remedy="Make it with: trueup run", place=str(place))
    if artifact is not None:
        verify(place, artifact)
    content = Content(place)
    archives.inspect(content)
    kind = detect(content)
    loaded = kind.load(content, trust or Trust())
    return Model(kind.name, loaded, reading or Reading())
