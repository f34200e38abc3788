"""The published JSON Schema says what the reader accepts, and is not stale."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from trueup.config.schema import schema, schema_text
from trueup.config.yaml import parse

PUBLISHED = Path(__file__).parents[2] / "schema" / "trueup.schema.json"
WHOLE = (Path(__file__).parent / "whole.yaml").read_text("utf-8")


@pytest.fixture(scope="module")
def validator() -> Any:
    found = pytest.importorskip("jsonschema", reason="the test environment has no jsonschema")
    found.Draft202012Validator.check_schema(schema())
    return found.Draft202012Validator(schema())


def test_the_published_schema_is_what_the_code_says() -> None:
    assert PUBLISHED.read_text("utf-8") == schema_text()


def test_every_key_says_what_it_is() -> None:
    definitions = [schema(), *schema()["$defs"].values()]
    for definition in definitions:
        for name, said in definition["properties"].items():
            assert said["description"], name


def test_the_whole_grammar_is_valid(validator: Any) -> None:
    validator.validate(parse(WHOLE, "trueup.yaml").value)


@pytest.mark.parametrize(
    "text",
    [
        "stages: {a: {cmd: 'x ${item}', foreach: [1]}}",
        "stages: {a: {deps: [x]}}",
        "stages: {a: {cmd: x, timeout: soon}}",
        "stages: {a: {cmd: x, frozen: 'yes'}}",
        "stages: {a: {cmd: x, deps: [{cmd: 1}]}}",
        "projct: x",
        "project: '3'",
        "format: 2",
        "models: {m: {path: p, task: binery}}",
        "models: {m: {path: p, gate: {confidence: 1}}}",
        "models: {m: {path: p, gate: {rules: [{metric: f1}]}}}",
        "models: {m: {path: p, loop: {when: [{drift: {}, skew: {}, do: retrain}]}}}",
        "notify: {oncall: {url: {secert: X}}}",
        "keep: {runs: 90}",
    ],
)
def test_what_the_reader_refuses_is_invalid(validator: Any, text: str) -> None:
    assert not validator.is_valid(parse(text, "trueup.yaml").value)


@pytest.mark.parametrize(
    "text",
    [
        "stages: {a: {cmd: x, timeout: '${t}', retries: '${n}', matrix: {a: [1], b: '${c}'}}}",
        "stages: {a: {foreach: {x: 1}, do: {cmd: x}}, b: {foreach: '${l}', do: {cmd: [x]}}}",
        "stages: {a: {cmd: x, params: [k, {p.toml: null}, {q.json: [k]}], outs: [{o: {}}]}}",
        "stages: {a: {cmd: x, env: {A: 1, B: {secret: true}}, resources: {memory: 8G}}}",
        "environments: {prod: {rules: [{metric: f1, at_least: 0.5}]}}",
    ],
)
def test_what_the_reader_accepts_is_valid(validator: Any, text: str) -> None:
    validator.validate(parse(text, "trueup.yaml").value)


def test_the_schema_is_what_editors_read() -> None:
    read = json.loads(schema_text())
    assert read["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert read["$id"] == import_module("trueup.config.schema").NAME
