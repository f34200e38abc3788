"""The Open Inference Protocol, version 2, over REST: health, metadata, infer."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.models.signature import Field
from trueup.serving.http.messages import Reply, Request, json_reply
from trueup.serving.http.tensors import (
    Given,
    Parameters,
    blobs,
    datatype_of,
    read_tensor,
    write_tensor,
)
from trueup.serving.plane import Answer, Line, Plane
from trueup.serving.refusals import SHOWN, FieldsWrong, Unreadable, Wrong
from trueup.serving.rows import Rows, unreadable, within
from trueup.serving.served import Served

_LENGTH = "inference-header-content-length"


class Wanted(msgspec.Struct):
    """One output that is asked for."""

    name: str
    parameters: Parameters = msgspec.field(default_factory=Parameters)


class Options(msgspec.Struct):
    """What is said of the request as a whole."""

    binary_data_output: bool = False


class Asked(msgspec.Struct):
    """A request to infer."""

    inputs: list[Given]
    id: str = ""
    outputs: list[Wanted] = []
    parameters: Options = msgspec.field(default_factory=Options)


_DECODER = msgspec.json.Decoder(Asked)


async def server(plane: Plane, request: Request) -> Reply:
    """Say what this server is."""
    return json_reply(
        {"name": "trueup", "version": plane.release, "extensions": ["binary_tensor_data"]}
    )


async def live(plane: Plane, request: Request) -> Reply:
    """Say that the process is alive, whatever its models are."""
    return json_reply({"live": True})


async def ready(plane: Plane, request: Request) -> Reply:
    """Say whether requests are answered; 503 while it ends."""
    return json_reply({"ready": plane.ready}, 200 if plane.ready else 503)


async def model_ready(plane: Plane, request: Request) -> Reply:
    """Say whether one model, or one version of it, answers."""
    line = plane.line(request.model, request.version)
    return json_reply(
        {"name": line.name, "ready": plane.ready}, 200 if plane.ready else 503, line.live
    )


async def model(plane: Plane, request: Request) -> Reply:
    """Say what a model takes and gives."""
    line = plane.line(request.model, request.version)
    served = line.live
    return json_reply(
        {
            "name": line.name,
            "versions": [str(served.named.version)],
            "platform": served.form.says,
            "inputs": [_described(one) for one in served.signature.inputs],
            "outputs": [_described(one) for one in served.outputs],
            "parameters": {
                "digest": served.named.digest,
                "model": served.named.model,
                "trouble": line.trouble,
                **line.on_trial,
            },
        },
        served=served,
    )


async def infer(plane: Plane, request: Request) -> Reply:
    """Answer tensors: one a column, or one matrix of all columns in the signature's order."""
    line = plane.line(request.model, request.version)
    with plane.taken(line) as served:
        asked, behind = _read(request)
        rows = _rows(line, served, asked, behind)
        answer = await plane.answer(line, served, rows, exactly=request.version != "")
    return _reply(line, asked, answer)


def _read(request: Request) -> tuple[Asked, bytes]:
    length = request.headers.get(_LENGTH)
    head, behind = request.body, b""
    if length is not None:
        if not length.isdigit() or int(length) > len(request.body):
            raise Unreadable(
                f"{_LENGTH} is no length within the body", remedy="Say how long the JSON is"
            )
        head, behind = request.body[: int(length)], request.body[int(length) :]
    try:
        return _DECODER.decode(head), behind
    except msgspec.ValidationError as error:
        raise FieldsWrong([_placed(str(error))]) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(error) from None


def _placed(said: str) -> Wrong:
    text, _, path = said.partition(" - at `$")
    return Wrong(path.rstrip("`").lstrip(".") or "$", text)


def _rows(line: Line, served: Served, asked: Asked, behind: bytes) -> Rows:
    parts = blobs(asked.inputs, behind)
    arrays = [
        read_tensor(one, f"inputs[{k}]", part)
        for k, (one, part) in enumerate(zip(asked.inputs, parts, strict=True))
    ]
    names = served.fields.names
    columns: dict[str, NDArray[Any]]
    if len(arrays) == 1 and arrays[0].ndim == 2 and asked.inputs[0].name not in names:
        if arrays[0].shape[1] != len(names):
            raise FieldsWrong(
                [Wrong("inputs[0].shape", f"the model takes {len(names)} columns: {names}"[:300])]
            )
        columns = {name: arrays[0][:, k] for k, name in enumerate(names)}
    else:
        columns = {}
        for k, (one, array) in enumerate(zip(asked.inputs, arrays, strict=True)):
            if one.name not in names:
                continue
            if one.name in columns:
                raise FieldsWrong([Wrong(f"inputs[{k}].name", "is there twice")])
            if array.ndim == 2 and array.shape[1] != 1:
                raise FieldsWrong([Wrong(f"inputs[{k}].shape", "a column is [rows] or [rows, 1]")])
            columns[one.name] = array.reshape(-1)
        if not columns:
            raise FieldsWrong([Wrong(f"inputs.{one}", "is missing") for one in names[:SHOWN]])
    within(len(next(iter(columns.values()), ())), line.terms.limits.rows, ())
    return served.reader.columns(_typed(served, columns), "inputs.")


def _typed(served: Served, columns: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Let whole numbers come as floats, and truths as numbers, as clients send them."""
    for field in served.signature.inputs:
        column = columns.get(field.name)
        if column is None:
            continue
        if field.type == "boolean" and column.dtype.kind in "iuf" and np.isin(column, (0, 1)).all():
            columns[field.name] = column.astype(bool)
    return columns


def _reply(line: Line, asked: Asked, answer: Answer) -> Reply:
    fields = {one.name: one for one in answer.served.outputs}
    wanted = asked.outputs or [Wanted(name) for name in fields]
    described: list[dict[str, Any]] = []
    behind: list[bytes] = []
    for k, one in enumerate(wanted):
        if one.name not in fields:
            raise FieldsWrong([Wrong(f"outputs[{k}].name", f"the model gives {', '.join(fields)}")])
        column = answer.outputs[one.name]
        said = {**_described(fields[one.name]), "shape": [len(column)]}
        binary = one.parameters.binary_data
        if asked.parameters.binary_data_output if binary is None else binary:
            behind.append(write_tensor(fields[one.name], column))
            said["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            said["data"] = column.tolist()
        described.append(said)
    return _joined(line, asked, answer, described, behind)


def _joined(
    line: Line, asked: Asked, answer: Answer, described: Sequence[Any], behind: list[bytes]
) -> Reply:
    said: dict[str, Any] = {
        "model_name": line.name,
        "model_version": str(answer.served.named.version),
        "id": asked.id or (answer.ids[0] if len(answer.ids) == 1 else ""),
        "parameters": {"ids": answer.ids},
        "outputs": described,
    }
    if answer.explored:
        said["parameters"]["explore"] = answer.to_be_labelled
    reply = json_reply(said, served=answer.served)
    if behind:
        reply.headers[0] = ("content-type", "application/octet-stream")
        reply.headers.append((_LENGTH, str(len(reply.body))))
        reply.body = b"".join([reply.body, *behind])
    return reply


def _described(field: Field) -> dict[str, Any]:
    return {"name": field.name, "datatype": datatype_of(field), "shape": [-1]}
