"""Credentials are whose AWS says they are, where the project counts the account."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("awscrt", reason="install it with: pip install 'trueup[aws]'")

from tests.support.sts import KEY, SECRET, SESSION, TokenService, token_service
from trueup.config.records import Issuers
from trueup.project.identity import aws
from trueup.project.identity.asking import Asking, NotVouched
from trueup.project.whoami import whoami
from trueup.registry.records import Identity
from trueup.registry.vouching import AWS

ACCOUNT = "123456789012"


@pytest.fixture
def service() -> Iterator[TokenService]:
    with token_service() as service:
        yield service


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody with a pair of keys and a session token."""
    env = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": SESSION,
        "AWS_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(tmp_path),
        "USER": "grace",
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return env


def posted(url: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
    """Send a request as it is: the service of the test knows no TLS."""
    with urlopen(Request(url, body, dict(headers)), timeout=10) as answer:  # noqa: S310 - loopback
        read: bytes = answer.read()
    return read


def asked(
    env: dict[str, str], address: str, counted: tuple[str, ...] = (ACCOUNT,)
) -> tuple[Identity, str]:
    said: list[str] = []
    asking = Asking(Issuers(aws=counted), posted, lambda: "", address, said.append)
    found, told = whoami(env, "", asking), "\n".join(said)
    assert SECRET not in told
    assert SESSION not in told
    assert KEY not in told
    return found, told


def test_credentials_are_whose_the_token_service_says(
    service: TokenService, credentials: dict[str, str]
) -> None:
    found, told = asked(credentials, service.url)
    assert found == Identity(service.arn, verified=True, issuer=AWS, account=ACCOUNT)
    assert (told, service.asked) == ("", 1)


def test_a_signature_that_is_wrong_proves_nothing(
    service: TokenService, credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    found, told = asked(credentials, service.url)
    assert str(found) == "grace (unverified)"
    assert told == "AWS was asked whose keys these are, but it answered with 403"


def test_an_account_that_is_not_named_does_not_count(
    service: TokenService, credentials: dict[str, str]
) -> None:
    found, told = asked(credentials, service.url, ("999999999999",))
    assert not found.verified
    assert "is not among those whom identity: counts" in told
    assert asked(credentials, service.url, (service.arn,))[0].verified


def test_nobody_is_asked_where_no_account_counts_or_there_are_no_credentials(
    service: TokenService, credentials: dict[str, str]
) -> None:
    assert asked(credentials, service.url, ()) == (Identity("grace"), "")
    assert asked({"USER": "grace"}, service.url) == (Identity("grace"), "")
    assert service.asked == 0


class Asked:
    """Notes who would be asked, and answers nothing."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
        self.urls.append(url)
        assert headers["Host"] == urlsplit(url).netloc
        return b""


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("", "sts.amazonaws.com"),
        ("eu-central-1", "sts.eu-central-1.amazonaws.com"),
        ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_nobody_but_aws_is_asked_whatever_the_environment_names(
    credentials: dict[str, str], region: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = "https://sts.evil.example"
    there = {"AWS_ENDPOINT_URL": elsewhere, "AWS_ENDPOINT_URL_STS": elsewhere}
    for name, value in there.items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    asking = Asking(Issuers(aws=(ACCOUNT,)), asked := Asked(), lambda: "", tell=said.append)
    assert not whoami({**credentials, **there, "AWS_REGION": region}, "", asking).verified
    assert asked.urls == [f"https://{host}/"]
    assert said == ["AWS answered with something that is no ARN"]


@pytest.mark.parametrize("region", ["evil.example/", "a@evil.example#", "x", "eu-central-1.evil"])
def test_a_region_does_not_lead_elsewhere(credentials: dict[str, str], region: str) -> None:
    said: list[str] = []
    asking = Asking(Issuers(aws=(ACCOUNT,)), asked := Asked(), lambda: "", tell=said.append)
    assert not whoami({**credentials, "AWS_REGION": region}, "", asking).verified
    assert asked.urls == []
    assert "is no region of AWS" in said[0]


def test_a_machine_without_credentials_is_told_so(
    credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    found, told = asked({"AWS_PROFILE": "gone", "USER": "grace"}, "http://127.0.0.1:1")
    assert found == Identity("grace")
    assert told.startswith("AWS was not asked: 'AWS_AUTH_")


@pytest.mark.parametrize(
    ("arn", "name", "person"),
    [
        ("iam::123456789012:user/ml/grace", "iam::123456789012:user/ml/grace", ""),
        ("iam::123456789012:root", "iam::123456789012:root", ""),
        ("sts::123456789012:assumed-role/dev/ada", "sts::123456789012:assumed-role/dev", ""),
        ("sts::123456789012:assumed-role/dev/bob", "sts::123456789012:assumed-role/dev", ""),
        ("sts::123456789012:federated-user/eve", "sts::123456789012:federated-user", ""),
        (
            "sts::123456789012:assumed-role/AWSReservedSSO_dev_1f/grace@example.org",
            "sts::123456789012:assumed-role/AWSReservedSSO_dev_1f",
            "grace@example.org",
        ),
    ],
)
def test_whoever_names_his_own_session_is_not_several_people(
    arn: str, name: str, person: str
) -> None:
    found = aws.identity_of(f"arn:aws:{arn}")
    assert (found.name, found.person, found.account) == (f"arn:aws:{name}", person, ACCOUNT)


@pytest.mark.parametrize("arn", ["", "x", "arn:aws:iam::12:user/a", "arn:aws:s3:::bucket"])
def test_what_is_no_arn_is_nobody(arn: str) -> None:
    with pytest.raises(NotVouched, match="no ARN"):
        aws.identity_of(arn)


def test_without_the_extra_it_is_said_what_to_install(
    credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "awscrt.auth", None)
    assert "pip install 'trueup[aws]'" in asked(credentials, "")[1]


def test_a_session_token_that_no_request_can_carry_is_not_told(
    credentials: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(url: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
        raise ValueError(f"Invalid header value {headers['X-Amz-Security-Token']!r}")

    said: list[str] = []
    asking = Asking(Issuers(aws=(ACCOUNT,)), refusing, lambda: "", tell=said.append)
    assert not whoami(credentials, "", asking).verified
    assert said == ["AWS was asked whose keys these are, but it met a ValueError"]
