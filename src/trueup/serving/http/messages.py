"""A request as the edges see it, what they reply, and which status a refusal is."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import msgspec

from trueup.captures.ids import Ids
from trueup.errors import TrueupError
from trueup.serving import refusals
from trueup.serving.served import Served

Headers: TypeAlias = list[tuple[str, str]]
Scope: TypeAlias = Literal["predict", "feedback", "admin", ""]

JSON = "application/json"
REQUEST_ID = "x-request-id"
PROMETHEUS = "text/plain; version=0.0.4"
VERSION_HEADER = "x-model-version"


def _ready_made(value: Any) -> Any:
    if isinstance(value, Ids):
        return msgspec.Raw(value.json())
    raise NotImplementedError(f"{type(value)} has no JSON")


_ENCODER = msgspec.json.Encoder(enc_hook=_ready_made)


class WrongMethod(refusals.Refused):
    """There is something at the path, for another method."""

    def __init__(self, method: str, others: Sequence[str]) -> None:
        super().__init__(f"not with {method[:20]}", remedy=f"Use {' or '.join(others)}")
        self.others = tuple(others)


_STATUSES: tuple[tuple[type[TrueupError], int], ...] = (
    (WrongMethod, 405),
    (refusals.FieldsWrong, 422),
    (refusals.Unreadable, 400),
    (refusals.NotReadHere, 415),
    (refusals.TooMuch, 413),
    (refusals.BeyondShare, 429),
    (refusals.TooLate, 503),
    (refusals.TooBusy, 503),
    (refusals.NotServed, 404),
    (refusals.NotAllowed, 401),
    (TrueupError, 422),  # a model that fails on rows which its signature allows
)


class Request(msgspec.Struct):
    """What came in; names from the path are decoded."""

    body: bytes
    headers: Any  # a mapping with lower-case names, as the server has it
    model: str = ""
    version: str = ""
    query: str = ""


class Reply(msgspec.Struct):
    """What goes out."""

    body: bytes
    status: int = 200
    headers: Headers = msgspec.field(default_factory=lambda: [("content-type", JSON)])


def json_reply(value: Any, status: int = 200, served: Served | None = None) -> Reply:
    """Return a value as JSON, with the version that has answered."""
    headers = [("content-type", JSON)]
    if served is not None:
        headers.append((VERSION_HEADER, str(served.named.version)))
    return Reply(_ENCODER.encode(value), status, headers)


def text_reply(text: str, kind: str, served: Served | None = None) -> Reply:
    """Return text of a media type."""
    headers = [("content-type", f"{kind}; charset=utf-8")]
    if served is not None:
        headers.append((VERSION_HEADER, str(served.named.version)))
    return Reply(text.encode(), 200, headers)


def refusal_reply(error: TrueupError, request_id: str) -> Reply:
    """Return what is said of an error that may be said aloud."""
    status = next(code for kind, code in _STATUSES if isinstance(error, kind))
    said: dict[str, Any] = {"error": error.problem, "remedy": error.remedy}
    said["request_id"] = request_id
    headers = [("content-type", JSON), (REQUEST_ID, request_id)]
    if isinstance(error, refusals.Refused):
        if error.problems:
            said["problems"] = error.problems
        if error.retry_after_s:
            headers.append(("retry-after", str(error.retry_after_s)))
    if isinstance(error, WrongMethod):
        headers.append(("allow", ", ".join(error.others)))
    if isinstance(error, refusals.NotAllowed):
        status = 403 if error.known else 401
        if not error.known:
            headers.append(("www-authenticate", "Bearer"))
    return Reply(_ENCODER.encode(said), status, headers)


def bug_reply(request_id: str) -> Reply:
    """Return what is said of a bug of ours: nothing but where to look."""
    said = {"error": "this is a bug of the server; its log has more", "request_id": request_id}
    return Reply(_ENCODER.encode(said), 500, [("content-type", JSON), (REQUEST_ID, request_id)])


def media_type(headers: Any) -> str:
    """Return the content type of a request without its parameters, in lower case."""
    return str(headers.get("content-type") or "").partition(";")[0].strip().lower()


def by_row(outputs: Any) -> Sequence[Any]:
    """Return output columns as records, ready to be written."""
    columns = [one.tolist() for one in outputs.values()]
    return list(map(_record(tuple(outputs)), *columns))


@lru_cache(64)
def _record(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """Return what is written as a mapping of these names, in half the time that one takes."""
    fields = [(f"f{k}", Any) for k in range(len(names))]
    renamed = {f"f{k}": name for k, name in enumerate(names)}
    return msgspec.defstruct("Record", fields, rename=renamed, gc=False)
