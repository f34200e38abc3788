"""Tokens: where they come from, for which host, and that nobody ever reads them."""

from collections.abc import Mapping
from typing import Literal, Protocol
from urllib.parse import urlsplit

from trueup.errors import AccessRefused
from trueup.forges.places import Place

# what a token is decides how it signs, what it may do, and whether the checks of what it opens run
TokenKind = Literal["personal", "actions", "app", "job"]


class Token:
    """A secret that prints as what it is and not as what it says."""

    __slots__ = ("_secret", "kind", "source")

    def __init__(self, secret: str, kind: TokenKind, source: str) -> None:
        self._secret, self.kind, self.source = secret, kind, source

    def __repr__(self) -> str:
        return f"Token({self.kind!r}, from {self.source})"

    def __reduce__(self) -> str:
        raise TypeError("a token is not written anywhere")

    def reveal(self) -> str:
        """Return the secret, for a header or for git's own standard input and environment."""
        return self._secret


class Credential(Protocol):
    """Where a token comes from, each time that one is needed."""

    def token(self) -> Token:
        """Return a token that is valid now; raises AccessRefused or RemoteSilent."""


class Fixed:
    """A token that was given."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def token(self) -> Token:
        """Return the token; whether it is valid the forge will tell."""
        return self._token


def from_environment(place: Place, environment: Mapping[str, str]) -> Fixed:
    """Return the token for a place; raises AccessRefused, naming the variables looked at.

    A token goes to the host it is meant for only. ``GITHUB_TOKEN`` and ``GITLAB_TOKEN`` do not
    name theirs: it is the public forge, unless CI or the person says which host it is.
    """
    if not place.trusted:
        variable = "GH_HOST" if place.kind == "github" else "GITLAB_HOST"
        raise AccessRefused(
            f"no token is sent to {place.name}, which nobody has named",
            remedy=f"If it is yours, name it: {variable}={urlsplit(place.web).netloc}",
        )
    names = _github(place, environment) if place.kind == "github" else _gitlab(place, environment)
    for name in names:
        if secret := environment.get(name, "").strip():
            return Fixed(Token(secret, _kind(name, secret, environment), name))
    raise AccessRefused(f"no token for {place.name} was found", remedy=f"Set {' or '.join(names)}")


def _github(place: Place, environment: Mapping[str, str]) -> list[str]:
    host = urlsplit(place.web).netloc
    here = urlsplit(environment.get("GITHUB_SERVER_URL", "https://github.com")).netloc
    public = host == "github.com" or host.endswith(".ghe.com")
    usual = ["GITHUB_TOKEN", "GH_TOKEN"] if public or host == here else []
    own = [] if public else ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"]
    return [*own, *usual]


def _gitlab(place: Place, environment: Mapping[str, str]) -> list[str]:
    here = urlsplit(environment.get("CI_SERVER_URL", "")).netloc
    return ["GITLAB_TOKEN", *(["CI_JOB_TOKEN"] if here == urlsplit(place.web).netloc else [])]


def _kind(name: str, secret: str, environment: Mapping[str, str]) -> TokenKind:
    if name == "CI_JOB_TOKEN" or secret == environment.get("CI_JOB_TOKEN"):
        return "job"
    if secret.startswith("ghs_"):  # an installation's: that of Actions or of an App
        actions = environment.get("GITHUB_ACTIONS") == "true" and name == "GITHUB_TOKEN"
        return "actions" if actions else "app"
    return "personal"
