"""What is kept with a version beside its model: the rows it has seen, its signature, its points."""

import msgspec

from trueup.delivery import points
from trueup.delivery.installed import lacking
from trueup.delivery.sealed import ready
from trueup.delivery.subject import Subject

SIGNATURE = "signature"


def belongings(subject: Subject) -> dict[str, bytes]:
    """Return the bytes of each part by its name; rows and signature need `evaluate`.

    WrongUsage where what reads tables is not installed: a version without what it has seen could
    never be compared.
    """
    measured = points.points_here(subject)
    parts = {points.PART: msgspec.json.encode(measured, order="sorted")} if measured else {}
    if subject.entry.evaluate is None:
        return parts
    if (error := lacking()) is not None:
        raise error
    return parts | _of_rows(subject)


def _of_rows(subject: Subject) -> dict[str, bytes]:
    from trueup.delivery.seen import PART, encode
    from trueup.models.signature import infer
    from trueup.models.tables import as_table

    entry = subject.entry
    parts = {PART: encode(subject.seen)}
    assert entry.evaluate is not None  # noqa: S101 - asked before
    if not ready(subject.root, entry.evaluate, subject.scope, subject.registry.bucket).may:
        return parts  # sealed: the inputs are not to be looked at here
    table = subject.table
    if table.features:
        inputs = as_table(table.frame.select(table.features))
        parts[SIGNATURE] = msgspec.json.encode(infer(inputs))
    return parts
