"""Digests of what a model is held to: its rules, its code."""

from collections.abc import Mapping
from typing import Any

import msgspec

from trueup.config.model_entries import ModelEntry
from trueup.config.target_entries import TargetEntry
from trueup.store.hashing import digest_bytes

_FORMAT = 1
_ROWS = ("data", "predictions")  # which rows: their digest stands beside that of the rules


def rules_digest(model: ModelEntry, target: TargetEntry | None = None) -> str:
    """Return the digest of everything in the configuration that a verdict depends on.

    The rules of the model and of the environment, what they take from the gate, and which column
    of the evaluation data is what. Whether a failure stops anything (mode) is not part of it, nor
    is what has its default: a key that a later trueup knows does not undo the verdicts of today.
    """
    evaluate = _given(model.evaluate) if model.evaluate else {}
    columns = {name: value for name, value in evaluate.items() if name not in _ROWS}
    gate = {name: value for name, value in _given(model.gate).items() if name != "mode"}
    rules = [_given(rule) for rule in target.rules] if target else []
    held = [_FORMAT, model.task, model.features, model.seen, gate, columns, rules]
    return digest_bytes(msgspec.json.encode(held, order="sorted"))


def code_digest(lineage: Mapping[str, str]) -> str:
    """Return the digest of the stage keys that led to a model; empty where no stage made it.

    Keys, not a commit: the same code on a branch that was squashed is the same.
    """
    if not lineage:
        return ""
    return digest_bytes(msgspec.json.encode([_FORMAT, sorted(lineage.items())]))


def _given(value: Any) -> Any:
    """Return what a section says beside its defaults, as plain values."""
    if isinstance(value, msgspec.Struct):
        known = {field.encode_name: field for field in msgspec.structs.fields(value)}
        return {
            name: _given(getattr(value, field.name))
            for name, field in known.items()
            if field.required or getattr(value, field.name) != _default(field)
        }
    if isinstance(value, tuple | list):
        return [_given(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)  # 20 and 20.0 are one limit
    return value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    made = field.default_factory
    return made() if callable(made) else field.default
