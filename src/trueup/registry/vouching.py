"""Whose word counts: whether who did something is known from somebody that the project trusts."""

from collections.abc import Iterable

from trueup.config.records import Issuers
from trueup.registry.records import Identity

GITHUB = "https://token.actions.githubusercontent.com"
GOOGLE = "https://accounts.google.com"
AWS = "https://sts.amazonaws.com"


def counts(identity: Identity, issuers: Issuers) -> bool:
    """Say whether an identity is verified by an issuer that counts, for a place that counts."""
    if not identity.verified:
        return False
    if identity.issuer == GITHUB:
        return _within(identity.account, issuers.github)
    if identity.issuer == AWS:
        return identity.account in issuers.aws or identity.name in issuers.aws
    if identity.issuer == GOOGLE:
        return identity.name in issuers.google or identity.account in issuers.google
    return _within(identity.account, issuers.gitlab.get(identity.issuer, ()))


def _within(path: str, places: Iterable[str]) -> bool:
    """Say whether a repository is one of these places, or lies in one of them."""
    found = f"{path.casefold()}/"
    return any(place == "*" or found.startswith(f"{place.casefold()}/") for place in places)
