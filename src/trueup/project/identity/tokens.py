"""Identity tokens: signed by an issuer that counts, for trueup, and valid now."""

import json
from collections.abc import Collection
from importlib import import_module
from typing import Any

from trueup.project.identity.asking import Asking, NotVouched, because, shown

AUDIENCE = "trueup"
LEEWAY_S = 60  # clocks differ
_KINDS = {"RS256": {"kty": "RSA"}, "ES256": {"kty": "EC", "crv": "P-256"}}
_SHORTEST_RSA = 2048
_REQUIRED = ("exp", "iss", "aud", "sub")
_WORDS = {  # PyJWT's errors in our words: theirs may quote what they were given
    "ExpiredSignatureError": "it has expired",
    "ImmatureSignatureError": "it is not valid yet",
    "InvalidIssuedAtError": "it was issued at no time",
    "InvalidAudienceError": f"it is not for the audience {AUDIENCE} alone",
    "InvalidSignatureError": "its signature is wrong",
}


def claims_of(token: str, issuers: Collection[str], asking: Asking) -> dict[str, Any]:
    """Return what a token says, once its signature and validity are proven; else NotVouched.

    Only issuers named here are asked for their keys: a token may name any. What it is signed
    with is taken from a list of two, never from the token.
    """
    jwt = _library()
    try:
        header = jwt.get_unverified_header(token)
        claimed = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise NotVouched("it is not a token") from error
    issuer, algorithm = claimed.get("iss"), header.get("alg")
    if not isinstance(issuer, str) or issuer not in issuers:
        known = ", ".join(sorted(issuers)) or "none"
        raise NotVouched(
            f"its issuer {shown(issuer)} does not count; under identity: count {known}"
        )
    if not isinstance(algorithm, str) or algorithm not in _KINDS:
        raise NotVouched(f"it is signed by {shown(algorithm)}, not {' or '.join(_KINDS)}")
    key = _key(issuer, header.get("kid"), algorithm, asking)
    return _proven(token, key, algorithm, issuer)


def _library() -> Any:
    try:
        return import_module("jwt")
    except ImportError as missing:
        raise NotVouched(
            "tokens are verified with the extra identity; install it with:"
            " pip install 'trueup[identity]'"
        ) from missing


def _proven(token: str, key: Any, algorithm: str, issuer: str) -> dict[str, Any]:
    jwt = _library()
    unsupported = import_module("cryptography.exceptions").UnsupportedAlgorithm
    try:
        loaded = jwt.PyJWK(key, algorithm=algorithm).key
        if algorithm == "RS256" and loaded.key_size < _SHORTEST_RSA:
            raise NotVouched(f"its issuer's key has less than {_SHORTEST_RSA} bits")
        proven: dict[str, Any] = jwt.decode(
            token,
            loaded,
            algorithms=[algorithm],
            audience=AUDIENCE,
            issuer=issuer,
            leeway=LEEWAY_S,
            options={"require": list(_REQUIRED), "strict_aud": True},
        )
    except jwt.MissingRequiredClaimError as error:
        raise NotVouched(f"it does not say {shown(error.claim)}") from error
    except (jwt.PyJWTError, unsupported, ValueError, TypeError, AttributeError) as error:
        said = _WORDS.get(type(error).__name__, "it, or its issuer's key, is not understood")
        raise NotVouched(said) from error
    return proven


def _key(issuer: str, wanted: object, algorithm: str, asking: Asking) -> dict[str, Any]:
    """Return the one key of an issuer that has this name and is for this algorithm."""
    if not isinstance(wanted, str) or not wanted:
        raise NotVouched("it does not say which of its issuer's keys signed it")
    try:
        told = _document(f"{issuer}/.well-known/openid-configuration", asking)
        if told.get("issuer") != issuer:
            raise NotVouched(f"{issuer} says that it is {shown(told.get('issuer'))}")
        keys = _document(str(told["jwks_uri"]), asking)["keys"]
        kind = _KINDS[algorithm].items()
        found = [
            key
            for key in keys
            if key.get("kid") == wanted
            and key.get("use", "sig") == "sig"
            and key.get("alg", algorithm) == algorithm
            and kind <= key.items()
        ]
    except (OSError, ValueError, RecursionError) as error:
        raise NotVouched(f"{issuer} was asked for its keys, but {because(error)}") from error
    except (LookupError, TypeError, AttributeError) as error:
        raise NotVouched(f"{issuer} was asked for its keys, but did not answer with any") from error
    if len(found) != 1:
        raise NotVouched(f"{issuer} has no key {shown(wanted)} for {algorithm}")
    return dict(found[0])


def _document(url: str, asking: Asking) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asking.fetch(url, {}))
    if not isinstance(found, dict):
        raise TypeError("not a mapping")
    return found
