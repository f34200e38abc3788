"""The signature: names, types, vocabularies and nullability of a model's inputs and outputs."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from trueup.errors import NotProven, WrongUsage, did_you_mean
from trueup.models.tables import Column, Table, listed

Kind = Literal["boolean", "integer", "number", "text", "time", "other"]
VOCABULARY_MOST = 1000  # more different texts than this are free text, not categories
_PROBLEMS_SHOWN = 20


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column."""

    name: str
    type: Kind
    nullable: bool = False
    vocabulary: tuple[str, ...] = ()  # sorted; empty: not text, or free text
    low: float | None = None  # the range seen, of numbers
    high: float | None = None
    unseen: int | None = None  # the code of what is not in the vocabulary; None: as if missing


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with one column; only ``breaks`` keeps a model from predicting."""

    field: str
    kind: Literal["missing", "type", "null", "unseen", "range"]
    says: str
    rows: int = 0  # how many rows have it
    breaks: bool = False


class Signature(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model takes and gives, columns in order; inferred from the evaluation data."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...] = ()
    format: int = 1


class SignatureBroken(WrongUsage):
    """A table that is not what the model was made for; ``problems`` has every column's."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        shown = [f"- {one.field}: {one.says}" for one in problems[:_PROBLEMS_SHOWN]]
        if len(problems) > _PROBLEMS_SHOWN:
            shown.append(f"- and {len(problems) - _PROBLEMS_SHOWN} more")
        super().__init__(
            "the table breaks the model's signature\n  " + "\n  ".join(shown),
            remedy="Give these columns as the model's evaluation data has them",
        )
        self.problems = tuple(problems)


def infer(inputs: Table, outputs: Table | None = None) -> Signature:
    """Say what these columns are. A column without any value is of type other."""
    given = () if outputs is None else tuple(map(_field, outputs.names, outputs.columns().values()))
    return Signature(tuple(map(_field, inputs.names, inputs.columns().values())), given)


def check(signature: Signature, table: Table) -> tuple[Problem, ...]:
    """Return every problem of a table's inputs; columns beyond the signature are not looked at."""
    problems: list[Problem] = []
    for field in signature.inputs:
        if field.name not in table.names:
            near = did_you_mean(field.name, table.names)
            says = f"the column is missing. {near}".strip()
            problems.append(Problem(field.name, "missing", says, breaks=True))
            continue
        problems += _column_problems(field, table.column(field.name))
    return tuple(problems)


def narrowed(signature: Signature, names: Sequence[str]) -> Signature:
    """Return what it says of these inputs alone; a model may take fewer than its table has."""
    chosen = tuple(field for field in signature.inputs if field.name in names)
    return Signature(chosen, signature.outputs)


def require(signature: Signature, table: Table, *, strict: bool = False) -> tuple[Problem, ...]:
    """Raise SignatureBroken if a model cannot take the table; return what is merely unusual.

    With strict, what is unusual (an unseen category, a null, a number out of range) breaks it too.
    """
    problems = check(signature, table)
    if any(one.breaks or strict for one in problems):
        raise SignatureBroken([one for one in problems if one.breaks or strict])
    return problems


def encode(signature: Signature, table: Table) -> Table:
    """Replace categories by their places in the vocabulary.

    What is not in it becomes NaN, or the code that its field has for that.
    """
    columns = table.columns()
    for field in signature.inputs:
        if field.vocabulary and field.name in columns and columns[field.name].dtype.kind == "O":
            codes: dict[Any, float] = {text: float(k) for k, text in enumerate(field.vocabulary)}
            unseen = np.nan if field.unseen is None else float(field.unseen)
            values = columns[field.name].tolist()
            found = [codes.get(one, np.nan if _is_nothing(one) else unseen) for one in values]
            columns[field.name] = np.array(found, dtype=np.float64)
    return Table(columns)


def usual(field: Field) -> Any:
    """Return a value that a field usually has, of no row that there is."""
    if field.vocabulary:
        return field.vocabulary[0]
    if field.low is not None and field.high is not None:
        middle = (field.low + field.high) / 2
        return round(middle) if field.type == "integer" else middle
    plain = {"boolean": False, "integer": 0, "number": 0.0, "text": ""}
    return np.datetime64("2000-01-01") if field.type == "time" else plain.get(field.type)


