"""What a stage's result depends on, and the key made of it."""

import math
from datetime import date, datetime, time
from typing import Any

import msgspec
from blake3 import blake3

from trueup.config.records import Stage
from trueup.store.artifacts import Artifact

KEY_FORMAT = 1


class Inputs(msgspec.Struct, frozen=True):  # omit_defaults goes by identity, a key may not
    """Everything that is declared of a stage, with its present values.

    Equal inputs, equal key: nothing else (time, machine, order of declaration, secrets) is here.
    """

    cmd: tuple[str, ...]
    wdir: str = "."
    deps: dict[str, str] = {}  # name: digest
    params: dict[str, dict[str, Any]] = {}  # file: key: value
    env: dict[str, str] = {}
    environment: dict[str, str] = {}  # lock, python, platform
    outs: tuple[str, ...] = ()  # sorted paths


def inputs_of(
    stage: Stage,
    deps: dict[str, str],
    params: dict[str, dict[str, Any]],
    environment: dict[str, str],
) -> Inputs:
    """Return a stage's inputs from its declaration and the values just read."""
    return Inputs(
        cmd=stage.cmd,
        wdir=stage.wdir,
        deps=deps,
        params={file: plain(values) for file, values in params.items()},
        env=stage.env,
        environment=environment,
        outs=tuple(sorted(out.path for out in stage.outs)),
    )


def key_of(inputs: Inputs) -> str:
    """Return the stage's key: 64 hexadecimal characters of BLAKE3 over the sorted JSON."""
    body = msgspec.json.encode([KEY_FORMAT, inputs], order="sorted")
    return blake3(body).hexdigest()


def plain(value: Any) -> Any:
    """Return a parameter value as JSON that keeps apart what JSON alone would confuse.

    >>> plain({"rate": float("nan"), "day": date(2013, 1, 1), "n": 1})
    {'rate': {'$float': 'nan'}, 'day': {'$date': '2013-01-01'}, 'n': 1}
    """
    if isinstance(value, dict):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    if isinstance(value, datetime | date | time):
        return {"$date": value.isoformat()}
    if isinstance(value, set | frozenset):
        return {"$set": sorted(plain(item) for item in value)}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    return value


def _key(key: Any) -> str:
    """Return a mapping's key as text; ``1`` and ``"1"`` stay different."""
    return key if isinstance(key, str) else f"${type(key).__name__}:{key}"


class Locked(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a stage was last seen to make, and of what."""

    key: str
    inputs: Inputs
    outs: dict[str, Artifact]
    sources: dict[str, Artifact] = {}  # inputs that neither a stage makes nor Git holds
