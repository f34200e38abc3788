"""A job's token is believed if an issuer that counts has signed it for trueup, for now."""

import json
import ssl
import sys
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Any

import pytest

jwt = pytest.importorskip("jwt", reason="install it with: pip install 'trueup[identity]'")

from cryptography.hazmat.primitives import serialization  # noqa: E402 - after the skip
from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: E402 - after the skip

from tests.support.issuer import (  # noqa: E402 - after the skip
    DISCOVERY,
    KEYS,
    Issuer,
    issuing,
    published,
    signed,
)
from trueup.config.records import Issuers  # noqa: E402 - after the skip
from trueup.project.identity.asking import Asking  # noqa: E402 - after the skip
from trueup.project.identity.web import MOST_BYTES, fetched  # noqa: E402 - after the skip
from trueup.project.whoami import whoami  # noqa: E402 - after the skip
from trueup.registry.records import Identity  # noqa: E402 - after the skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with issuing(tmp_path_factory.mktemp("issuer")) as issuer:
        yield issuer


@pytest.fixture
def issuer(running: Issuer) -> Issuer:
    """The issuer, as it was at first."""
    running.pages, running.moved, running.asked, running.pause_s = {}, {}, [], 0.0
    running.keys = [published(running.rsa, "RS256", "r1"), published(running.ec, "ES256", "e1")]
    return running


def asked(
    issuer: Issuer, token: str, places: tuple[str, ...] = ("acme",), timeout_s: float = 10.0
) -> tuple[Identity, str]:
    """Return who trueup says is acting, and what it says on stderr."""
    said: list[str] = []
    issuers = Issuers(gitlab={issuer.url: places})
    asking = Asking(issuers, issuer.fetch(timeout_s), machine=lambda: "", tell=said.append)
    env = {"TRUEUP_ID_TOKEN": token, "GITLAB_USER_LOGIN": "grace"}
    found = whoami(env, "", asking)
    told = "\n".join(said)
    assert token not in told
    assert token.rpartition(".")[2][:20] not in told or token.endswith(".")
    return found, told


def refused(issuer: Issuer, token: str, **how: Any) -> str:
    """Return why a token is not believed; it stops nothing."""
    found, told = asked(issuer, token, **how)
    assert str(found) == "grace (unverified)"
    assert told.startswith("TRUEUP_ID_TOKEN: ")
    return told


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_job_is_who_its_token_says(issuer: Issuer, algorithm: str) -> None:
    found, told = asked(issuer, issuer.token(algorithm))
    assert found == Identity(
        "project_path:acme/flights:ref_type:branch:ref:main",
        verified=True,
        issuer=issuer.url,
        person="grace",
        address="grace@example.org",
        account="acme/flights",
    )
    assert told == ""
    assert issuer.asked == [DISCOVERY, KEYS]


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": 1_700_000_000}, "has expired"),
        ({"exp": None}, "does not say 'exp'"),
        ({"sub": None}, "does not say 'sub'"),
        ({"aud": None}, "does not say 'aud'"),
        ({"nbf": 4_000_000_000}, "not valid yet"),
        ({"iat": 4_000_000_000}, "not valid yet"),
        ({"aud": "vault"}, "not for the audience trueup alone"),
        ({"aud": ["trueup", "vault"]}, "not for the audience trueup alone"),
    ],
)
def test_a_token_that_is_not_for_here_and_now_is_not_believed(
    issuer: Issuer, claims: dict[str, Any], why: str
) -> None:
    assert why in refused(issuer, issuer.token(**claims))


@pytest.mark.parametrize(
    "other", ["https://evil.example", "http://127.0.0.1", None, ["https://gitlab.com"], ""]
)
def test_an_issuer_that_does_not_count_is_not_even_asked(issuer: Issuer, other: object) -> None:
    token = jwt.encode({**issuer.claims(), "iss": "x"}, issuer.rsa, "RS256", headers={"kid": "r1"})
    head, _, signature = token.split(".")
    body = urlsafe_b64encode(json.dumps({**issuer.claims(), "iss": other}).encode()).decode()
    why = refused(issuer, f"{head}.{body.rstrip('=')}.{signature}")
    assert "does not count" in why or "is not a token" in why
    assert issuer.asked == []


def test_the_environment_does_not_say_who_is_to_be_believed(issuer: Issuer) -> None:
    said: list[str] = []
    asking = Asking(Issuers(), issuer.fetch(), machine=lambda: "", tell=said.append)
    env = {
        "TRUEUP_ID_TOKEN": issuer.token(),
        "CI_SERVER_URL": issuer.url,
        "CI_SERVER_HOST": "127.0.0.1",
        "GITLAB_CI": "true",
    }
    assert not whoami(env, "", asking).verified
    assert "does not count; under identity: count https://gitlab.com" in said[0]
    assert issuer.asked == []


