"""What is kept with a version beside its model: the rows it has seen, its signature, its points."""

from trueup.delivery import points
from trueup.delivery.evaluating import evaluation
from trueup.delivery.seen import PART, encode, seen_by
from trueup.delivery.subject import Subject

SIGNATURE = "signature"


def belongings(subject: Subject) -> dict[str, bytes]:
    """Return the bytes of each part by its name; rows and signature need `evaluate`."""
    import msgspec

    from trueup.models.signature import infer
    from trueup.models.tables import as_table

    measured = points.points_here(subject)
    parts = {points.PART: msgspec.json.encode(measured, order="sorted")} if measured else {}
    if subject.entry.evaluate is None:
        return parts
    table = evaluation(subject.root, subject.entry, subject.digest)
    parts[PART] = encode(seen_by(subject.root, subject.entry, subject.graph))
    if table.features:
        inputs = as_table(table.frame.select(table.features))
        parts[SIGNATURE] = msgspec.json.encode(infer(inputs))
    return parts
