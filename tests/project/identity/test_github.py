"""A workflow is who GitHub says, asked over TLS; everybody else is unverified."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping

import pytest

from trueup.config.records import Issuers
from trueup.project.identity.asking import Asking, Fetch
from trueup.project.whoami import whoami
from trueup.registry.records import Identity


def token(claims: dict[str, object]) -> bytes:
    parts = [
        urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims)
    ]
    return json.dumps({"value": ".".join([*parts, "signature"])}).encode()


GITHUB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://run-1.actions.githubusercontent.com/token?v=1",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "a-secret-of-a-job",
    "GITHUB_ACTOR": "cy",
}
CLAIMS: dict[str, object] = {
    "sub": "repo:team/flights:environment:prod",
    "iss": "https://token.actions.githubusercontent.com",
    "actor": "cy",
    "repository": "team/flights",
}


class GitHub:
    """Answers as GitHub's token service does, or otherwise."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str]]] = []

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
        self.asked.append((url, dict(headers)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def asked(
    fetch: Fetch, env: Mapping[str, str] = GITHUB, issuers: Issuers | None = None
) -> tuple[Identity, str]:
    said: list[str] = []
    asking = Asking(issuers or Issuers(), fetch, machine=lambda: "", tell=said.append)
    return whoami(env, "", asking), "\n".join(said)


def test_a_workflow_is_who_its_token_says() -> None:
    found, told = asked(github := GitHub(token(CLAIMS)))
    assert github.asked == [
        (
            f"{GITHUB['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=trueup",
            {"Authorization": "bearer a-secret-of-a-job"},
        )
    ]
    assert (found.verified, found.person, found.name) == (True, "cy", CLAIMS["sub"])
    assert found.account == "team/flights"
    assert str(found) == "cy by repo:team/flights:environment:prod"
    assert told == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://run-1.actions.githubusercontent.com/",
        "https://actions.githubusercontent.com.example.org/",
        "https://example.org/.actions.githubusercontent.com",
        "http://127.0.0.1:8000/",
        "https://[",
    ],
)
def test_nobody_but_github_is_asked_for_its_token(url: str) -> None:
    env = GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_URL": url}
    found, told = asked(github := GitHub(b""), env)
    assert str(found) == "cy (unverified)"
    assert told == "ACTIONS_ID_TOKEN_REQUEST_URL is no address of GitHub's"
    assert github.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b'{"value":"x"}',
        b'{"value":1}',
        b"[" * 100_000,
        token({"sub": "s"}),
        token(CLAIMS | {"iss": "https://gitlab.com"}),
        TimeoutError(),
        ConnectionRefusedError("refused"),
        ValueError("Invalid header value b'bearer a-secret-of-a-job'"),
    ],
)
def test_an_answer_that_is_no_token_leaves_one_unverified(answer: bytes | Exception) -> None:
    found, told = asked(GitHub(answer))
    assert str(found) == "cy (unverified)"
    assert told.startswith("GitHub ")
    assert "a-secret-of-a-job" not in told


@pytest.mark.parametrize(
    ("places", "believed"),
    [(("team",), True), (("Team/Flights",), True), (("other", "tea"), False), ((), False)],
)
def test_only_the_repositories_that_are_named_count(
    places: tuple[str, ...], believed: bool
) -> None:
    found, told = asked(GitHub(token(CLAIMS)), issuers=Issuers(github=places))
    assert found.verified is believed
    assert ("is not among those" in told) is (not believed and bool(places))


def test_a_person_is_who_git_says_unverified() -> None:
    asking = Asking(machine=lambda: "")
    assert str(whoami({"USER": "a"}, "ada@example.org", asking)) == "ada@example.org (unverified)"
    assert whoami({"USER": "a"}, "", asking).name == "a"
    assert whoami({}, "", asking).name == "nobody"
