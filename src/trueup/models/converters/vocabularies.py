"""The vocabularies by which a graph numbers categories: the signature's, and the encoders' own."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from trueup.models.artifact import Model
from trueup.models.converters.encoders import ENCODERS
from trueup.models.converters.graph import UNSEEN
from trueup.models.signature import Field, Signature, infer
from trueup.models.tables import Table


def widened(model: Model, sample: Table, said: Table) -> Signature:
    """Return the signature that the graph's tables are read with.

    A model with encoders of its own tells categories apart that the evaluation data lack, and
    what is unseen from what is missing. Where the signature's own numbers are what the model was
    trained on, they stay as they are.
    """
    known = model.signature or infer(sample, said)
    fields = {field.name: field for field in known.inputs}
    found = infer(sample)
    chosen = [fields.get(field.name, field) for field in found.inputs]
    if not model.loaded.numbers_only:
        words = dict(_words(model.loaded))
        chosen = [_wider(field, words) for field in chosen]
    return Signature(tuple(chosen), infer(said).inputs)


def _wider(field: Field, words: dict[str, set[str]]) -> Field:
    if field.type != "text":
        return field
    more = words.get(field.name, set()) | words.get("", set())
    vocabulary = tuple(sorted({*field.vocabulary, *more}))
    return msgspec.structs.replace(field, vocabulary=vocabulary, unseen=UNSEEN)


def _words(loaded: Any) -> Iterator[tuple[str, set[str]]]:
    """Yield columns with the categories that encoders know of them; all columns without names."""
    found: dict[str, set[str]] = {}
    for categories in getattr(loaded, "categories", ()):  # of a training frame
        found.setdefault("", set()).update(one for one in categories if isinstance(one, str))
    for encoder in _encoders(getattr(loaded, "model", None)):
        named = getattr(encoder, "feature_names_in_", None)
        for place, categories in enumerate(encoder.categories_):
            words = {one for one in np.asarray(categories).tolist() if isinstance(one, str)}
            name = "" if named is None else str(named[place])
            found.setdefault(name, set()).update(words)
    yield from found.items()


def _encoders(model: Any) -> Iterator[Any]:
    """Yield the fitted encoders anywhere in a model."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        one = waiting.pop()
        if one is None or isinstance(one, str | bytes | int | float | type) or id(one) in seen:
            continue
        seen.add(id(one))
        if type(one).__name__ in ENCODERS and hasattr(one, "categories_"):
            yield one
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one
        elif type(one).__module__.startswith("sklearn.") and hasattr(one, "__dict__"):
            waiting += vars(one).values()
