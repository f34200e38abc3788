"""The reference of trueup.yaml, from the records that are its grammar."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from trueup.config.file_entries import ProjectFile
from trueup.config.sections import Field, Later, Section, SectionShape, fields_of
from trueup.config.shapes import Either, ListOf, MapOf

INTRODUCTION = """\
# Configuration

A project is a `trueup.yaml`; only `stages` is needed to begin, and a project that has only a
`dvc.yaml` runs as it is. The file is read as YAML 1.2. Unknown keys are refused, and all mistakes
are told at once, each with its line. Sections whose verbs are still to come are checked and kept.

The same as [JSON Schema](../../schema/trueup.schema.json), for editors that complete and check.

Durations are written `90s`, `1h30m`, `2d`, `1w`; sizes `512M`, `8G`.

"""


def config_page() -> str:
    """Return the page; ValueError if a key does not say what it is."""
    return INTRODUCTION + "".join(_sections())


def _sections() -> Iterator[str]:
    waiting: deque[tuple[str, type[Section]]] = deque([("", ProjectFile)])
    seen: set[type[Section]] = {ProjectFile}
    while waiting:
        path, record = waiting.popleft()
        fields = fields_of(record)
        yield f"## {f'`{path}`' if path else 'The file'}\n\n{_summary(record)}\n\n"
        if fields:
            rows = "".join(_row(path, field, record) for field in fields.values())
            yield f"| key | value | default | |\n|---|---|---|---|\n{rows}\n"
        for field in fields.values():
            for below, found in _records(field.shape):
                if found not in seen:
                    seen.add(found)
                    waiting.append((f"{path}.{field.name}{below}".lstrip("."), found))


def _records(shape: Any) -> Iterator[tuple[str, type[Section]]]:
    """Yield the sections that a value of this shape may hold, each with the way to it."""
    match shape:
        case SectionShape():
            yield "", shape.record
        case Later():
            yield "", shape.shape.record
        case ListOf():
            yield from ((f"[]{below}", record) for below, record in _records(shape.item))
        case MapOf():
            yield from ((f".NAME{below}", record) for below, record in _records(shape.item))
        case Either():
            for each in shape.shapes:
                yield from _records(each)


def _row(path: str, field: Field, record: type[Section]) -> str:
    if not field.says:
        raise ValueError(f"{record.__name__}.{field.name} does not say what it is")
    default = "required" if field.required else _default(field.name, record)
    cells = (f"`{field.name}`", _value(field.shape), default, field.says)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _value(shape: Any) -> str:
    """Return what a value is called, and what its items are."""
    match shape:
        case ListOf():
            return f"a list of: {_value(shape.item)}"
        case MapOf():
            return f"a mapping of names to: {_value(shape.item)}"
        case Either():
            return ", or ".join(dict.fromkeys(_value(each) for each in shape.shapes))
        case _:
            return str(shape.expects)


def _default(name: str, record: type[Section]) -> str:
    (field,) = (each for each in msgspec.structs.fields(record) if each.encode_name == name)
    value = field.default
    if value in ("", (), None) or isinstance(value, Section) or value is msgspec.NODEFAULT:
        return ""
    return f"`{msgspec.json.encode(value).decode()}`"


def _summary(record: type[Section]) -> str:
    return (record.__doc__ or "").strip().splitlines()[0]
