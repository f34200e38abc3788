"""Sections of the file: frozen records whose types and notes are their grammar."""

from functools import cache
from importlib import import_module
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from trueup.config.composer import Path
from trueup.config.shapes import (
    WRONG,
    Amount,
    Anything,
    Choice,
    Either,
    Formed,
    ListOf,
    MapOf,
    Plain,
    Reading,
    Shape,
    Text,
    Truth,
    unknown_key,
)
from trueup.config.units import Form


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping with known keys; a field without a default is required.

    ``Annotated[type, "what it is"]`` describes a key; a Shape or Form among the notes replaces
    what the type says. ``exactly_one`` and ``at_least_one`` name keys that go together so.
    """

    marks: ClassVar[tuple[str, ...]] = ()  # keys that tell it from its alternatives
    exactly_one: ClassVar[tuple[str, ...]] = ()
    at_least_one: ClassVar[tuple[str, ...]] = ()


class Field(msgspec.Struct, frozen=True):
    """One key of a section."""

    name: str
    shape: Any  # a Shape
    required: bool
    says: str


class Later:
    """A section whose records are imported when a project first has it."""

    expects = "a mapping"

    def __init__(self, module: str, record: str) -> None:
        self._module, self._record = module, record

    @property
    def shape(self) -> "SectionShape":
        """The section's own shape."""
        return SectionShape(getattr(import_module(self._module), self._record))

    def fits(self, value: Any) -> bool:
        """Say whether the section fits."""
        return self.shape.fits(value)

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return the record."""
        return self.shape.read(value, path, reading)


class SectionShape:
    """A mapping that becomes a record."""

    expects = "a mapping"

    def __init__(self, record: type[Section]) -> None:
        self.record = record

    def fits(self, value: Any) -> bool:
        """Say whether it is a mapping with one of the keys that mark it, if any do."""
        marks = self.record.marks
        return isinstance(value, dict) and (not marks or any(mark in value for mark in marks))

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """Return the record; unknown, missing and conflicting keys are noted."""
        if not isinstance(value, dict):
            return reading.unexpected(path, self.expects, value)
        fields = fields_of(self.record)
        read: dict[str, Any] = {}
        wrong = False
        for key, one in value.items():
            field = fields.get(key) if isinstance(key, str) else None
            if field is None:
                unknown_key(path, key, list(fields), reading)
                wrong = True
                continue
            read[key] = field.shape.read(one, (*path, key), reading)
            wrong = wrong or read[key] is WRONG
        wrong = self._incomplete(read, path, reading) or wrong
        return WRONG if wrong else self.record(**read)

    def _incomplete(self, read: dict[str, Any], path: Path, reading: Reading) -> bool:
        fields = fields_of(self.record)
        missing = [f.name for f in fields.values() if f.required and f.name not in read]
        for name in missing:
            reading.wrong(path, f"the key {name!r} is missing", f"Add it: {fields[name].says}.")
        wrong = bool(missing)
        one, some = self.record.exactly_one, self.record.at_least_one
        given = [name for name in one if name in read]
        if one and len(given) != 1:
            said = " and ".join(given) or "none of them"
            problem = f"exactly one of {', '.join(one)} is wanted, not {said}"
            reading.wrong(path, problem, "Keep one in each item.")
            wrong = True
        if some and not any(name in read for name in some):
            reading.wrong(path, f"none of {', '.join(some)} is given", "Give at least one.")
            wrong = True
        return wrong


@cache
def fields_of(record: type[Section]) -> dict[str, Field]:
    """Return the keys of a section in the order of its record."""
    hints = get_type_hints(record, include_extras=True)
    fields = {}
    for field in msgspec.structs.fields(record):
        hint = hints[field.name]
        notes = hint.__metadata__ if get_origin(hint) is Annotated else ()
        says = next((note for note in notes if isinstance(note, str)), "")
        name = field.encode_name
        fields[name] = Field(
            name, shape_of(hint, optional=not field.required), field.required, says
        )
    return fields


def shape_of(hint: Any, *, optional: bool = False) -> Shape:
    """Return the shape that a type says; ``optional`` takes ``| None`` for "not given"."""
    if get_origin(hint) is Annotated:
        for note in hint.__metadata__:
            if isinstance(note, Form):
                return Formed(note)
            if not isinstance(note, str):
                shape: Shape = note
                return shape
        return shape_of(get_args(hint)[0], optional=optional)
    plain = _plain(hint)
    if plain is not None:
        return plain
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return Choice(parts)
    if origin is tuple:
        return ListOf(shape_of(parts[0]))
    if origin is dict:
        return Plain("a mapping", dict) if parts[0] is Any else MapOf(shape_of(parts[1]))
    if origin in (Union, UnionType):
        kept = [part for part in parts if not (optional and part is NoneType)]
        return shape_of(kept[0]) if len(kept) == 1 else Either(tuple(map(shape_of, kept)))
    raise TypeError(f"no shape for {hint!r}")


_SIMPLE: dict[Any, Shape] = {
    Any: Anything(),
    str: Text(),
    bool: Truth(),
    int: Amount(whole=True),
    float: Amount(),
    NoneType: Plain("nothing", NoneType),
}


def _plain(hint: Any) -> Shape | None:
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if isinstance(hint, type) and issubclass(hint, Section):
        return SectionShape(hint)
    return None
