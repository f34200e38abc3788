"""What is true of an order on every forge."""

import re

from trueup.errors import WrongUsage
from trueup.forges.port import Order

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@=+-]{5,199}")


def check_order(order: Order) -> None:
    """Refuse a decision that a run's title could not be searched for."""
    if not _WORD.fullmatch(order.decision):
        raise WrongUsage(
            f"the decision {order.decision!r} cannot be found again in a run's title",
            remedy="Its name is one word of 6 to 200 letters, digits and ._:/@=+-",
        )


def names_decision(title: str, decision: str) -> bool:
    """Tell whether a title holds the decision as a word of its own.

    >>> names_decision("retrain flight-late d-0123", "d-0123"), names_decision("d-01234", "d-0123")
    (True, False)
    """
    return decision in title.split()
