"""From an s3://, gs:// or az:// URL and the environment to a bucket; nothing is asked yet."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from trueup.errors import WrongUsage
from trueup.store.keys import check_key
from trueup.store.probe import prove
from trueup.store.remote import Clients, RemoteBucket

if TYPE_CHECKING:
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.store import ObjectStore

PATIENCE = "TRUEUP_BUCKET_PATIENCE_S"
_PATIENCE_S = 10.0
_ENDLESS_S = 24 * 3600.0
_SENDING_S = 60.0  # a part of 8 MB at a megabit a second
_ACCESS = "ACCESS_KEY_ID SECRET_ACCESS_KEY SESSION_TOKEN SKIP_SIGNATURE"
_ROLES = (
    "WEB_IDENTITY_TOKEN_FILE ROLE_ARN ROLE_SESSION_NAME ENDPOINT_URL_STS"
    " CONTAINER_CREDENTIALS_FULL_URI CONTAINER_CREDENTIALS_RELATIVE_URI"
    " CONTAINER_AUTHORIZATION_TOKEN_FILE METADATA_ENDPOINT"
)
_S3 = (
    "REGION DEFAULT_REGION ENDPOINT_URL ENDPOINT_URL_S3 ENDPOINT VIRTUAL_HOSTED_STYLE_REQUEST"
    " REQUEST_PAYER SERVER_SIDE_ENCRYPTION SSE_KMS_KEY_ID SSE_BUCKET_KEY_ENABLED"
    " CHECKSUM_ALGORITHM DISABLE_BULK_DELETE"
)
_AZURE = (
    "STORAGE_ACCOUNT_NAME STORAGE_ACCOUNT_KEY STORAGE_ACCESS_KEY STORAGE_CLIENT_ID"
    " STORAGE_CLIENT_SECRET STORAGE_TENANT_ID STORAGE_SAS_KEY STORAGE_SAS_TOKEN STORAGE_TOKEN"
    " STORAGE_USE_EMULATOR STORAGE_ENDPOINT ENDPOINT CLIENT_ID CLIENT_SECRET TENANT_ID"
    " FEDERATED_TOKEN_FILE USE_AZURE_CLI MSI_ENDPOINT AUTHORITY_HOST SKIP_SIGNATURE"
)
_GOOGLE = (
    "SERVICE_ACCOUNT SERVICE_ACCOUNT_PATH SERVICE_ACCOUNT_KEY APPLICATION_CREDENTIALS"
    " SKIP_SIGNATURE BASE_URL"
)
# The variables that obstore knows; it would refuse others.
_KNOWN = {
    "s3": {f"AWS_{name}" for name in f"{_ACCESS} {_ROLES} {_S3}".split()},
    "az": {f"AZURE_{name}" for name in _AZURE.split()},
    "gs": {f"GOOGLE_{name}" for name in _GOOGLE.split()},
}
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}


class _Place(msgspec.Struct, frozen=True):
    scheme: str
    bucket: str
    prefix: str
    endpoint: str

    @property
    def url(self) -> str:
        path = f"{self.bucket}/{self.prefix}".rstrip("/")
        return f"{self.scheme}://{path}"


class _Limits(msgspec.Struct, frozen=True):
    whole_s: float
    connect_s: float
    silence_s: float = 0.0  # 0: only the whole counts
    retries: int = 0


def open_remote(url: str, *, env: Mapping[str, str], state: Path | None) -> RemoteBucket:
    """Return the bucket; credentials come from env as its cloud's own tools take them.

    What has been proven about it is remembered in the folder state.
    """
    place = _place(url, env)
    patience_s = _patience_s(env)
    attempt_s = patience_s / 2
    connect_s = min(3.0, attempt_s)
    at = f" at {_bare(place.endpoint)}" if place.endpoint else ""
    make = partial(_client, place, env)
    clients = Clients(
        asking=cache(partial(make, _Limits(attempt_s, connect_s))),
        reading=cache(partial(make, _Limits(_ENDLESS_S, connect_s, silence_s=attempt_s))),
        # Asking again is ours, so that it ends alike for all requests; but of what is sent in
        # parts only the failed part should be sent again, and that is within the client.
        sending=cache(
            partial(make, _Limits(_ENDLESS_S, connect_s, silence_s=_SENDING_S, retries=3))
        ),
    )

    def proven(bucket: RemoteBucket) -> None:
        prove(bucket, bucket.create_unproven, name=bucket.url, state=state)

    return RemoteBucket(f"{place.url}{at}", clients, patience_s=patience_s, prove=proven)


def _place(url: str, env: Mapping[str, str]) -> _Place:
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise WrongUsage(
            f"store: {parts.scheme}://... carries credentials in its URL",
            remedy="Take them out; they belong in the environment, where no record can hold them",
        )
    if not parts.netloc or parts.query or parts.fragment:
        raise WrongUsage(
            f"store {url!r} is not a bucket's URL",
            remedy=f"Write {parts.scheme}://bucket or {parts.scheme}://bucket/prefix",
        )
    prefix = parts.path.strip("/")
    if prefix:
        check_key(prefix)
    endpoint = next((env[name] for name in _ENDPOINTS[parts.scheme] if env.get(name)), "")
    return _Place(parts.scheme, parts.netloc, prefix, endpoint)


def _patience_s(env: Mapping[str, str]) -> float:
    try:
        patience_s = float(env.get(PATIENCE, "") or _PATIENCE_S)
    except ValueError:
        patience_s = 0.0
    if not 0 < patience_s < float("inf"):
        raise WrongUsage(
            f"{PATIENCE}={env[PATIENCE]!r} is not a number of seconds",
            remedy=f"Unset it (then it is {_PATIENCE_S:.0f}), or give a number above 0",
        )
    return patience_s


def _client(place: _Place, env: Mapping[str, str], limits: "_Limits") -> "ObjectStore":
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore, GCSStore, S3Store

    kinds: dict[str, Callable[..., ObjectStore]] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
    options: dict[str, Any] = {"config": _config(place, env)}
    options["client_options"] = _client_options(place, env, limits)
    options["retry_config"] = {
        "max_retries": limits.retries,
        "retry_timeout": timedelta(seconds=_SENDING_S),
    }
    if place.scheme == "s3" and (profile := _profile(env)):
        options["credential_provider"] = profile
    try:
        return kinds[place.scheme](place.bucket, prefix=place.prefix or None, **options)
    except (BaseError, ValueError, OSError) as error:
        raise WrongUsage(
            f"{place.url} cannot be opened: {str(error).splitlines()[0][:200]}",
            remedy="Check store: in trueup.yaml and the cloud's variables in the environment",
        ) from error


def _client_options(place: _Place, env: Mapping[str, str], limits: "_Limits") -> dict[str, Any]:
    options: dict[str, Any] = {
        "timeout": timedelta(seconds=limits.whole_s),
        "connect_timeout": timedelta(seconds=limits.connect_s),
        "allow_http": place.endpoint.startswith("http://"),
    }
    if limits.silence_s:
        options["read_timeout"] = timedelta(seconds=limits.silence_s)
    if bundle := env.get("AWS_CA_BUNDLE"):
        try:
            options["root_certificate"] = Path(bundle).read_bytes()
        except OSError as error:
            raise WrongUsage(
                f"AWS_CA_BUNDLE={bundle} cannot be read: {error.strerror}",
                remedy="Unset it, or name a file of PEM certificates",
            ) from error
    return options


def _config(place: _Place, env: Mapping[str, str]) -> dict[str, str]:
    """Return the cloud's own variables as obstore names them."""
    known = _KNOWN[place.scheme]
    return {name.lower(): value for name, value in env.items() if name in known and value}


def _profile(env: Mapping[str, str]) -> "Boto3CredentialProvider | None":
    """Return AWS's own search for credentials where a profile names them, else None."""
    if any(env.get(f"AWS_{name}") for name in (*_ACCESS.split(), *_ROLES.split())):
        return None
    name = env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE")
    home = Path(env.get("HOME", "/nowhere"))
    shared = Path(env.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws" / "credentials")
    if not name and not shared.exists():
        return None
    try:
        boto3 = import_module("boto3")
        botocore = import_module("botocore.exceptions")
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError as error:
        if not name:
            return None
        raise WrongUsage(
            f"AWS_PROFILE={name} needs boto3, which is not installed",
            remedy="Install it with: uv pip install 'trueup[aws]'",
        ) from error
    try:
        return Boto3CredentialProvider(boto3.Session(profile_name=name))
    except (botocore.BotoCoreError, ValueError) as error:
        raise WrongUsage(
            f"the AWS profile {name or 'default'!r} gives no credentials: {str(error)[:200]}",
            remedy="Look at it with: aws configure list",
        ) from error


def _bare(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
