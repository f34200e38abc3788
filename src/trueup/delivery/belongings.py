"""What is kept with a version: the rows it has seen, signature, points, golden requests."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from trueup.delivery import points
from trueup.delivery.installed import lacking
from trueup.delivery.sealed import ready
from trueup.delivery.subject import Subject
from trueup.errors import TrueupError

if TYPE_CHECKING:
    from trueup.models.golden import Golden
    from trueup.models.signature import Signature

Say: TypeAlias = Callable[[str], None]
SIGNATURE = "signature"


def belongings(subject: Subject, tell: Say) -> dict[str, bytes]:
    """Return the bytes of each part by its name; rows and signature need `evaluate`.

    WrongUsage where what reads tables is not installed: a version without what it has seen could
    never be compared. What cannot be made otherwise is told.
    """
    measured = points.points_here(subject)
    parts = {points.PART: msgspec.json.encode(measured, order="sorted")} if measured else {}
    if subject.entry.evaluate is None:
        return parts
    if (error := lacking()) is not None:
        raise error
    return parts | _of_rows(subject, tell)


def _of_rows(subject: Subject, tell: Say) -> dict[str, bytes]:
    from trueup.delivery.seen import PART, encode
    from trueup.models.golden import PART as PART_OF_GOLDEN
    from trueup.models.golden import encode_golden
    from trueup.models.signature import infer, narrowed
    from trueup.models.tables import as_table

    entry = subject.entry
    parts = {PART: encode(subject.seen)}
    assert entry.evaluate is not None  # noqa: S101 - asked before
    if not ready(subject.root, entry.evaluate, subject.scope, subject.registry.bucket).may:
        return parts  # sealed: the inputs are not to be looked at here
    table = subject.table
    if not table.features:
        return parts
    signature = infer(as_table(table.frame.select(table.features)))
    golden = _golden(subject, signature, tell)
    if golden is not None:
        signature = narrowed(signature, tuple(golden.inputs))  # the model may take fewer
        parts[PART_OF_GOLDEN] = encode_golden(golden)
    parts[SIGNATURE] = msgspec.json.encode(signature)
    return parts


def _golden(subject: Subject, signature: "Signature", tell: Say) -> "Golden | None":
    """Return the golden requests; a model that cannot be asked here has none, and that is told."""
    from trueup.delivery.golden import golden_here
    from trueup.models.detection import FormatUnknown

    path = subject.entry.path
    if not path or not (subject.root / path).exists():
        return None  # whoever registers it says so
    try:
        return golden_here(subject, signature)
    except FormatUnknown:
        return None  # nothing of ours will ever load it
    except TrueupError as error:
        tell(f"has no golden requests, as it could not be asked: {error.problem}")
        return None