def encode_signature(signature: Signature) -> bytes:
    """Return a signature as canonical JSON."""
    return msgspec.json.encode(signature)


def decode_signature(body: bytes) -> Signature:
    """Read what encode_signature wrote; NotProven if it is damaged or of a newer trueup."""
    try:
        stored = msgspec.json.decode(body)
        version = stored.get("format", 1) if isinstance(stored, dict) else None
        if version == 1:
            return msgspec.json.decode(body, type=Signature)
    except msgspec.MsgspecError as error:
        raise NotProven(
            f"the model's signature cannot be read: {error}", remedy="Register the model again"
        ) from error
    raise NotProven(
        f"the model's signature has format {version!r}, and this trueup reads format 1",
        remedy="Install a newer trueup: pip install --upgrade trueup",
    )


def _field(name: str, column: Column) -> Field:
    missing = _missing(column)
    present = column[~missing]
    kind = _kind(present)
    nullable = bool(missing.any())
    if kind == "text":
        words = sorted(set(present.tolist()))
        return Field(name, kind, nullable, tuple(words) if len(words) <= VOCABULARY_MOST else ())
    if kind in ("integer", "number"):
        if not np.isfinite(present).all():  # no range holds infinity, and JSON has no word for it
            return Field(name, kind, nullable)
        low, high = float(present.min()), float(present.max())
        return Field(name, kind, nullable, (), low, high)
    return Field(name, kind, nullable)


def _kind(present: Column) -> Kind:
    if len(present) == 0:
        return "other"
    kinds: dict[str, Kind] = {"b": "boolean", "i": "integer", "u": "integer", "f": "number"}
    kinds |= {"M": "time"}
    if present.dtype.kind != "O":
        return kinds.get(present.dtype.kind, "other")
    if all(isinstance(value, str) for value in present):
        return "text"
    return "boolean" if all(isinstance(value, bool | np.bool_) for value in present) else "other"


def _is_nothing(value: Any) -> bool:
    return value is None or value != value


def _missing(column: Column) -> Column:
    if column.dtype.kind == "f":
        return np.isnan(column)
    if column.dtype.kind in "Mm":
        return np.isnat(column)
    if column.dtype.kind == "O":
        return np.array([_is_nothing(one) for one in column.tolist()], dtype=bool)
    return np.zeros(len(column), dtype=bool)


def _column_problems(field: Field, column: Column) -> list[Problem]:
    missing = _missing(column)
    present = column[~missing]
    problems = []
    nulls = int(missing.sum())
    if nulls and not field.nullable:
        says = f"{nulls} of {len(column)} values are missing; none was"
        problems.append(Problem(field.name, "null", says, nulls))
    if len(present) == 0 or field.type == "other":
        return problems
    wrong = _wrong_type(field, present)
    if wrong:
        return [*problems, Problem(field.name, "type", wrong, len(present), breaks=True)]
    beyond = _BEYOND.get(field.type)
    return problems + (beyond(field, present) if beyond else [])


def _wrong_type(field: Field, present: Column) -> str:
    found = _kind(present)
    if found == field.type or (field.type == "number" and found in ("integer", "boolean")):
        return ""
    if field.type == "integer" and found == "boolean":
        return ""
    if field.type == "integer" and found == "number":  # with missing values whole numbers are float
        parts = int((present != np.floor(present)).sum())
        return f"{parts} values are not whole numbers" if parts else ""
    return f"it is {found}, not {field.type}"


def _unseen(field: Field, present: Column) -> list[Problem]:
    if not field.vocabulary:
        return []
    known = set(field.vocabulary)
    foreign = [one for one in present.tolist() if one not in known]
    if not foreign:
        return []
    words = listed([repr(one)[:40] for one in sorted(set(foreign))], most=4)
    says = f"{len(foreign)} values are not in the vocabulary: {words}"
    return [Problem(field.name, "unseen", says, len(foreign))]


def _outside(field: Field, present: Column) -> list[Problem]:
    if field.low is None or field.high is None:
        return []
    rows = int(((present < field.low) | (present > field.high)).sum())
    says = f"{rows} values are outside {field.low:g} to {field.high:g}"
    return [Problem(field.name, "range", says, rows)] if rows else []


_BEYOND: dict[str, Callable[[Field, Any], list[Problem]]] = {
    "text": _unseen,
    "integer": _outside,
    "number": _outside,
}
