"""A service account is whose token Google signed, where the project counts it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

pytest.importorskip("jwt", reason="install it with: pip install 'trueup[identity]'")

from tests.support.issuer import DISCOVERY, KEYS, Issuer, issuing
from trueup.config.records import Issuers
from trueup.project.identity.asking import Asking
from trueup.project.whoami import whoami
from trueup.registry.records import Identity
from trueup.registry.vouching import GOOGLE

ADDRESS = "deploy@acme-ml.iam.gserviceaccount.com"
METADATA = (
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity"
    "?audience=trueup&format=full"
)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with issuing(tmp_path_factory.mktemp("issuer")) as issuer:
        yield issuer


class Google:
    """Google's two servers: the machine's own host, and that of the published keys.

    What they answer is made by the issuer on the loopback, which signs with real keys.
    """

    def __init__(self, issuer: Issuer, **claims: object) -> None:
        usual: dict[str, Any] = {
            "iss": GOOGLE,
            "sub": "1234",
            "email": ADDRESS,
            "email_verified": True,
        }
        self.issuer = issuer
        self.token = issuer.token(**{**usual, **claims})
        self.asked: list[str] = []

    def fetch(self, url: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
        self.asked.append(url)
        if url == METADATA:
            assert headers == {"Metadata-Flavor": "Google"}
            return self.token.encode()
        assert headers == {}
        if url == GOOGLE + DISCOVERY:
            return f'{{"issuer": "{GOOGLE}", "jwks_uri": "{self.issuer.url}{KEYS}"}}'.encode()
        return self.issuer.fetch()(url, headers)


def asked(
    google: Google, counted: tuple[str, ...], env: Mapping[str, str], machine: str = ""
) -> tuple[Identity, str]:
    said: list[str] = []
    asking = Asking(Issuers(google=counted), google.fetch, lambda: machine, tell=said.append)
    return whoami({**env, "USER": "grace"}, "", asking), "\n".join(said)


@pytest.mark.parametrize("counted", [ADDRESS, "acme-ml.iam.gserviceaccount.com"])
def test_a_machine_of_googles_is_who_its_token_says(issuer: Issuer, counted: str) -> None:
    for env, machine in (({}, "Google"), ({"K_SERVICE": "trueup"}, "")):
        google = Google(issuer)
        found, told = asked(google, (counted,), env, machine)
        assert found == Identity(
            ADDRESS,
            verified=True,
            issuer=GOOGLE,
            account="acme-ml.iam.gserviceaccount.com",
        )
        assert told == ""
        assert google.asked == [METADATA, GOOGLE + DISCOVERY, issuer.url + KEYS]


def test_a_job_may_bring_googles_token_itself(issuer: Issuer) -> None:
    google = Google(issuer)
    found, _ = asked(google, (ADDRESS,), {"TRUEUP_ID_TOKEN": google.token})
    assert (found.name, found.verified) == (ADDRESS, True)
    found, told = asked(google, (), {"TRUEUP_ID_TOKEN": google.token})
    assert not found.verified
    assert "does not count" in told


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"email_verified": False}, "does not say which account"),
        ({"email_verified": "true"}, "does not say which account"),
        ({"email": None}, "does not say which account"),
        ({"aud": "https://else.example"}, "not for the audience"),
        ({"email": "x@acme-ml.iam.gserviceaccount.com.evil.example"}, "is not among those"),
        ({"email": "mallory@other.iam.gserviceaccount.com"}, "is not among those"),
    ],
)
def test_a_token_of_another_account_does_not_count(
    issuer: Issuer, claims: dict[str, object], why: str
) -> None:
    found, told = asked(
        Google(issuer, **claims), ("acme-ml.iam.gserviceaccount.com",), {}, machine="Google"
    )
    assert str(found) == "grace (unverified)"
    assert why in told


def test_nobody_is_asked_elsewhere_or_where_no_account_counts(issuer: Issuer) -> None:
    google = Google(issuer)
    assert asked(google, (ADDRESS,), {}, machine="Dell Inc.") == (Identity("grace"), "")
    assert asked(google, (), {"K_SERVICE": "x"}, machine="Google") == (Identity("grace"), "")
    assert google.asked == []


def test_a_metadata_server_that_does_not_answer_stops_nothing(issuer: Issuer) -> None:
    def silent(url: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
        raise TimeoutError

    google = Google(issuer)
    google.fetch = silent  # type: ignore[method-assign]  # this one does not answer
    found, told = asked(google, (ADDRESS,), {}, machine="Google")
    assert not found.verified
    assert told == "Google's metadata server was asked, but it did not answer in time"
