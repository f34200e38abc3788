"""Golden requests of the model of this checkout: rows of its evaluation data, and its answers."""

from typing import TYPE_CHECKING, Any

from trueup.delivery.subject import Subject
from trueup.errors import WrongUsage
from trueup.models.signature import Field, Signature, narrowed, usual

if TYPE_CHECKING:
    import polars as pl

    from trueup.delivery.elsewhere.predicting import Predicted
    from trueup.models.golden import Golden


def golden_here(subject: Subject, signature: Signature) -> "Golden":
    """Return what the model answers to a few rows, asked with the software of the stages.

    A redacted column has a usual value in place of the rows' own, and where the rows are sealed
    every column has: nothing is kept that may not be. Raises where the model cannot be asked.
    """
    from trueup.models.choosing import chosen, pool
    from trueup.models.golden import ROWS_MOST, golden_of
    from trueup.models.libraries import made_with
    from trueup.models.tables import Table, as_table

    frame = subject.table.frame.select([one.name for one in signature.inputs])
    if _is_sealed(subject):
        made_up = tuple(frame.columns)
        frame = _of_nobody(signature, frame)
    else:
        redacted = subject.entry.serve.capture.redact
        made_up = tuple(name for name in frame.columns if name in redacted)
        frame = _redacted(frame, [one for one in signature.inputs if one.name in made_up])
        frame = frame[pool(as_table(frame))]
    answered = _asked(subject, frame, signature)
    asked, outputs = as_table(frame.select(answered.inputs)), Table(answered.outputs)
    rows = chosen(asked, outputs, ROWS_MOST)
    found = golden_of(
        asked,
        outputs,
        rows,
        made_up=tuple(name for name in made_up if name in asked.names),
        made_with=f"{made_with(answered.library)}, Python {answered.python}",
    )
    if found is None:
        raise WrongUsage(
            "no row can be kept: each is too large, or holds or is answered with an infinity",
            remedy="Look at the rows with: trueup predict",
        )
    return found


def _asked(subject: Subject, frame: "pl.DataFrame", signature: Signature) -> "Predicted":
    from trueup.delivery.elsewhere.own import asked_here
    from trueup.delivery.predicting import asking_of
    from trueup.models.artifact import Reading

    reading = Reading(subject.entry.features, signature)
    path = subject.root / subject.entry.path
    return asked_here(asking_of(subject, subject.table), path, frame, reading)


def _is_sealed(subject: Subject) -> bool:
    evaluate = subject.entry.evaluate
    return evaluate is not None and evaluate.holdout == "sealed"


def _redacted(frame: "pl.DataFrame", fields: list[Field]) -> "pl.DataFrame":
    import polars as pl

    return frame.with_columns(
        pl.lit(usual(one)).cast(frame.schema[one.name]).alias(one.name) for one in fields
    )


def _of_nobody(signature: Signature, frame: "pl.DataFrame") -> "pl.DataFrame":
    """Return rows made of the signature alone: of words, and of numbers between low and high."""
    import polars as pl

    columns = {}
    for place, field in enumerate(narrowed(signature, frame.columns).inputs):
        values = [_made_up(field, (row * (2 * place + 1)) % _ROWS) for row in range(_ROWS)]
        kind = frame.schema[field.name]
        columns[field.name] = pl.Series(field.name, values, strict=False).cast(kind, strict=False)
    return pl.DataFrame(columns)


_ROWS = 32


def _made_up(field: Field, step: int) -> Any:
    if field.nullable and step == _ROWS - 1:
        return None
    if field.vocabulary:
        return field.vocabulary[step % len(field.vocabulary)]
    if field.low is not None and field.high is not None:
        between = field.low + (field.high - field.low) * step / (_ROWS - 1)
        return round(between) if field.type == "integer" else between
    return bool(step % 2) if field.type == "boolean" else usual(field)
