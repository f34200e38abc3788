"""Which labels a request bears: ours as they should be, people's as they are."""

from collections.abc import Iterable

OURS = "trueup"


def labels_after(known: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the labels a request should have: those of people stay, ours are replaced.

    >>> labels_after(["urgent", "trueup: inconclusive"], ["trueup", "trueup: pass"])
    ['urgent', 'trueup', 'trueup: pass']
    """
    return list(dict.fromkeys([*(name for name in known if not is_ours(name)), *wanted]))


def is_ours(label: str) -> bool:
    """Tell whether a label is one that trueup sets and takes away."""
    return label == OURS or label.startswith((f"{OURS}:", f"{OURS}-", f"{OURS}/"))
