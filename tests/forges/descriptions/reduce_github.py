"""Reduce GitHub's OpenAPI description to what the forges room asks of it.

    npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz package/generated
    python tests/forges/descriptions/reduce_github.py package/generated/api.github.com.json VERSION

Requests are kept whole: parameters, bodies, the status codes of answers. Of answers only the
required members and their plain types are kept, two levels deep, so that the stand-in cannot
answer what GitHub would not.
"""

import json
import sys
from pathlib import Path
from typing import Any

USED = {
    "/user": ["get"],
    "/app": ["get"],
    "/app/installations/{installation_id}/access_tokens": ["post"],
    "/repos/{owner}/{repo}": ["get"],
    "/repos/{owner}/{repo}/installation": ["get"],
    "/repos/{owner}/{repo}/pulls": ["get", "post"],
    "/repos/{owner}/{repo}/pulls/{pull_number}": ["get", "patch"],
    "/repos/{owner}/{repo}/issues/{issue_number}": ["get"],
    "/repos/{owner}/{repo}/issues/{issue_number}/labels": ["put"],
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": ["patch"],
    "/repos/{owner}/{repo}/statuses/{sha}": ["post"],
    "/repos/{owner}/{repo}/dispatches": ["post"],
    "/repos/{owner}/{repo}/actions/runs": ["get"],
    "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches": ["post"],
    "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs": ["get"],
}
WORDS = {"description", "example", "examples", "title", "summary", "externalDocs", "deprecated"}
DEPTH = 2


def reduced(whole: dict[str, Any], version: str) -> dict[str, Any]:
    """Return the part of a description that is used, with every reference resolved."""
    paths = {
        path: {method: _operation(whole, whole["paths"][path], method) for method in methods}
        for path, methods in USED.items()
    }
    return {
        "openapi": whole["openapi"],
        "info": {
            "title": whole["info"]["title"],
            "version": whole["info"]["version"],
            "license": whole["info"]["license"],
            "x-source": f"npm @octokit/openapi {version} (MIT, Octokit contributors), reduced",
        },
        "paths": paths,
    }


def _operation(whole: dict[str, Any], path: dict[str, Any], method: str) -> dict[str, Any]:
    operation = path[method]
    named = [*path.get("parameters", []), *operation.get("parameters", [])]
    kept: dict[str, Any] = {
        "operationId": operation["operationId"],
        "parameters": [_plain(_resolved(whole, each)) for each in named],
        "responses": {
            status: _answer(whole, _resolved(whole, answer))
            for status, answer in operation["responses"].items()
        },
    }
    if "requestBody" in operation:
        kept["requestBody"] = _plain(_resolved(whole, operation["requestBody"]))
    return kept


def _answer(whole: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    content = answer.get("content", {}).get("application/json")
    if content is None:
        return {}
    return {"content": {"application/json": {"schema": _shallow(content["schema"], DEPTH)}}}


def _shallow(schema: dict[str, Any], depth: int) -> dict[str, Any]:
    """Return a schema's types and required members, as deep as this."""
    schema = dict(schema)
    for each in schema.pop("allOf", []):
        schema = {**each, **schema}
    named = ("type", "nullable", "enum", "required")
    kept: dict[str, Any] = {name: schema[name] for name in named if name in schema}
    if depth == 0:
        return {name: kept[name] for name in ("type", "nullable", "enum") if name in kept}
    if "properties" in schema:
        kept["properties"] = {
            name: _shallow(each, depth - 1)
            for name, each in schema["properties"].items()
            if name in schema.get("required", ())
        }
    if "items" in schema:
        kept["items"] = _shallow(schema["items"], depth)
    return kept


def _resolved(whole: dict[str, Any], node: Any, seen: tuple[str, ...] = ()) -> Any:
    if isinstance(node, list):
        return [_resolved(whole, each, seen) for each in node]
    if not isinstance(node, dict):
        return node
    name = node.get("$ref")
    if isinstance(name, str):
        if name in seen:
            return {}
        found: Any = whole
        for part in name.removeprefix("#/").split("/"):
            found = found[part]
        return _resolved(whole, found, (*seen, name))
    return {
        key: _resolved(whole, each, seen)
        for key, each in node.items()
        if key not in ("examples", "example")
    }


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, each in node.items():
        if key == "properties":
            kept[key] = {name: _plain(value) for name, value in each.items()}
        elif key not in WORDS and not key.startswith("x-"):
            kept[key] = _plain(each)
    return kept


def in_lines(description: dict[str, Any]) -> str:
    """Return the description as JSON with one operation on each line."""
    head = {key: each for key, each in description.items() if key != "paths"}
    paths = ",\n".join(
        json.dumps(path)
        + ": {\n"
        + ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in methods.items())
        + "}"
        for path, methods in description["paths"].items()
    )
    return json.dumps(head)[:-1] + ', "paths": {\n' + paths + "\n}}"


if __name__ == "__main__":
    found = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    target = Path(__file__).with_name("github.json")
    text = in_lines(reduced(found, sys.argv[2]))
    target.write_text(text + "\n", encoding="utf-8")
