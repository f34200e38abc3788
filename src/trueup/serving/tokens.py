"""Bearer tokens: what is kept is their digest, what a request needs is their scope.

A token is 32 random bytes, so that a plain digest cannot be guessed back; a digest says nothing to
whoever reads the configuration.
"""

import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Literal, get_args

import msgspec

from trueup.errors import WrongUsage
from trueup.serving.refusals import NotAllowed

Scope = Literal["predict", "feedback", "admin"]
SCOPES: tuple[str, ...] = get_args(Scope)
_PREFIX = "trueup_"


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token that is known: its digest and what it may do."""

    sha256: str
    scopes: tuple[Scope, ...]

    def __post_init__(self) -> None:
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ValueError("sha256 must be 64 hexadecimal characters in lower case")
        if not self.scopes:
            raise ValueError(f"scopes must name some of: {', '.join(SCOPES)}")


class Tokens:
    """Those that one server knows. Without any, predict and feedback are open and admin is shut."""

    def __init__(self, known: Mapping[str, Token]) -> None:
        self._scopes = {one.sha256: frozenset(one.scopes) for one in known.values()}

    def __bool__(self) -> bool:
        return bool(self._scopes)

    def require(self, header: str | None, scope: str) -> None:
        """Raise NotAllowed unless a request's Authorization may do what a scope stands for."""
        if not self._scopes and scope != "admin":
            return
        kind, _, token = (header or "").partition(" ")
        found = None
        if kind.lower() == "bearer":
            found = self._scopes.get(digest_of(token.strip()))
        if found is None:
            raise NotAllowed(
                f"a bearer token with the scope {scope} is needed",
                remedy="Send it as: Authorization: Bearer TOKEN",
            )
        if scope not in found:
            raise NotAllowed(
                f"this token has not the scope {scope}",
                remedy=f"It may: {', '.join(sorted(found))}",
                known=True,
            )


def new_token() -> str:
    """Return a new token; whoever makes it is the only one who ever sees it."""
    return _PREFIX + urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


def digest_of(token: str) -> str:
    """Return what is kept of a token."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def tokens_of(auth: Mapping[str, Any], place: str = "") -> Tokens:
    """Return the tokens that ``serve.auth`` in trueup.yaml gives.

    >>> bool(tokens_of({}))
    False
    """
    unknown = [name for name in auth if name != "tokens"]
    if unknown:
        raise WrongUsage(
            f"serve.auth has no {unknown[0]!r}",
            remedy="It knows: tokens: {NAME: {sha256: DIGEST, scopes: [predict]}}",
            place=place or None,
        )
    try:
        return Tokens(msgspec.convert(auth.get("tokens") or {}, dict[str, Token]))
    except (msgspec.ValidationError, ValueError) as error:
        raise WrongUsage(
            f"serve.auth.tokens: {error}",
            remedy="Make one with: trueup serve --new-token SCOPE",
            place=place or None,
        ) from error
