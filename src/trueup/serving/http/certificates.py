"""Looks at certificate and key before anything is served with them."""

import ssl
from pathlib import Path

from trueup.errors import WrongUsage

_APART = ("KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED", "KEY_TYPE_MISMATCH")


def check(certificate: Path | None, key: Path | None) -> None:
    """Raise WrongUsage unless both are there, can be read without a password, and fit."""
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        missing = "--tls-key" if key is None else "--tls-cert"
        raise WrongUsage(
            f"certificate and key go together, and {missing} is missing",
            remedy="Name both, or neither: then it serves without TLS",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _Locked as error:
        raise WrongUsage(
            f"the key in {key} wants a password", remedy="Name a key without one"
        ) from error
    except ssl.SSLError as error:
        apart = any(one in str(error) for one in _APART)
        why = "they do not belong together" if apart else _unreadable(error)
        raise WrongUsage(
            f"{certificate} and {key} cannot be served with: {why}",
            remedy="Name a PEM file with the certificate (and those between it and the authority)"
            " as --tls-cert, and one with its key as --tls-key",
        ) from error
    except OSError as error:
        raise WrongUsage(
            f"{certificate} or {key} cannot be read: {error.strerror}",
            remedy="Let the user that serves read them",
        ) from error


class _Locked(Exception):
    """A password would be asked for, at a terminal that nobody sits at."""


def _no_password() -> str:
    raise _Locked


def _unreadable(error: ssl.SSLError) -> str:
    return f"one of them is not what it should be ({error.reason or 'no PEM'})"
