"""The port that every format implements, what a consumer trusts, and how a model is refused."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec

from trueup.config.model_entries import TrustEntry
from trueup.errors import NotProven, TrueupError, WrongUsage
from trueup.models.sniffing import Content
from trueup.models.tables import Table

Read = TypeVar("Read")


class Trust(msgspec.Struct, frozen=True):
    """What the consumer's own trueup.yaml lets a model file bring alive; never the file's word."""

    pickle: bool = False  # unpickling runs whatever the file says
    skops: tuple[str, ...] = ()  # types beside the audited ones
    code: tuple[str, ...] = ()  # classes, as module:Class, whose packed code may run
    model: str = "MODEL"  # its name in trueup.yaml, for messages

    @classmethod
    def of(cls, model: str, entry: TrustEntry) -> "Trust":
        """Return what the consumer's configuration of a model says."""
        return cls(entry.pickle, entry.skops, entry.code, model)


class Loaded(Protocol):
    """A model in memory.

    Its ``inputs`` are the columns it declares, in order; none: it takes what it is given. Where
    ``numbers_only``, categories reach it as places in the signature's vocabulary.
    """

    inputs: tuple[str, ...]
    numbers_only: bool

    def predict(self, table: Table) -> dict[str, Any]:
        """Return named output columns, one value a row; the table holds the inputs in order."""
        ...


class Format(Protocol):
    """A way to store a model. Neither method may run, import or write what the file names."""

    name: str

    def detects(self, content: Content) -> bool:
        """Say whether the content, never the name, is of this format."""
        ...

    def load(self, content: Content, trust: Trust) -> Loaded:
        """Return the model; ModelRefused if that takes more than is trusted or can be read."""
        ...


class ModelRefused(WrongUsage):
    """A model file that is not loaded; nothing in it has run."""


class ModelDamaged(NotProven):
    """A model file that is cut off, changed or inconsistent; nothing in it has run."""


class ModelFailed(WrongUsage):
    """A loaded model that could not predict on the table it was given."""


def guarded(read: Callable[[], Read], content: Content, kind: str) -> Read:
    """Return what a library reads; whatever it raises over foreign bytes means they are damaged."""
    try:
        return read()
    except TrueupError:
        raise
    except Exception as error:
        raise ModelDamaged(
            f"it begins like a model of {kind} but cannot be read as one: {short(error)}",
            remedy="Make it again: trueup run, or fetch it again: trueup pull",
            place=str(content.place),
        ) from error


def short(error: BaseException) -> str:
    """Return an error's first line, bounded."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
