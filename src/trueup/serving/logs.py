"""Log lines of the server: one a line, as text for people or as JSON for machines.

Each line about a request bears its id. Refusals are told within a bound: who floods the server
with nonsense does not flood its log.
"""

import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import msgspec

Form: TypeAlias = Literal["text", "json"]

ROOT = "trueup"
_TOLD_A_SECOND = 50
_ENCODER = msgspec.json.Encoder()


def set_up(form: Form) -> None:
    """Write what the server logs to standard error; again changes the form."""
    logger = logging.getLogger(ROOT)
    for one in [one for one in logger.handlers if isinstance(one, _Handler)]:
        logger.removeHandler(one)
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    handler.addFilter(Bounded())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def say(text: str) -> None:
    """Tell the operator something as a line of the log."""
    logging.getLogger("trueup.serving").info("%s", text)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a line says beside its words: the request's id, its route and the like."""
    fields: dict[str, Any] = getattr(record, "fields", {})
    return fields


class Bounded(logging.Filter):
    """Lets so many refusals through a second, and says how many more there were."""

    def __init__(self) -> None:
        super().__init__()
        self._second, self._told, self._left_out = 0, 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a line is written."""
        if record.name != "trueup.serving" or "status" not in fields_of(record):
            return True
        second = int(time.monotonic())
        if second != self._second:
            if self._left_out:
                record.msg = f"{record.msg} (and {self._left_out} refusals before it)"
            self._second, self._told, self._left_out = second, 0, 0
        self._told += 1
        if self._told > _TOLD_A_SECOND:
            self._left_out += 1
            return False
        return True


class _Handler(logging.StreamHandler[Any]):
    """Ours, so that it is found again."""


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = f"{_at(record)} {record.levelname.lower()} {record.getMessage()}"
        request_id = fields_of(record).get("request_id")
        if request_id:
            text += f" [request {request_id}]"
        if record.exc_info:
            text += f"\n{self.formatException(record.exc_info)}"
        return text


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return _ENCODER.encode(said).decode()


def _at(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
