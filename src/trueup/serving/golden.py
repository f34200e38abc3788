"""A version's golden requests, asked of the very form that is to answer for it."""

import msgspec

from trueup.errors import NotProven, TrueupError
from trueup.models.golden import Golden, Mismatch, mismatch
from trueup.models.port import short
from trueup.models.signature import Signature
from trueup.serving.fields import Fields
from trueup.serving.forms import Form
from trueup.serving.rows import Reader


def verify_golden(
    form: Form, signature: Signature, golden: Golden, difference: float | None = None
) -> Mismatch | None:
    """Return how a form answers otherwise than the version did; None: it answers alike.

    The requests are read from JSON as a client's are. Raises what the form raises on them.
    """
    reader = Reader(Fields(signature), coded=form.coded)
    body = msgspec.json.encode({"records": golden.records()})
    rows = reader.records(body, golden.rows)
    outputs = form.predict(rows.given if rows.coded is None else rows.coded)
    return mismatch(golden, outputs, difference)


def require_golden(
    named: str, form: Form, signature: Signature, golden: Golden, difference: float | None = None
) -> None:
    """Raise NotProven where a form does not answer a version's golden requests as it must."""
    try:
        wrong = verify_golden(form, signature, golden, difference)
    except Exception as error:  # a model's code raises what it likes
        problem = error.problem if isinstance(error, TrueupError) else short(error)
        raise NotProven(
            f"{named} ({form.says}) fails on its own golden requests: {problem}",
            remedy=_remedy(named, golden),
        ) from error
    if wrong is not None:
        raise NotProven(
            f"{named} ({form.says}) does not answer as when it was registered: {wrong}",
            remedy=_remedy(named, golden),
        )


def _remedy(named: str, golden: Golden) -> str:
    made = f" with {golden.made_with}" if golden.made_with else ""
    return (
        f"It was registered{made}: install that, or convert it again with: trueup convert {named}"
    )
