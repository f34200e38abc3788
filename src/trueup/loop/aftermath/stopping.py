"""Several retrains in a row: how many have not helped."""

from collections.abc import Sequence

from trueup.loop.events import Effect

_WITHOUT = ("no effect", "harmed")
_OPEN = ("undecided", "cannot be known")


def without_help(effects: Sequence[Effect]) -> int:
    """Return how many of the last retrains have not helped, the newest last.

    What is undecided, or cannot be known, is passed over: it says neither.

    >>> without_help(["helped", "no effect", "undecided", "harmed"])
    2
    """
    count = 0
    for one in reversed(effects):
        if one in _WITHOUT:
            count += 1
        elif one not in _OPEN:
            break
    return count
