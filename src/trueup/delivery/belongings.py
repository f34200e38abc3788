"""What is kept with a version beside its model: the rows it has seen, and its signature."""

from trueup.delivery.evaluating import evaluation
from trueup.delivery.seen import PART, encode, seen_by
from trueup.delivery.subject import Subject

SIGNATURE = "signature"


def belongings(subject: Subject) -> dict[str, bytes]:
    """Return the bytes of each part by its name; nothing for a model without `evaluate`."""
    import msgspec

    from trueup.models.signature import infer
    from trueup.models.tables import as_table

    if subject.entry.evaluate is None:
        return {}
    table = evaluation(subject.root, subject.entry, subject.digest)
    parts = {PART: encode(seen_by(subject.root, subject.entry, subject.graph))}
    if table.features:
        inputs = as_table(table.frame.select(table.features))
        parts[SIGNATURE] = msgspec.json.encode(infer(inputs))
    return parts
