"""POST /feedback: the truth for predictions, once or in bulk, late, corrected."""

from collections.abc import Sequence
from typing import Any

import msgspec

from trueup.serving.http.messages import Reply, Request, json_reply
from trueup.serving.plane import Plane
from trueup.serving.refusals import FieldsWrong, TooBusy, Wrong
from trueup.serving.rows import unreadable, within

_LONGEST_ID = 200


class Label(msgspec.Struct):
    """One truth."""

    id: str
    label: bool | int | float | str | None


class Labels(msgspec.Struct):
    """Several."""

    labels: list[Label]
    source: str = ""


class One(Label):
    """One, alone."""

    source: str = ""


_MANY = msgspec.json.Decoder(Labels)
_ONE = msgspec.json.Decoder(One)
_LIST = msgspec.json.Decoder(list[Label])


async def feedback(plane: Plane, request: Request) -> Reply:
    """Take ``{"id": .., "label": ..}``, a list of these, or ``{"labels": [...], "source": ..}``.

    200 means that they are on the disk, synced: no crash can cost them any more. Many requests
    share a sync. A later word on an id replaces an earlier one, so that sending labels again does
    no harm. Whether the id was ever given is not looked up.
    """
    line = plane.line(request.model)
    labels, source = _read(request.body)
    within(len(labels), line.terms.limits.rows, ())
    wrong = [
        Wrong(f"labels[{k}].id", f"must have 1 to {_LONGEST_ID} characters")
        for k, one in enumerate(labels)
        if not 0 < len(one.id) <= _LONGEST_ID
    ]
    if wrong:
        raise FieldsWrong(wrong[:20], max(0, len(wrong) - 20))
    ids = [one.id for one in labels]
    if not await plane.labelled(line, ids, [one.label for one in labels], source):
        raise TooBusy(
            "the labels could not be kept: disk or bucket does not keep up",
            remedy="Send them again in a moment",
        )
    return json_reply({"model": line.model, "accepted": len(labels)})


def _read(body: bytes) -> tuple[Sequence[Label], str]:
    try:
        if body[:1] == b"[":
            return _LIST.decode(body), ""
        if b'"labels"' in body:
            many = _MANY.decode(body)
            return many.labels, many.source
        one = _ONE.decode(body)
    except msgspec.ValidationError as error:
        raise FieldsWrong([_placed(error)]) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(error) from None
    return [one], one.source


def _placed(error: Any) -> Wrong:
    text, _, path = str(error).partition(" - at `$")
    return Wrong(path.rstrip("`").lstrip(".") or "$", text)
