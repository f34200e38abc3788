"""AWS says whose credentials these are."""

import re
from collections.abc import Mapping
from importlib import import_module
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

from trueup.project.identity.asking import Asking, NotVouched, because, shown
from trueup.registry.records import Identity
from trueup.registry.vouching import AWS

_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_FILES = (".aws/credentials", ".aws/config")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")
_ARN = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::([0-9]{12}):(\S+)")
_SINGLE_SIGN_ON = "AWSReservedSSO_"  # roles that AWS makes; only it names their sessions
_BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
_TIMEOUT_S = 10.0


def by_aws(env: Mapping[str, str], asking: Asking) -> Identity | None:
    """Return whose credentials are in use here, by AWS's own word; None where there are none.

    Nobody is asked where the project counts no account: the keys may be another store's.
    """
    if not asking.issuers.aws or not _has_credentials(env, asking):
        return None
    return identity_of(_said(env, asking))


def identity_of(arn: str) -> Identity:
    """Return the identity that an ARN stands for.

    The sessions of a role are one: whoever assumes it names them as he likes. Those of single
    sign-on AWS names itself, after the person.
    """
    found = _ARN.fullmatch(arn)
    if found is None:
        raise NotVouched("AWS answered with something that is no ARN")
    account, resource = found.groups()
    kind, *names = resource.split("/")
    person = ""
    if kind == "assumed-role" and len(names) > 1:
        arn = arn[: -len(names[-1]) - 1]
        person = names[-1] if names[0].startswith(_SINGLE_SIGN_ON) else ""
    elif kind == "federated-user":
        arn = arn[: -len(resource)] + kind
    return Identity(arn, verified=True, issuer=AWS, person=person, account=account)


def _has_credentials(env: Mapping[str, str], asking: Asking) -> bool:
    if any(env.get(name) for name in _VARIABLES) or asking.machine() == "Amazon EC2":
        return True
    home = env.get("HOME", "")
    return bool(home) and any((Path(home) / name).is_file() for name in _FILES)


def _said(env: Mapping[str, str], asking: Asking) -> str:
    """Return the ARN that AWS's token service answers with; no variable names another service.

    What it answers to a refusal is left unread: it quotes the request, session token and all.
    """
    region = next((env[name] for name in _REGIONS if env.get(name)), "")
    if region and not _REGION.fullmatch(region):
        raise NotVouched(f"{shown(region)} is no region of AWS")
    host = f"sts.{region}.amazonaws.com" if region else "sts.amazonaws.com"
    host += ".cn" if region.startswith("cn-") else ""
    address = asking.sts or f"https://{host}"
    try:
        headers = _signed(urlsplit(address).netloc, region or "us-east-1")
        answer = asking.fetch(f"{address}/", headers, _BODY).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        raise NotVouched(f"AWS was asked whose keys these are, but {because(error)}") from error
    arns = re.findall(r"<Arn>([^<]*)</Arn>", answer)
    return arns[0].strip() if len(arns) == 1 else ""


def _signed(host: str, region: str) -> dict[str, str]:
    """Return the headers of the request, signed with the credentials in use."""
    try:
        auth, http = import_module("awscrt.auth"), import_module("awscrt.http")
        failed = import_module("awscrt.exceptions").AwsCrtError
    except ImportError as missing:
        raise NotVouched(
            "AWS is asked with the extra aws; install it with: pip install 'trueup[aws]'"
        ) from missing
    headers = [("Host", host), ("Content-Type", "application/x-www-form-urlencoded")]
    request = http.HttpRequest("POST", "/", http.HttpHeaders(headers), BytesIO(_BODY))
    try:
        config = auth.AwsSigningConfig(
            credentials_provider=auth.AwsCredentialsProvider.new_default_chain(),
            region=region,
            service="sts",
        )
        signed = auth.aws_sign_request(request, config).result(_TIMEOUT_S)
        return dict(signed.headers)
    except failed as error:
        raise NotVouched(f"AWS was not asked: {shown(error.name)}") from error
