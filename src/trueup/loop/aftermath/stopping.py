"""Several retrains in a row: how many have not helped, and whether that is enough."""

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


def stopped(effects: Sequence[Effect], stop_after: int) -> str:
    """Return why the loop is to call a person in place of another retrain; empty: it may go on."""
    count = without_help(effects)
    if count < stop_after:
        return ""
    return (
        f"the last {count} retrains whose aftermath is known did not help "
        f"(loop.aftermath.stop_after: {stop_after}): look for another cause than old data"
    )
