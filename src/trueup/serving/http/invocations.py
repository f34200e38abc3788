"""SageMaker's GET /ping and POST /invocations, with the payloads of MLflow's servers and CSV."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trueup.models.signature import Field
from trueup.serving.http.messages import (
    Reply,
    Request,
    by_row,
    json_reply,
    media_type,
    text_reply,
)
from trueup.serving.plane import Answer, Plane
from trueup.serving.refusals import FieldsWrong, NotReadHere, Unreadable, Wrong
from trueup.serving.rows import Rows, plain_json, within
from trueup.serving.served import Served

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_NOTHING = ("", "nan", "null", "none", "na")
# All up to a NaN that stands in no text, be that one without an end; then the NaN, if there is one.
_NAN = re.compile(rb'((?:[^"N]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|N(?!aN\b))*+)(NaN)?', re.DOTALL)
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


async def ping(plane: Plane, request: Request) -> Reply:
    """Say whether requests are answered, as SageMaker asks it."""
    return json_reply({"ready": plane.ready}, 200 if plane.ready else 503)


async def version(plane: Plane, request: Request) -> Reply:
    """Say which version of trueup this is, where MLflow's client asks for its server's."""
    return json_reply(plane.release)


async def invocations(plane: Plane, request: Request) -> Reply:
    """Answer one of MLflow's payload forms, or CSV with or without a header."""
    line = plane.line(request.model, request.version)
    with plane.taken(line) as served:
        kind = media_type(request.headers)
        rows = _rows(served, kind, request.body, line.terms.limits.rows)
        answer = await plane.answer(line, served, rows)
        served = answer.served
    if "text/csv" in str(request.headers.get("accept") or ""):
        return text_reply(_as_csv(answer), "text/csv", served)
    names = list(answer.outputs)
    said: Any = by_row(answer.outputs)
    if len(names) == 1:
        said = answer.outputs[names[0]].tolist()
    reply = {"predictions": said, "ids": answer.ids}
    if answer.explored:
        reply["explore"] = answer.to_be_labelled
    return json_reply(reply, served=served)


def _rows(served: Served, kind: str, body: bytes, most: int) -> Rows:
    if kind in ("text/csv", "application/csv"):
        return _of_csv(served, body, most)
    if kind not in ("application/json", "application/json-numpy-split", ""):
        raise NotReadHere(
            f"{kind[:60]!r} is not read here", remedy="Send application/json or text/csv"
        )
    given = plain_json(_NAN.sub(_missing, body) if b"NaN" in body else body)
    forms = [one for one in _FORMS if isinstance(given, dict) and one in given]
    if len(forms) != 1:
        raise FieldsWrong([Wrong("$", f"needs exactly one of {', '.join(_FORMS)}")])
    form = forms[0]
    return _READERS[form](served, given[form], form, most)


def _missing(found: "re.Match[bytes]") -> bytes:
    return found[1] + b"null" if found[2] else found[1]


def _split(served: Served, given: Any, at: str, most: int) -> Rows:
    names, rows = (given.get("columns"), given.get("data")) if isinstance(given, dict) else (0, 0)
    if not isinstance(rows, list) or not isinstance(names, list | type(None)):
        raise FieldsWrong([Wrong(at, "needs columns and data, both lists")])
    return _matrix(served, rows, f"{at}.data", most, names)


def _records(served: Served, given: Any, at: str, most: int) -> Rows:
    if not isinstance(given, list):
        raise FieldsWrong([Wrong(at, "is not a list of records")])
    within(len(given), most, ())
    return served.reader.listed(given, at)


def _instances(served: Served, given: Any, at: str, most: int) -> Rows:
    if isinstance(given, list) and given and isinstance(given[0], list):
        return _matrix(served, given, at, most, None)
    if isinstance(given, list) and len(served.fields.names) == 1 and _plain(given):
        return _matrix(served, [[one] for one in given], at, most, None)
    return _records(served, given, at, most)


