"""Holds every request, and every answer of a stand-in, against a published description."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

FOLDER = Path(__file__).parent.parent / "descriptions"
ALWAYS = {"401", "403", "404", "429"}  # not listed everywhere, answered everywhere
FILLED: dict[str, Any] = {
    "string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {},
}  # fmt: skip


class Described:
    """One description in OpenAPI 3.0, of which only what is used is there."""

    def __init__(self, name: str) -> None:
        pytest.importorskip("jsonschema", reason="the test environment has no jsonschema")
        text = (FOLDER / name).read_text(encoding="utf-8")
        found = json.loads(text) if name.endswith(".json") else yaml.safe_load(text)
        self.paths: dict[str, dict[str, Any]] = found["paths"]

    def operation(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        """Return the template of a path and what its parts are; an unknown one is a mistake."""
        for template, methods in self.paths.items():
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template))
            found = re.fullmatch(pattern, path)
            if found and method.lower() in methods:
                return template, {name: unquote(part) for name, part in found.groupdict().items()}
        raise LookupError(f"{method} {path} is described nowhere")

    def mistakes(
        self, method: str, template: str, parts: dict[str, str], query: dict[str, str], body: Any
    ) -> list[str]:
        """Return what of a request is not as described; unknown parameters and members count."""
        operation = self.paths[template][method.lower()]
        found = []
        known = {each["name"]: each for each in operation["parameters"]}
        for name, text in {**parts, **query}.items():
            if name not in known:
                found.append(f"{name} is no parameter")
            else:
                found += _wrong(known[name]["schema"], _value(known[name]["schema"], text), name)
        given = {**parts, **query}
        found += [
            f"{name} is missing"
            for name, each in known.items()
            if each.get("required") and name not in given
        ]
        described = operation.get("requestBody")
        if described is None:
            return [*found, *(["a body where none belongs"] if body is not None else [])]
        schema = described["content"]["application/json"]["schema"]
        if body is None and not described.get("required"):
            return found
        return found + _wrong(schema, body, "body") + _unknown(schema, body)

    def answer(self, method: str, template: str, status: int, given: Any) -> Any:
        """Return an answer with what is described and was not given; a wrong one is a mistake."""
        responses = self.paths[template][method.lower()]["responses"]
        if str(status) not in responses:
            if str(status) in ALWAYS:
                return given
            raise AssertionError(f"{method} {template} answers no {status}")
        content = responses[str(status)].get("content")
        if content is None or status >= 400:
            return given
        schema = content["application/json"]["schema"]
        full = filled(schema, given)
        wrong = _wrong(schema, full, "answer")
        assert not wrong, (method, template, wrong)
        return full


def filled(schema: dict[str, Any], given: Any) -> Any:
    """Return what was given, with something of the right type for each required member missing."""
    if isinstance(given, list):
        return [filled(schema.get("items", {}), each) for each in given]
    if not isinstance(given, dict):
        return given
    inner = schema.get("properties", {})
    full = {name: filled(inner.get(name, {}), each) for name, each in given.items()}
    for name in schema.get("required", ()):
        if name not in full:
            full[name] = _something(inner.get(name, {}))
    return full


def _something(schema: dict[str, Any]) -> Any:
    if schema.get("nullable"):
        return None
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return filled(schema, {})
    return FILLED.get(kind or "")


def _wrong(schema: dict[str, Any], value: Any, where: str) -> list[str]:
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

    validator = Draft202012Validator(_modern(schema))
    return [
        f"{where}{error.json_path[1:]}: {error.message}" for error in validator.iter_errors(value)
    ]


def _unknown(schema: dict[str, Any], body: Any) -> list[str]:
    known = schema.get("properties")
    if not known or schema.get("additionalProperties") or not isinstance(body, dict):
        return []
    return [f"{name} is no member of the body" for name in body if name not in known]


def _modern(schema: Any) -> Any:
    """Return a schema of OpenAPI 3.0 as one of JSON Schema: null is a type there."""
    if isinstance(schema, list):
        return [_modern(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    new = {key: _modern(each) for key, each in schema.items() if key not in ("nullable", "format")}
    if schema.get("nullable") and "type" in schema:
        new["type"] = [schema["type"], "null"]
        if "enum" in schema:
            new["enum"] = [*schema["enum"], None]
    return new


def _value(schema: dict[str, Any], text: str) -> Any:
    if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if schema.get("type") == "boolean" and text in ("true", "false"):
        return text == "true"
    return text