def crafted(header: dict[str, object], claims: dict[str, Any], secret: bytes | None) -> str:
    """Return a token made by hand, as no library would."""
    parts = [json.dumps(part).encode() for part in (header, claims)]
    body = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    sealed = b"" if secret is None else digest(secret, body, sha256)
    return (body + b"." + urlsafe_b64encode(sealed).rstrip(b"=")).decode()


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, 1, ["RS256"]])
def test_an_unsigned_token_is_not_believed(issuer: Issuer, algorithm: object) -> None:
    token = crafted({"alg": algorithm, "kid": "r1", "typ": "JWT"}, issuer.claims(), None)
    why = refused(issuer, token)
    assert "is signed by" in why or "is not a token" in why
    assert issuer.asked == []


def test_the_public_key_is_not_taken_for_a_shared_secret(issuer: Issuer) -> None:
    public = issuer.rsa.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for secret in (public, public.strip(), json.dumps(issuer.keys[0]).encode()):
        token = crafted({"alg": "HS256", "kid": "r1"}, issuer.claims(), secret)
        assert "is signed by 'HS256', not RS256 or ES256" in refused(issuer, token)
    issuer.keys = [{"kty": "oct", "k": "c2VjcmV0", "kid": "r1"}]
    token = crafted({"alg": "HS256", "kid": "r1"}, issuer.claims(), b"secret")
    assert "is signed by 'HS256'" in refused(issuer, token)


def test_a_signature_by_another_key_is_not_believed(issuer: Issuer) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    own = published(other, "RS256", "r1")
    for header in ({"kid": "r1"}, {"kid": "r1", "jwk": own}, {"kid": "r1", "jku": "https://x.y/"}):
        token = signed(issuer.claims(), other, "RS256", header)
        assert "its signature is wrong" in refused(issuer, token)
    assert set(issuer.asked) == {DISCOVERY, KEYS}


def test_a_claim_that_was_changed_is_noticed(issuer: Issuer) -> None:
    head, _, signature = issuer.token().split(".")
    body = urlsafe_b64encode(json.dumps(issuer.claims(user_login="ada")).encode()).decode()
    assert "its signature is wrong" in refused(issuer, f"{head}.{body.rstrip('=')}.{signature}")


def test_a_key_that_the_issuer_does_not_have_is_not_believed(issuer: Issuer) -> None:
    assert "has no key 'r2' for RS256" in refused(issuer, issuer.token(kid="r2"))
    assert "has no key 'e1' for RS256" in refused(issuer, issuer.token(kid="e1"))
    assert "which of its issuer's keys" in refused(issuer, issuer.token(kid=""))
    issuer.keys = [*issuer.keys, issuer.keys[0]]
    assert "has no key 'r1'" in refused(issuer, issuer.token())


