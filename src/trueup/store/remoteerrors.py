"""Say what a remote bucket's answer, or silence, means; never more of it than is needed."""

import re
from typing import Literal

from trueup.errors import AccessRefused, RemoteSilent, TrueupError

Kind = Literal["exists", "missing", "past_end", "refused", "again"]

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"(?:<Code>|\(code: )([A-Za-z0-9]{1,80})[<)]")
_DENIED = {"AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
_NO_CREDENTIALS = ("169.254.169.254", "169.254.170.2", "metadata.google.internal")
_SOME_LATER = {408, 425, 429}
_CONFLICT = 409


def kind_of(error: Exception) -> Kind:
    """Return what an error of obstore means: whatever is not known for certain is asked again."""
    name, text = type(error).__name__, str(error)
    status, code = status_of(text), _code_of(text)
    if code in _DENIED or any(word in text for word in _NO_BUCKET):
        return "refused"
    if name in ("AlreadyExistsError", "PreconditionError") or status == _CONFLICT:
        return "exists"
    if isinstance(error, FileNotFoundError):
        return "missing"
    if name in ("PermissionDeniedError", "UnauthenticatedError"):
        return "refused"
    if status == 416 or "Wanted range starting at" in text:
        return "past_end"
    if status is None or status >= 500 or status in _SOME_LATER:
        return "again"
    return "refused"


def status_of(text: str) -> int | None:
    """Return the HTTP status that an error's text speaks of."""
    found = _STATUS.search(text)
    return int(found.group(1)) if found else None


def _code_of(text: str) -> str:
    """Return the server's own word for what went wrong."""
    found = _CODE.search(text)
    return found.group(1) if found else ""


def no_credentials(error: Exception) -> bool:
    """Say whether it was the search for credentials that failed, not the bucket."""
    return any(place in str(error) for place in _NO_CREDENTIALS)


def no_bucket(url: str) -> AccessRefused:
    """Return the error for a URL behind which there is no bucket."""
    return AccessRefused(
        f"{url} does not exist", remedy="Create the bucket first, or mend store: in trueup.yaml"
    )


def refused(error: Exception, url: str, key: str = "") -> AccessRefused:
    """Return the error for an answer that will not change by asking again; of a key, if known."""
    text = str(error)
    if any(word in text for word in _NO_BUCKET):
        return no_bucket(url)
    if no_credentials(error):
        return AccessRefused(
            f"no credentials were found for {url}",
            remedy="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            " (or what your cloud takes in their place)",
        )
    status = status_of(text)
    if status is not None and 300 <= status < 400:
        return AccessRefused(
            f"{url} lies in another region", remedy="Name the bucket's region in AWS_REGION"
        )
    said = _code_of(text) or (f"status {status}" if status else type(error).__name__)
    return AccessRefused(
        f"{url} refused access{f' to {key}' if key else ''}: {said}",
        remedy="Check the credentials and what they may do; see: trueup doctor --bucket",
    )


def silent(error: Exception | None, url: str, waited_s: float) -> TrueupError:
    """Return the error for a bucket that was asked for long enough."""
    if error is not None and no_credentials(error):
        return refused(error, url)
    status = status_of(str(error))
    what = f"status {status}" if status else "no answer"
    return RemoteSilent(
        f"{url} does not answer (asked for {waited_s:.0f} s, last: {what})",
        remedy="Check the network and the endpoint (AWS_ENDPOINT_URL), or try again later",
    )
