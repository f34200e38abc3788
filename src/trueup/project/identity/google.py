"""Google says whose service account this is."""

from collections.abc import Mapping
from typing import Any

from trueup.project.identity.asking import Asking, NotVouched, because
from trueup.project.identity.tokens import AUDIENCE, claims_of
from trueup.project.identity.web import PLAIN
from trueup.registry.records import Identity
from trueup.registry.vouching import GOOGLE

_VARIABLES = ("K_SERVICE", "CLOUD_RUN_JOB")
_PATH = "/computeMetadata/v1/instance/service-accounts/default/identity"


def by_google(env: Mapping[str, str], asking: Asking) -> Identity | None:
    """Return the account of the machine that this is, by Google's word; None if not Google's.

    The token comes without TLS from the machine's host; Google's signature proves it.
    """
    there = any(env.get(name) for name in _VARIABLES) or asking.machine() == "Google"
    if not asking.issuers.google or not there:
        return None
    url = f"http://{PLAIN}{_PATH}?audience={AUDIENCE}&format=full"
    try:
        token = asking.fetch(url, {"Metadata-Flavor": "Google"}).decode("ascii").strip()
    except (OSError, ValueError) as error:
        raise NotVouched(f"Google's metadata server was asked, but {because(error)}") from error
    return identity_of(claims_of(token, [GOOGLE], asking))


def identity_of(claims: Mapping[str, Any]) -> Identity:
    """Return the identity that the claims of Google's token stand for: its verified address."""
    address, proven = claims.get("email"), claims.get("email_verified") is True
    if not isinstance(address, str) or "@" not in address or not proven:
        raise NotVouched("Google does not say which account's token it is")
    account = address.rpartition("@")[2]
    return Identity(address, verified=True, issuer=GOOGLE, account=account)
