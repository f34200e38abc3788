"""Many workers' counts as one page for Prometheus: whoever is asked shows the same."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

# Gauges of which the sum means nothing.
_LARGEST = frozenset(
    {
        "trueup_build_info",
        "trueup_model_info",
        "trueup_model_behind",
        "trueup_challenger_info",
        "trueup_challenger_behind",
        "trueup_capture_lag_seconds",
    }
)
_SMALLEST = frozenset({"process_start_time_seconds"})


class Family(msgspec.Struct):
    """One metric: what it is, and its samples by name and labels."""

    name: str
    kind: str = "untyped"
    says: str = ""
    samples: dict[str, float] = {}


def read(text: str) -> dict[str, Family]:
    """Return the families of a page that a worker has written.

    >>> read("# TYPE a counter\\na{x=\\"1\\"} 2\\n")["a"].samples
    {'a{x="1"}': 2.0}
    """
    families: dict[str, Family] = {}
    family = Family("")
    for line in text.splitlines():
        if line.startswith("# "):
            _, what, name, rest = line.split(" ", 3)
            family = families.setdefault(name, Family(name, samples={}))
            if what == "TYPE":
                family.kind = rest
            else:
                family.says = rest
        elif line:
            key, _, value = line.rpartition(" ")
            family.samples[key] = float(value)
    return families


def merged(pages: Iterable[Mapping[str, Family]]) -> dict[str, Family]:
    """Return one page for several: counters and histograms are added, as are most gauges."""
    found: dict[str, Family] = {}
    for page in pages:
        for name, family in page.items():
            into = found.setdefault(name, Family(name, family.kind, family.says, {}))
            for key, value in family.samples.items():
                into.samples[key] = _joined(name, into.samples.get(key), value)
    return found


def lasting(page: Mapping[str, Family]) -> dict[str, Family]:
    """Return what stays true of a worker that has ended: its counters and histograms."""
    return {name: one for name, one in page.items() if one.kind in ("counter", "histogram")}


def without(page: Mapping[str, Family], names: Sequence[str]) -> dict[str, Family]:
    """Return a page without families that somebody else counts for all."""
    return {name: one for name, one in page.items() if name not in names}


def written(page: Mapping[str, Family]) -> str:
    """Return a page as Prometheus reads it."""
    lines = []
    for family in page.values():
        lines += [f"# HELP {family.name} {family.says}", f"# TYPE {family.name} {family.kind}"]
        lines += [f"{key} {_number(value)}" for key, value in family.samples.items()]
    return "\n".join(lines) + "\n"


def _joined(name: str, one: float | None, other: float) -> float:
    if one is None:
        return other
    if name in _LARGEST:
        return max(one, other)
    return min(one, other) if name in _SMALLEST else one + other


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
