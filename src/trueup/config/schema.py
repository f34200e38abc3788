"""The JSON Schema of trueup.yaml, for editors: written from the same shapes that read the file."""

from typing import Any

from trueup.config.file_entries import ProjectFile
from trueup.config.sections import Field, Later, Section, SectionShape, fields_of
from trueup.config.shapes import (
    Amount,
    Choice,
    Either,
    Formed,
    ListOf,
    MapOf,
    Plain,
    Shape,
    Text,
    Truth,
)

NAME = "urn:trueup:schema:1"
_TEMPLATE = {"type": "string", "pattern": r"\$\{"}
_STAGES = "trueup.config.stage_entries"  # here ${...} may stand for any value


def schema_text() -> str:
    """Return the schema as the file that is published: JSON, indented, a newline at its end."""
    import json

    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the whole grammar."""
    definitions: dict[str, Any] = {}
    _record(ProjectFile, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": NAME,
        "title": "trueup.yaml",
        **definitions.pop("ProjectFile"),
        "$defs": dict(sorted(definitions.items())),
    }


def _record(record: type[Section], definitions: dict[str, Any]) -> dict[str, Any]:
    name = record.__name__
    if name not in definitions:
        definitions[name] = {}  # a record may contain itself
        definitions[name] = _object(record, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _object(record: type[Section], definitions: dict[str, Any]) -> dict[str, Any]:
    fields = fields_of(record)
    templates = record.__module__ == _STAGES
    said: dict[str, Any] = {
        "description": (record.__doc__ or "").strip().splitlines()[0],
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: _property(field, definitions, templates=templates)
            for name, field in fields.items()
        },
    }
    required = [name for name, field in fields.items() if field.required]
    if required:
        said["required"] = required
    if record.exactly_one:
        said["oneOf"] = [{"required": [name]} for name in record.exactly_one]
    if record.at_least_one:
        said["anyOf"] = [{"required": [name]} for name in record.at_least_one]
    return said


def _property(field: Field, definitions: dict[str, Any], *, templates: bool) -> dict[str, Any]:
    said = _shape(field.shape, definitions)
    one_word = isinstance(field.shape, Plain) and said != {"type": "string"}
    if templates and one_word:
        said = {"anyOf": [said, _TEMPLATE]}
    return {"description": field.says, **said}


def _shape(shape: Shape, definitions: dict[str, Any]) -> dict[str, Any]:
    match shape:
        case SectionShape():
            return _record(shape.record, definitions)
        case Later():
            return _record(shape.shape.record, definitions)
        case ListOf():
            return {"type": "array", "items": _shape(shape.item, definitions)}
        case MapOf():
            return {"type": "object", "additionalProperties": _shape(shape.item, definitions)}
        case Either():
            return {"anyOf": [_shape(one, definitions) for one in shape.shapes]}
        case Plain():
            return _plain(shape)
        case _:
            return {}


def _plain(shape: Plain) -> dict[str, Any]:
    match shape:
        case Truth():
            return {"type": "boolean"}
        case Choice():
            return {"enum": list(shape.words)}
        case Formed():
            return {"type": "string", "pattern": f"^(?:{shape.form.pattern})$"}
        case Text():
            pattern = {"pattern": f"^(?:{shape.pattern})$"} if shape.pattern else {}
            return {"type": "string", **pattern}
        case Amount():
            return _amount(shape)
        case _:
            return {"type": "object" if shape.fits({}) else "null"}


def _amount(shape: Amount) -> dict[str, Any]:
    bounds = {
        "minimum": shape.least,
        "maximum": shape.most,
        "exclusiveMinimum": shape.above,
        "exclusiveMaximum": shape.below,
    }
    kind = "integer" if shape.whole else "number"
    return {"type": kind, **{word: bound for word, bound in bounds.items() if bound is not None}}


if __name__ == "__main__":
    import sys

    sys.stdout.write(schema_text())
