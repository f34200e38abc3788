"""GET /openapi.json: every route, and the fields of the models that are served."""

from typing import TYPE_CHECKING, Any

from trueup.models.signature import Field
from trueup.serving.http.messages import Reply, Request, json_reply
from trueup.serving.plane import Line, Plane
from trueup.serving.rows import LONGEST_ID

if TYPE_CHECKING:
    from trueup.serving.http.table import Route

_TYPES = {"boolean": "boolean", "integer": "integer", "number": "number"}
_ERROR = {"$ref": "#/components/schemas/Error"}
_STATUSES = {
    "400": "The body cannot be read",
    "401": "A token is needed",
    "403": "The token has not the scope",
    "404": "Not served here",
    "413": "The request is too large",
    "415": "The body is of a kind, or packed in a way, that is not read here",
    "422": "Fields are missing or of another type; problems has each one's path",
    "503": "Too busy, or too late; Retry-After says when to come again",
}
_ID = {"type": "string", "minLength": 1, "maxLength": LONGEST_ID}
_IDS = {"type": "array", "items": _ID}
_LABEL = {
    "type": "object",
    "required": ["id", "label"],
    "properties": {
        "id": _ID,
        "label": {"type": ["boolean", "number", "string", "null"]},
    },
}
_OUTPUT = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}, "parameters": {"type": "object"}},
}
_TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": {"type": "string"},
        "data": {"type": "array"},
        "parameters": {"type": "object"},
    },
}


async def openapi(plane: Plane, request: Request) -> Reply:
    """Return the OpenAPI document of this server."""
    return json_reply(document(plane))


def document(plane: Plane) -> dict[str, Any]:
    """Return the document as a value."""
    from trueup.serving.http.routes import ROUTES

    paths: dict[str, Any] = {}
    for route in ROUTES:
        says = route.says
        operation: dict[str, Any] = {"summary": says, "tags": [route.name]}
        operation["operationId"] = f"{route.method.lower()}{route.path}".replace("/", "_")
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": one}
            for name, one in _names(plane).items()
            if "{" + name + "}" in route.path
        ]
        operation["responses"] = _responses(route)
        if route.method == "POST" and route.name in _BODIES:
            operation["requestBody"] = {"required": True, "content": _body(route.name, plane.only)}
        if route.scope:
            operation["security"] = [{"token": []}, {}]
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": f"trueup: {', '.join(plane.lines)}", "version": plane.release},
        "paths": paths,
        "components": {
            "schemas": {"Record": _record(plane.only), "Error": _error()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_BODIES = ("predict", "infer", "invocations", "feedback")


def _body(name: str, line: Line) -> dict[str, Any]:
    record = {"$ref": "#/components/schemas/Record"}
    records = {"type": "array", "items": record, "minItems": 1}
    schemas: dict[str, Any] = {
        "predict": {
            "type": "object",
            "required": ["records"],
            "properties": {"records": records, "ids": _IDS},
        },
        "infer": {
            "type": "object",
            "required": ["inputs"],
            "properties": {
                "id": {"type": "string"},
                "inputs": {"type": "array", "items": _TENSOR},
                "outputs": {"type": "array", "items": _OUTPUT},
            },
        },
        "invocations": {
            "type": "object",
            "minProperties": 1,
            "properties": {
                "dataframe_records": records,
                "dataframe_split": {"type": "object"},
                "instances": {"type": "array"},
                "inputs": {"type": ["object", "array"]},
            },
        },
        "feedback": {"oneOf": [_LABEL, _labels()["properties"]["labels"], _labels()]},
    }
    content: dict[str, Any] = {"application/json": {"schema": schemas[name]}}
    if name == "predict":
        content["application/json"]["example"] = {"records": [example(line)]}
    if name == "invocations":
        content["text/csv"] = {"schema": {"type": "string"}}
    return content


def example(line: Line) -> dict[str, Any]:
    """Return a usual record of a model."""
    from trueup.models.signature import usual

    found = {one.name: usual(one) for one in line.live.signature.inputs}
    return {name: str(one) if hasattr(one, "dtype") else one for name, one in found.items()}


def _labels() -> dict[str, Any]:
    labels = {"type": "array", "items": _LABEL, "minItems": 1}
    return {
        "type": "object",
        "required": ["labels"],
        "properties": {"labels": labels, "source": {"type": "string"}},
    }


def _responses(route: "Route") -> dict[str, Any]:
    kind = {"/": "text/html", "/metrics": "text/plain"}.get(route.path, "application/json")
    schema = _answer(route.name) if kind == "application/json" else {"type": "string"}
    content: dict[str, Any] = {kind: {"schema": schema}}
    if route.name == "invocations":
        content["text/csv"] = {"schema": {"type": "string"}}
    if route.name == "infer":
        content["application/octet-stream"] = {}
    said: dict[str, Any] = {"200": {"description": "Done", "content": content}}
    if route.method == "POST" or "{" in route.path or route.name == "health":
        for status, says in _STATUSES.items():
            said[status] = {
                "description": says,
                "content": {"application/json": {"schema": _ERROR}},
            }
    return said


def _answer(name: str) -> dict[str, Any]:
    """Return what is always in an answer of a route."""
    text, whole = {"type": "string"}, {"type": "integer"}
    rows = {"type": "array", "minItems": 1}
    known: dict[str, dict[str, Any]] = {
        "predict": {"model": text, "version": whole, "ids": _IDS, "predictions": rows},
        "invocations": {"predictions": rows, "ids": _IDS},
        "infer": {"model_name": text, "model_version": text, "id": text, "outputs": rows},
        "feedback": {"model": text, "accepted": whole},
    }
    if name not in known:
        return {}
    return {"type": "object", "required": list(known[name]), "properties": known[name]}


def _names(plane: Plane) -> dict[str, Any]:
    """Return what may stand for the parts of a path."""
    versions = sorted({str(line.live.named.version) for line in plane.lines.values()})
    return {
        "model": {"type": "string", "enum": list(plane.lines)},
        "version": {"type": "string", "enum": versions},
    }


def _record(line: Line) -> dict[str, Any]:
    inputs = line.live.signature.inputs
    return {
        "type": "object",
        "required": [one.name for one in inputs],
        "properties": {one.name: _schema(one) for one in inputs},
    }


def _schema(field: Field) -> dict[str, Any]:
    """Return a field as JSON Schema; what is merely unusual is allowed, so it is described only."""
    if field.type == "other":
        return {}
    found: dict[str, Any] = {"type": [_TYPES.get(field.type, "string"), "null"]}
    if field.type in ("integer", "number"):
        found["type"].append("boolean")  # a truth is 1 or 0
    if field.type == "time":
        found["format"] = "date-time"
    if field.vocabulary:
        some = ", ".join(field.vocabulary[:20])
        found["description"] = f"Usual: {some}{' ...' if len(field.vocabulary) > 20 else ''}"
    elif field.low is not None and field.high is not None:
        found["description"] = f"Usual: {field.low:g} to {field.high:g}"
    if not field.nullable:
        found["description"] = f"{found.get('description', '')}. Usually not null".lstrip(". ")
    return found


def _error() -> dict[str, Any]:
    text = {"type": "string"}
    problem = {"type": "object", "properties": {"path": text, "says": text}}
    return {
        "type": "object",
        "properties": {
            "error": text,
            "remedy": text,
            "request_id": text,
            "problems": {"type": "array", "items": problem},
        },
    }