def _inputs(served: Served, given: Any, at: str, most: int) -> Rows:
    if not isinstance(given, dict):
        return _instances(served, given, at, most)
    columns = {name: one if isinstance(one, list) else [one] for name, one in given.items()}
    lengths = {len(one) for name, one in columns.items() if name in served.fields.names}
    if len(lengths) > 1:
        raise FieldsWrong([Wrong(at, "its columns differ in length")])
    count = next(iter(lengths), 0) or len(next(iter(columns.values()), ()))
    within(count, most, ())
    flat = {
        name: [one[0] if isinstance(one, list) and len(one) == 1 else one for one in column]
        for name, column in columns.items()
        if name in served.fields.names
    }
    records = [{name: column[k] for name, column in flat.items()} for k in range(count)]
    return served.reader.listed(records, at)


def _matrix(
    served: Served, rows: list[Any], at: str, most: int, names: Sequence[Any] | None
) -> Rows:
    """Read rows of values; without names they are the signature's, in its order."""
    within(len(rows), most, ())
    wanted = list(served.fields.names) if names is None else [str(one) for one in names]
    _once(wanted, at)
    wrong = [
        Wrong(f"{at}[{k}]", f"has not {len(wanted)} values: {', '.join(wanted)}"[:300])
        for k, row in enumerate(rows)
        if not isinstance(row, list) or len(row) != len(wanted)
    ]
    if wrong:
        raise FieldsWrong(wrong[:20], max(0, len(wrong) - 20))
    records = [dict(zip(wanted, row, strict=True)) for row in rows]
    for name in (one.name for one in served.signature.inputs if one.type == "time"):
        for record in records:
            if record.get(name) == "NaT":  # as pandas writes it
                record[name] = None
    return served.reader.listed(records, at)


def _of_csv(served: Served, body: bytes, most: int) -> Rows:
    try:
        text = body.decode("utf-8-sig")
        cells = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"the CSV cannot be read: {error}"[:200], remedy="Send UTF-8") from None
    names = list(served.fields.names)
    if cells and len(set(names) & {one.strip() for one in cells[0]}) > len(names) // 2:
        names = [one.strip() for one in cells.pop(0)]
    within(len(cells), most, ())
    _once(names, "line[0]")
    fields = {one.name: one for one in served.signature.inputs}
    wrong = [
        Wrong(f"line[{k}]", f"has {len(row)} cells, not {len(names)}")
        for k, row in enumerate(cells)
        if len(row) != len(names)
    ]
    if wrong:
        raise FieldsWrong(wrong[:20], max(0, len(wrong) - 20))
    records = [
        {
            name: _cell(fields[name], cell)
            for name, cell in zip(names, row, strict=True)
            if name in fields
        }
        for row in cells
    ]
    return served.reader.listed(records, "line")


def _once(names: Sequence[str], at: str) -> None:
    twice = [one for one, count in Counter(names).items() if count > 1]
    if twice:
        raise FieldsWrong([Wrong(at, f"has the column {twice[0]!r:.60} twice")])


def _cell(field: Field, cell: str) -> Any:
    """Return a cell as its field's type; what does not fit stays text and is refused as such."""
    word = cell.strip()
    if word.lower() in _NOTHING and not (field.type == "text" and word in field.vocabulary):
        return None
    if field.type == "boolean":
        return _TRUTHS.get(word.lower(), cell)
    if field.type in ("integer", "number"):
        try:
            return float(word)
        except ValueError:
            return cell
    return cell


def _as_csv(answer: Answer) -> str:
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\n")
    out.writerow(answer.outputs)
    out.writerows(zip(*(one.tolist() for one in answer.outputs.values()), strict=True))
    return written.getvalue()


def _plain(values: Sequence[Any]) -> bool:
    return not any(isinstance(one, dict | list) for one in values)


_READERS: Mapping[str, Callable[[Served, Any, str, int], Rows]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _instances,
    "inputs": _inputs,
}
