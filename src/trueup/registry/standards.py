"""Digests of what a model is held to: its rules, its code."""

from collections.abc import Mapping

import msgspec

from trueup.config.model_entries import ModelEntry
from trueup.config.target_entries import TargetEntry
from trueup.store.hashing import digest_bytes

_FORMAT = 1


def rules_digest(model: ModelEntry, target: TargetEntry | None = None) -> str:
    """Return the digest of everything in the configuration that a verdict depends on.

    The rules of the model and of the environment, what they take from the gate, and which column
    of the evaluation data is what. Whether a failure stops anything (mode) is not part of it.
    """
    gate = {
        name: getattr(model.gate, name) for name in model.gate.__struct_fields__ if name != "mode"
    }
    evaluate = model.evaluate
    columns = {
        name: getattr(evaluate, name)
        for name in (evaluate.__struct_fields__ if evaluate else ())
        if name not in ("data", "predictions")
    }
    rules = target.rules if target else ()
    held = [_FORMAT, model.task, model.features, gate, columns, rules]
    return digest_bytes(msgspec.json.encode(held, order="sorted"))


def code_digest(lineage: Mapping[str, str]) -> str:
    """Return the digest of the stage keys that led to a model; empty where no stage made it.

    Keys, not a commit: the same code on a branch that was squashed is the same.
    """
    if not lineage:
        return ""
    return digest_bytes(msgspec.json.encode([_FORMAT, sorted(lineage.items())]))
