"""POST /predict: records in, predictions with their ids out."""

from typing import Any

from trueup.serving.http.messages import Reply, Request, by_row, json_reply
from trueup.serving.plane import Plane


async def predict(plane: Plane, request: Request) -> Reply:
    """Answer ``{"records": [{...}], "ids": [...]}``; ids are made where none are given."""
    line = plane.line(request.model, request.version)
    with plane.taken(line) as served:
        rows = served.reader.records(request.body, line.terms.limits.rows)
        answer = await plane.answer(line, served, rows, exactly=request.version != "")
    served = answer.served
    said: dict[str, Any] = {
        "model": served.named.model,
        "version": served.named.version,
        "ids": answer.ids,
        "predictions": by_row(answer.outputs),
    }
    if answer.flags:
        said["flags"] = [
            {"row": row, "column": flag.column, "kind": flag.kind}
            for flag in answer.flags
            for row in flag.rows
        ]
    if answer.explored:
        said["explore"] = answer.to_be_labelled
    return json_reply(said, served=served)