def test_a_weak_key_and_one_of_another_kind_are_not_believed(issuer: Issuer) -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - it is refused
    issuer.keys = [published(weak, "RS256", "w1")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of the library say that it is weak
        token = signed(issuer.claims(), weak, "RS256", {"kid": "w1"})
    assert "less than 2048 bits" in refused(issuer, token)
    curve = ec.generate_private_key(ec.SECP384R1())
    issuer.keys = [{**published(curve, "ES384", "c1"), "alg": "ES256"}]
    token = issuer.token("ES256", kid="c1")
    assert "has no key 'c1' for ES256" in refused(issuer, token)
    issuer.keys = [{**published(issuer.rsa, "RS256", "r1"), "use": "enc"}]
    assert "has no key" in refused(issuer, issuer.token())
    issuer.keys = [{"kty": "RSA", "kid": "r1", "n": "AQAB"}]
    assert "is not understood" in refused(issuer, issuer.token())


@pytest.mark.parametrize(
    ("path", "page", "why"),
    [
        (DISCOVERY, b"<html>", "was asked for its keys, but"),
        (DISCOVERY, b"[]", "did not answer with any"),
        (DISCOVERY, b"{}", "says that it is 'NoneType'"),
        (DISCOVERY, b'{"issuer": "https://gitlab.com"}', "says that it is 'https://gitlab.com'"),
        (KEYS, b"{}", "did not answer with any"),
        (KEYS, b'{"keys": 1}', "did not answer with any"),
        (KEYS, b'{"keys": [1]}', "did not answer with any"),
        (KEYS, b'{"keys": []}', "has no key"),
        (KEYS, b"\xff\xfe", "was asked for its keys, but"),
        (KEYS, b"[" * 500_000, "was asked for its keys, but"),
        (KEYS, b'{"keys": [' + b" " * MOST_BYTES + b"]}", "with more than 1048576 bytes"),
    ],
)
def test_an_issuer_that_answers_with_nonsense_vouches_for_nobody(
    issuer: Issuer, path: str, page: bytes, why: str
) -> None:
    issuer.pages[path] = page
    assert why in refused(issuer, issuer.token())


@pytest.mark.parametrize("address", ["http://127.0.0.1/keys", "file:///etc/passwd", "keys", "1"])
def test_keys_are_taken_over_tls_alone(issuer: Issuer, address: str) -> None:
    told = {"issuer": issuer.url, "jwks_uri": address}
    issuer.pages[DISCOVERY] = json.dumps(told).encode()
    assert "its address is not one of HTTPS" in refused(issuer, issuer.token())


def test_an_issuer_that_sends_one_elsewhere_is_not_followed(issuer: Issuer) -> None:
    issuer.moved[DISCOVERY] = f"{issuer.url}/elsewhere"
    assert "it answered with 302" in refused(issuer, issuer.token())
    assert issuer.asked == [DISCOVERY]


def test_a_slow_issuer_is_not_waited_for(issuer: Issuer) -> None:
    issuer.pause_s = 0.05  # each byte comes in time, all of them do not
    assert "did not answer in time" in refused(issuer, issuer.token(), timeout_s=0.3)
    issuer.pause_s = 30.0
    assert "did not answer in time" in refused(issuer, issuer.token(), timeout_s=0.2)


def test_a_server_with_another_certificate_is_not_the_issuer(issuer: Issuer) -> None:
    said: list[str] = []
    asking = Asking(
        Issuers(gitlab={issuer.url: ("*",)}),
        lambda url, headers, _=None: fetched(url, headers, context=ssl.create_default_context()),
        machine=lambda: "",
        tell=said.append,
    )
    assert not whoami({"TRUEUP_ID_TOKEN": issuer.token()}, "", asking).verified
    assert "CERTIFICATE_VERIFY_FAILED" in said[0]


def test_nobody_answers_where_there_is_no_server(issuer: Issuer) -> None:
    nowhere = "https://127.0.0.1:1"
    said: list[str] = []
    asking = Asking(Issuers(gitlab={nowhere: ("*",)}), issuer.fetch(), lambda: "", tell=said.append)
    env = {"TRUEUP_ID_TOKEN": issuer.token(iss=nowhere)}
    assert not whoami(env, "", asking).verified
    assert "was asked for its keys, but ConnectionRefusedError" in said[0]


@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "....", "\x00", "é.é.é", "e30.e30.", "W10.W10.W10", "9" * 100_000]
)
def test_what_is_no_token_is_said_to_be_none(issuer: Issuer, token: str) -> None:
    assert not asked(issuer, token)[0].verified
    assert issuer.asked == []


@pytest.mark.parametrize(
    ("places", "believed"),
    [
        (("*",), True),
        (("acme",), True),
        (("Acme/Flights",), True),
        (("acme/flight",), False),
        (("acm",), False),
        (("acme/flights/sub",), False),
        ((), False),
    ],
)
def test_only_the_groups_and_projects_that_are_named_count(
    issuer: Issuer, places: tuple[str, ...], believed: bool
) -> None:
    found, told = asked(issuer, issuer.token(), places)
    assert found.verified is believed
    assert believed or "is not among those whom identity: counts" in told or "not count" in told


def test_a_token_without_a_project_counts_only_where_all_do(issuer: Issuer) -> None:
    assert not asked(issuer, issuer.token(project_path=None))[0].verified
    assert asked(issuer, issuer.token(project_path=None), ("*",))[0].verified


def test_without_the_extra_it_is_said_what_to_install(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    assert "pip install 'trueup[identity]'" in refused(issuer, issuer.token())


def test_a_token_stays_out_of_what_a_stage_sees(tmp_path: Path, issuer: Issuer) -> None:
    from tests.project.projects import opened, ran, write
    from trueup.project.registering import stamp_of

    write(
        tmp_path,
        {"trueup.yaml": "stages: {a: {cmd: env > seen.txt, outs: [seen.txt]}}", "x": ""},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUEUP_ID_TOKEN", "a-token-of-a-job")
        ran(tmp_path)
        assert not stamp_of(opened(tmp_path)).by.verified
    assert "a-token-of-a-job" not in (tmp_path / "seen.txt").read_text()
