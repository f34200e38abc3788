"""How those who vouch for somebody are asked, and what is said where they do not."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from trueup.config.records import Issuers
from trueup.project.identity.web import fetched

_VENDOR = Path("/sys/class/dmi/id/sys_vendor")
_LONGEST = 200  # of somebody else's text in a message


class Fetch(Protocol):
    """Returns what lies at an address; with a body, what is answered to it.

    Raises OSError, which names neither headers nor body, or ValueError, which may.
    """

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes | None = None, /) -> bytes:
        """Ask."""


class NotVouched(Exception):
    """Nobody whose word counts says who is acting, and why not; it never stops anything."""


def maker() -> str:
    """Return who made this machine, as its firmware says: Google, Amazon EC2, or another."""
    try:
        return _VENDOR.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def tell(why: str) -> None:
    """Say on stderr why somebody stays unverified."""
    print(f"trueup: who is acting is not verified: {why}", file=sys.stderr)


class Asking(msgspec.Struct, frozen=True):
    """Whose word counts, and the ways to them."""

    issuers: Issuers = Issuers()
    fetch: Fetch = fetched
    machine: Callable[[], str] = maker
    sts: str = ""  # another address of AWS's token service; empty: AWS's own
    tell: Callable[[str], None] = tell


def shown(text: object) -> str:
    """Return somebody else's text so that it can stand in a message."""
    known = repr(text if isinstance(text, str) else type(text).__name__)
    return known if len(known) <= _LONGEST else f"{known[:_LONGEST]}...'"


def because(error: Exception) -> str:
    """Return why somebody did not answer, without what was asked."""
    code = getattr(error, "code", None)
    if isinstance(code, int):
        return f"it answered with {code}"
    reason = getattr(error, "reason", error)
    if isinstance(error, TimeoutError) or isinstance(reason, TimeoutError):
        return "it did not answer in time"
    if type(reason) is OSError:
        return str(reason)
    if isinstance(reason, OSError) or (isinstance(error, OSError) and isinstance(reason, str)):
        return f"{type(reason).__name__}: {reason}"[:_LONGEST]
    return f"it met a {type(reason).__name__}"  # its text may quote a header
