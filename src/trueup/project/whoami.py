"""Who is acting: the one that somebody vouches for whose word counts, or a name, unverified."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from trueup.config.records import ID_TOKEN
from trueup.project.identity import google
from trueup.project.identity.asking import Asking, NotVouched, because
from trueup.project.identity.aws import by_aws
from trueup.project.identity.tokens import AUDIENCE, claims_of
from trueup.registry.records import Identity
from trueup.registry.vouching import GITHUB, GOOGLE, counts

_GITHUB = ".actions.githubusercontent.com"
_URL, _TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_NOTHING = Asking()


def whoami(env: Mapping[str, str], address: str, asking: Asking = _NOTHING) -> Identity:
    """Return who is acting here. Address is the one that Git knows, if any."""
    return vouched(env, asking) or unverified(env, address)


def vouched(env: Mapping[str, str], asking: Asking = _NOTHING) -> Identity | None:
    """Return whom somebody vouches for whose word counts; why nobody does is said, if one tried.

    The environment belongs to whoever acts here, so it may bring a token and never says who is
    to be believed: that is what the project says.
    """
    for way in (_by_github, _by_token, google.by_google, by_aws):
        try:
            found = way(env, asking)
        except NotVouched as why:
            asking.tell(str(why))
            continue
        if found is not None and counts(found, asking.issuers):
            return found
        if found is not None:
            where = f" of {found.account}" if found.account else ""
            asking.tell(f"{found}{where} is not among those whom identity: counts")
    return None


def unverified(env: Mapping[str, str], address: str) -> Identity:
    """Return who says to be acting here."""
    names = (env.get(name, "") for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN"))
    known = (env.get(name, "") for name in ("USER", "LOGNAME", "USERNAME"))
    return Identity(next((name for name in (*names, address, *known) if name), "nobody"))


def _by_github(env: Mapping[str, str], asking: Asking) -> Identity | None:
    """Ask GitHub for its token: it comes from GitHub over TLS, and needs no further proof."""
    url, token = env.get(_URL, ""), env.get(_TOKEN, "")
    if not url or not token or not asking.issuers.github:
        return None
    if not _is_githubs(url):
        raise NotVouched(f"{_URL} is no address of GitHub's")
    bearer = {"Authorization": f"bearer {token}"}
    try:
        answer = json.loads(asking.fetch(f"{url}&audience={AUDIENCE}", bearer))
        claims = _claims(answer["value"])
        if claims["iss"] != GITHUB:
            raise NotVouched("GitHub answered with a token of somebody else")
        return Identity(
            str(claims["sub"]),
            verified=True,
            issuer=GITHUB,
            person=str(claims.get("actor", "")),
            account=str(claims.get("repository", "")),
        )
    except OSError as error:
        raise NotVouched(f"GitHub was asked, but {because(error)}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise NotVouched("GitHub was asked, but did not answer with a token") from error


def _is_githubs(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and (parts.hostname or "").endswith(_GITHUB)


def _claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def _by_token(env: Mapping[str, str], asking: Asking) -> Identity | None:
    """Verify the token that a job was given: GitLab's, or one of a service account of Google's."""
    token = env.get(ID_TOKEN, "").strip()
    if not token:
        return None
    issuers = [name for name, places in asking.issuers.gitlab.items() if places]
    issuers += [GOOGLE] if asking.issuers.google else []
    try:
        claims = claims_of(token, issuers, asking)
    except NotVouched as why:
        raise NotVouched(f"{ID_TOKEN}: {why}") from why
    if claims["iss"] == GOOGLE:
        return google.identity_of(claims)
    person = str(claims.get("user_login") or claims.get("user_email") or "")
    return Identity(
        str(claims["sub"]),
        verified=True,
        issuer=str(claims["iss"]),
        person=person,
        address=str(claims.get("user_email") or ""),
        account=str(claims.get("project_path") or ""),
    )
