"""Who is acting: the subject that CI vouches for, or the name that a person gives, unverified."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from trueup.registry.records import Identity

AUDIENCE = "trueup"
_GITHUB = ".actions.githubusercontent.com"
_URL, _TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_TIMEOUT_S = 10.0

Fetch = Callable[[str, str], bytes]


def whoami(env: Mapping[str, str], address: str, fetch: Fetch | None = None) -> Identity:
    """Return who is acting here. Address is the one that Git knows, if any.

    GitHub's token comes from GitHub itself over TLS, so its claims need no further proof. Where
    it cannot be had, the name is what the environment says, and unverified.
    """
    url, token = env.get(_URL, ""), env.get(_TOKEN, "")
    if url and token and _is_githubs(url):
        found = _asked(f"{url}&audience={AUDIENCE}", token, fetch or _fetched)
        if found is not None:
            return found
    names = (env.get(name, "") for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN"))
    known = (env.get(name, "") for name in ("USER", "LOGNAME", "USERNAME"))
    return Identity(next((name for name in (*names, address, *known) if name), "nobody"))


def _is_githubs(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and (parts.hostname or "").endswith(_GITHUB)


def _asked(url: str, token: str, fetch: Fetch) -> Identity | None:
    try:
        answer = json.loads(fetch(url, token))
        claims = _claims(answer["value"])
        return Identity(
            str(claims["sub"]),
            verified=True,
            issuer=str(claims["iss"]),
            person=str(claims.get("actor", "")),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _claims(token: str) -> dict[str, object]:
    body = token.split(".")[1]
    claims: dict[str, object] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def _fetched(url: str, token: str) -> bytes:
    from urllib.request import Request, urlopen

    request = Request(url, headers={"Authorization": f"bearer {token}"})  # noqa: S310 - https, checked
    with urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - https, checked above
        body: bytes = answer.read(1 << 20)
    return body
