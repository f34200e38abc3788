"""Bearer tokens: what is kept is their digest, what a request needs is their scope.

A token is 32 random bytes, so that a plain digest cannot be guessed back; a digest says nothing to
whoever reads the configuration. A name may have several, so that one can follow the other.
"""

import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from trueup.errors import WrongUsage
from trueup.serving.refusals import NotAllowed
from trueup.serving.shares import Share

Scope = Literal["predict", "feedback", "admin"]
SCOPES: tuple[str, ...] = get_args(Scope)
_PREFIX = "trueup_"
_HEXADECIMAL = frozenset("0123456789abcdef")
_OPEN = Share()


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What bears a name: digests or where tokens are found, what they may do, and how much."""

    sha256: str | tuple[str, ...] = ()
    scopes: tuple[Scope, ...] = ()
    secret: str = ""  # an environment variable that holds a token, or several
    file: str = ""  # a file with a token on each line, as orchestrators mount them
    rate: float = 0.0  # requests a second; 0: as many as the server can
    concurrency: int = 0  # requests at once; 0: as many as the server takes

    def __post_init__(self) -> None:
        if any(len(one) != 64 or set(one) - _HEXADECIMAL for one in self.digests):
            raise ValueError("sha256 must be 64 hexadecimal characters in lower case")
        if not self.scopes:
            raise ValueError(f"scopes must name some of: {', '.join(SCOPES)}")
        if not (self.sha256 or self.secret or self.file):
            raise ValueError("one of sha256, secret and file must say what the token is")
        if self.rate < 0 or self.concurrency < 0:
            raise ValueError("rate and concurrency must not be negative")

    @property
    def digests(self) -> tuple[str, ...]:
        """Return the digests that are given as such."""
        return (self.sha256,) if isinstance(self.sha256, str) else self.sha256


class Tokens:
    """Those that one server knows. Without any, predict and feedback are open and admin is shut."""

    def __init__(self, known: Mapping[str, Token]) -> None:
        self._known = [
            (digest, frozenset(one.scopes), share)
            for one in known.values()
            for share in [Share(one.rate, one.concurrency)]
            for digest in one.digests
        ]

    def __bool__(self) -> bool:
        return bool(self._known)

    def require(self, header: str | None, scope: str) -> Share:
        """Return what a request's bearer may take; NotAllowed unless its token has that scope.

        Every digest is compared in full, so that time tells nothing about any.
        """
        if not self._known and scope != "admin":
            return _OPEN
        kind, _, token = (header or "").partition(" ")
        found = None
        if kind.lower() == "bearer":
            given = digest_of(token.strip())
            for digest, scopes, share in self._known:
                if compare_digest(digest, given):
                    found = scopes, share
        if found is None:
            raise NotAllowed(
                f"a bearer token with the scope {scope} is needed",
                remedy="Send it as: Authorization: Bearer TOKEN",
            )
        if scope not in found[0]:
            raise NotAllowed(
                f"this token has not the scope {scope}",
                remedy=f"It may: {', '.join(sorted(found[0]))}",
                known=True,
            )
        return found[1]


class Surroundings(msgspec.Struct, frozen=True):
    """Where tokens are found that the configuration only names."""

    env: Mapping[str, str] = {}
    root: Path = Path()


def new_token() -> str:
    """Return a new token; whoever makes it is the only one who ever sees it."""
    return _PREFIX + urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


def digest_of(token: str) -> str:
    """Return what is kept of a token."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def tokens_of(
    auth: Mapping[str, Any], place: str = "", around: Surroundings | None = None
) -> Tokens:
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
        known = msgspec.convert(auth.get("tokens") or {}, dict[str, Token])
    except (msgspec.ValidationError, ValueError) as error:
        raise WrongUsage(
            f"serve.auth.tokens: {error}",
            remedy="Make one with: trueup serve --new-token SCOPE",
            place=place or None,
        ) from error
    return Tokens({name: _found(name, one, around, place) for name, one in known.items()})


def _found(name: str, token: Token, around: Surroundings | None, place: str) -> Token:
    """Return a token with the digests of those that lie elsewhere; without any it is a mistake."""
    around = around or Surroundings()
    texts = []
    if token.secret:
        texts.append((f"the variable {token.secret}", around.env.get(token.secret, "")))
    if token.file:
        try:
            texts.append((token.file, (around.root / token.file).read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise _missing(name, f"{token.file} cannot be read: {error}", place) from error
    digests = list(token.digests)
    for where, text in texts:
        if not text.split():
            raise _missing(name, f"{where} holds no token", place)
        digests += map(digest_of, text.split())
    return msgspec.structs.replace(token, sha256=tuple(digests))


def _missing(name: str, problem: str, place: str) -> WrongUsage:
    return WrongUsage(
        f"serve.auth.tokens.{name}: {problem}",
        remedy="Put the token there, or its digest as sha256 here",
        place=place or None,
    )
