"""``trueup.log``: each call appends one line to a spool file; light to import, quick to call."""

from __future__ import annotations

import os
from _thread import allocate_lock  # threading costs a millisecond that a script need not pay
from time import time

from trueup.errors import StageFailed, WrongUsage

TYPE_CHECKING = False  # typing itself costs 5 ms
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

SPOOL_VARIABLE = "TRUEUP_POINTS"
RUN_VARIABLE = "TRUEUP_RUN"
STAGE_VARIABLE = "TRUEUP_STAGE"

_LONGEST_NAME = 250

outside_a_run: Callable[[], None] | None = None  # starts a run of the script's own and sets the
# variables above; the package's front door puts it here, as this room may not know who can.

_spool = -1  # file descriptor
_stage = '""'  # as JSON
_names: dict[str, str] = {}  # name: as it stands in a line
_opening = allocate_lock()


def log(
    values: Mapping[str, float] | None = None, /, *, step: float | None = None, **more: float
) -> None:
    """Record one point of live curves, ``log(step=3, loss=0.5)``.

    Inside a stage the point belongs to that run and stage; elsewhere the script becomes a run of
    its own on first use. Threads, forked and started processes may call at once. Names that
    are no Python names go in a mapping: ``log({"val/loss": 0.5}, step=3)``.
    """
    if _spool < 0:
        _open()
    if values is not None:
        more = {**values, **more}
    fields = ",".join(
        [
            (_names.get(name) or _quoted(name))
            + (repr(value) if type(value) is float and value - value == 0 else _number(name, value))
            for name, value in more.items()
        ]
    )
    at_step = "null" if step is None else str(step) if type(step) is int else _step(step)
    line = f"[{time():.6f},{_stage},{at_step},{{{fields}}}]\n".encode()
    try:
        written = os.write(_spool, line)
    except OSError as full:
        raise _unwritten(str(full)) from full
    if written != len(line):
        raise _unwritten("the disk is full")


def _open() -> None:
    global _spool, _stage
    with _opening:
        if _spool >= 0:
            return
        if SPOOL_VARIABLE not in os.environ:
            if outside_a_run is None:
                raise WrongUsage(
                    "log was called outside a run",
                    remedy="Call it as trueup.log(...), or run the script as a stage: trueup run",
                )
            outside_a_run()
        _stage = _json(os.environ.get(STAGE_VARIABLE, ""))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        path = os.environ[SPOOL_VARIABLE]
        try:
            if os.path.dirname(path):  # noqa: PTH120 - pathlib costs 5 ms to import
                os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - as above
            _spool = os.open(path, flags, 0o600)
        except OSError as refused:
            raise _unwritten(str(refused)) from refused


def forget() -> None:
    """Close the spool, so that the next point opens the one that the environment then names."""
    global _spool
    with _opening:
        if _spool >= 0:
            os.close(_spool)
        _spool = -1


def _renew_lock() -> None:
    global _opening
    _opening = allocate_lock()  # a thread of the parent may have held it while it forked


os.register_at_fork(after_in_child=_renew_lock)


def _quoted(name: Any) -> str:
    if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME:
        raise WrongUsage(
            f"{str(name)[:60]!r} cannot be a metric's name",
            remedy=f"Names are text of 1 to {_LONGEST_NAME} characters",
        )
    if not name.isprintable():
        raise WrongUsage(
            f"the metric's name {name!r} holds characters that cannot be shown",
            remedy="Use letters, digits and signs",
        )
    if len(_names) < 10_000:
        return _names.setdefault(name, _json(name) + ":")
    return _json(name) + ":"


def _json(text: str) -> str:
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    import json

    return json.dumps(text)


def _step(step: Any) -> str:
    text = _number("step", step)
    if text[0] == '"':
        raise WrongUsage(f"step is {text[1:-1]}", remedy="Give a finite number as step")
    return text


def _number(name: str, value: Any) -> str:
    """Return what is not a finite float already; nan and infinities become text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__repr__(value)
    if not isinstance(value, float):
        value = _scalar(name, value)
        if isinstance(value, int):
            return repr(value)
    text = float.__repr__(value)
    return text if value - value == 0 else f'"{text}"'


def _scalar(name: str, value: Any) -> float:
    """Return the number in a NumPy scalar, a tensor of one element, a Decimal or the like."""
    item = getattr(value, "item", None)
    try:
        if item is not None:
            value = item()
        elif not isinstance(value, bool | str | bytes) and hasattr(type(value), "__float__"):
            value = float(value)
    except (TypeError, ValueError, RuntimeError):
        pass  # an array of several elements; told below
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongUsage(
            f"{name} is a {type(value).__name__}, not a number",
            remedy=f"Log one number for each name, for example {name}=float(...)",
        )
    return value


def _unwritten(why: str) -> StageFailed:
    return StageFailed(
        f"a point could not be written: {why}",
        remedy=f"Free space where {os.environ.get(SPOOL_VARIABLE, 'the spool')} lies",
    )
