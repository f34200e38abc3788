"""A model's other form: compared on the evaluation data, and kept by the model's digest."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from trueup.delivery.subject import Candidate, Subject
from trueup.errors import NotProven
from trueup.models.artifact import Model, open_model
from trueup.models.conversions import (
    Bounds,
    Conversion,
    Measured,
    keep_conversion,
    session_of,
)
from trueup.models.libraries import one_thread
from trueup.models.port import Trust
from trueup.models.signature import Signature, decode_signature
from trueup.models.tables import Table, as_table

if TYPE_CHECKING:
    from trueup.models.converting import Converted, Effort


class Form(msgspec.Struct, frozen=True):
    """A model as ONNX, and the record that says whether it answers alike."""

    record: Conversion
    graph: bytes


def convert(subject: Subject, candidate: Candidate, effort: "Effort | None" = None) -> Form:
    """Convert a candidate and compare on the evaluation data; nothing is kept.

    Raises NotConvertible where no form is known, or none was made in time. The libraries that the
    model was made with must be installed here. A version's golden requests are asked, too: they
    know what its own software answered.
    """
    from trueup.delivery.elsewhere.predicting import read_for
    from trueup.models.artifact import Reading
    from trueup.models.converting import Effort
    from trueup.models.converting import convert as converted

    table = _rows(subject)
    with _opened(subject, candidate) as model:
        reading = Reading(subject.entry.features, _signature(subject, candidate))
        reading = read_for(model.inputs, table, reading)
        model = model.read_as(reading)
        with one_thread():
            made = converted(model, table, candidate.model.digest, effort=effort or Effort())
    wrong = "" if made.record.refused else _unlike_golden(subject, candidate, made)
    refused = (wrong,) if wrong else made.record.refused
    return Form(msgspec.structs.replace(made.record, refused=refused), made.graph)


def keep(subject: Subject, form: Form) -> Conversion:
    """Keep a form with its record in the bucket; of a refused one the record alone.

    The record goes to the subject's scope; only what the trusted scope vouches for is used for a
    champion.
    """
    record = form.record
    if not record.refused:
        with TemporaryDirectory(dir=subject.own, prefix="form-") as folder:
            place = Path(folder) / "model.onnx"
            place.write_bytes(form.graph)
            content = subject.results.content
            artifact = subject.results.keep(lambda: content.add(place, sync=True))
        subject.results.share(None, [artifact])
        record = msgspec.structs.replace(record, artifact=artifact)
    bucket = subject.results.remote or subject.results.local
    keep_conversion(bucket, subject.scope.name, record)
    return record


def failed(candidate: Candidate, why: str) -> Form:
    """Return the record of a candidate that has no other form, so that it is not tried again."""
    nothing = Measured(0)
    record = Conversion(
        model=candidate.model.digest,
        to="onnx",
        signature=Signature(()),
        bounds=Bounds(),
        sample=nothing,
        probes=nothing,
        refused=(why,),
    )
    return Form(record, b"")


def _unlike_golden(subject: Subject, candidate: Candidate, made: "Converted") -> str:
    """Return how a form answers a version's golden requests otherwise; empty: it does not."""
    from trueup.models.golden import PART, decode_golden
    from trueup.serving.forms import Session
    from trueup.serving.golden import require_golden

    part = candidate.version.parts.get(PART) if candidate.version else None
    if part is None:
        return ""
    record = made.record
    form = Session(session_of(made.graph), record.signature)
    golden = decode_golden(subject.results.read(part))
    try:
        require_golden("the form", form, record.signature, golden, record.bounds.difference)
    except NotProven as error:
        return error.problem
    return ""


def _rows(subject: Subject) -> Table:
    found = subject.table
    if found.features:
        return as_table(found.frame.select(found.features))
    return as_table(found.frame)


def _signature(subject: Subject, candidate: Candidate) -> Signature | None:
    version = candidate.version
    kept = None if version is None else version.parts.get("signature")
    return None if kept is None else decode_signature(subject.results.read(kept))


@contextmanager
def _opened(subject: Subject, candidate: Candidate) -> Iterator[Model]:
    trust = Trust.of(subject.name.rpartition("/")[2], subject.entry.trust)
    if candidate.here:
        yield open_model(subject.root / subject.entry.path, trust, artifact=candidate.model)
        return
    with TemporaryDirectory(dir=subject.own, prefix="form-") as folder:
        place = Path(folder) / "model"
        subject.results.place(candidate.model, place)
        yield open_model(place, trust)
