"""Nested values as one level of dotted names, and names across files."""

from collections.abc import Iterator, Mapping
from typing import Any

from trueup.pipeline.tracking.records import Flat


def flatten(value: Any) -> Flat:
    r"""Return a file's values by dotted name; lists and empty maps stay values.

    A dot inside a key is escaped, so that different values never share a name.

    >>> flatten({"train": {"depth": 8, "grid": [1, 2]}, "a.b": {}})
    {'train.depth': 8, 'train.grid': [1, 2], 'a\\.b': {}}
    >>> flatten(0.7)
    {'value': 0.7}
    """
    if not isinstance(value, Mapping):
        return {"value": value}
    return dict(_leaves(value, ""))


def named(files: Mapping[str, Flat]) -> Flat:
    """Return the values of several files; a name that several hold is ``FILE:name`` in the later.

    >>> named({"a.json": {"auc": 1}, "b.json": {"auc": 2, "f1": 3}})
    {'auc': 1, 'b.json:auc': 2, 'f1': 3}
    """
    if len(files) == 1:
        return next(iter(files.values()))
    together: Flat = {}
    for file, values in files.items():
        for name, value in values.items():
            together[f"{file}:{name}" if name in together else name] = value
    return together


def _leaves(value: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        name = prefix + str(key).replace("\\", "\\\\").replace(".", "\\.")
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, name + ".")
        else:
            yield name, item
