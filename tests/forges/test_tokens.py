"""Where tokens come from, for which host, and that they are never written anywhere."""

import pickle

import pytest

from trueup.errors import AccessRefused, WrongUsage
from trueup.forges.calling import Caller, Patience
from trueup.forges.credentials import Token, from_environment
from trueup.forges.github.app import AppCredential, AppKey
from trueup.forges.opening import credential_of
from trueup.forges.places import Place, place_of
from trueup.git.pushing import without_login

SECRET = "ghp_verysecret"


def place(remote: str, **environment: str) -> Place:
    return place_of(remote, environment)


@pytest.mark.parametrize(
    ("remote", "kind", "web", "project", "api"),
    [
        ("https://github.com/acme/flights.git", "github", "https://github.com", "acme/flights",
         "https://api.github.com"),
        ("git@github.com:acme/flights.git", "github", "https://github.com", "acme/flights",
         "https://api.github.com"),
        ("ssh://git@ssh.github.com:443/acme/flights", "github", "https://github.com",
         "acme/flights", "https://api.github.com"),
        ("https://acme.ghe.com/acme/flights/", "github", "https://acme.ghe.com", "acme/flights",
         "https://api.acme.ghe.com"),
        ("https://github.acme.org/acme/flights.git", "github", "https://github.acme.org",
         "acme/flights", "https://github.acme.org/api/v3"),
        ("https://me:pw@gitlab.com/acme/ml/flights.git", "gitlab", "https://gitlab.com",
         "acme/ml/flights", "https://gitlab.com/api/v4"),
        ("ssh://git@gitlab.acme.org:2222/acme/flights.git", "gitlab", "https://gitlab.acme.org",
         "acme/flights", "https://gitlab.acme.org/api/v4"),
        ("https://gitlab.acme.org:8443/acme/flights", "gitlab", "https://gitlab.acme.org:8443",
         "acme/flights", "https://gitlab.acme.org:8443/api/v4"),
    ],
)  # fmt: skip
def test_a_remote_names_its_forge(remote: str, kind: str, web: str, project: str, api: str) -> None:
    found = place(remote)
    assert (found.kind, found.web, found.project, found.api) == (kind, web, project, api)
    assert found.git_url == f"{web}/{project}.git"


def test_a_host_of_ones_own_is_known_by_what_ci_says() -> None:
    assert place("git@code.acme.org:a/b", CI_SERVER_URL="https://code.acme.org").kind == "gitlab"
    assert (
        place("git@code.acme.org:a/b", GITHUB_SERVER_URL="https://code.acme.org").kind == "github"
    )


def test_a_forge_under_a_path_is_named_with_it() -> None:
    remote = "https://acme.org/git/team/flights.git"
    found = place_of(remote, {}, kind="gitlab", web="https://acme.org/git")
    assert (found.project, found.api) == ("team/flights", "https://acme.org/git/api/v4")


@pytest.mark.parametrize(
    "remote",
    ["", "/srv/flights.git", "../flights", "file:///srv/flights.git", "https://github.com/acme",
     "https://github.com/a/b/c", "https://github.com/../x", "https://code.acme.org/a/b", "C:\\x"],
)  # fmt: skip
def test_a_remote_on_no_forge_is_refused_with_what_to_do(remote: str) -> None:
    with pytest.raises(WrongUsage):
        place(remote)


def test_an_address_is_never_shown_with_its_login() -> None:
    assert without_login("https://oauth2:pw@gitlab.com/a/b") == "https://gitlab.com/a/b"
    with pytest.raises(WrongUsage) as caught:
        place("https://me:pw-secret@gitlab.com/nothing")
    assert "pw-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("remote", "environment", "kind"),
    [
        ("https://github.com/a/b", {"GITHUB_TOKEN": SECRET}, "personal"),
        ("https://github.com/a/b", {"GH_TOKEN": SECRET}, "personal"),
        ("https://github.com/a/b", {"GITHUB_TOKEN": "ghs_x", "GITHUB_ACTIONS": "true"}, "actions"),
        ("https://github.com/a/b", {"GH_TOKEN": "ghs_x", "GITHUB_ACTIONS": "true"}, "app"),
        ("https://gitlab.com/a/b", {"GITLAB_TOKEN": SECRET}, "personal"),
        ("https://gitlab.com/a/b", {"CI_JOB_TOKEN": SECRET, "CI_SERVER_URL": "https://gitlab.com"},
         "job"),
        ("https://ghe.acme.org/a/b", {"GITHUB_TOKEN": SECRET,
         "GITHUB_SERVER_URL": "https://ghe.acme.org"}, "personal"),
        ("https://github.acme.org/a/b", {"GH_ENTERPRISE_TOKEN": SECRET,
         "GH_HOST": "github.acme.org"}, "personal"),
        ("https://gitlab.acme.org/a/b", {"GITLAB_TOKEN": SECRET, "GITLAB_HOST": "gitlab.acme.org"},
         "personal"),
    ],
)  # fmt: skip
def test_a_token_is_found_for_its_host(remote: str, environment: dict[str, str], kind: str) -> None:
    token = from_environment(place_of(remote, environment), environment).token()
    assert token.kind == kind


@pytest.mark.parametrize(
    ("remote", "environment"),
    [
        ("https://github.com/a/b", {}),
        ("https://github.com/a/b", {"GITLAB_TOKEN": SECRET}),
        ("https://github.evil.org/a/b", {"GITHUB_TOKEN": SECRET, "GH_TOKEN": SECRET}),
        ("https://github.evil.org/a/b", {"GH_HOST": "github.evil.org", "GITHUB_TOKEN": SECRET}),
        ("https://gitlab.evil.org/a/b", {"GITLAB_TOKEN": SECRET}),
        ("https://gitlab.com/a/b", {"CI_JOB_TOKEN": SECRET,
         "CI_SERVER_URL": "https://gitlab.acme.org"}),
    ],
)  # fmt: skip
def test_a_token_is_sent_to_no_other_host(remote: str, environment: dict[str, str]) -> None:
    with pytest.raises(AccessRefused) as caught:
        from_environment(place_of(remote, environment), environment)
    assert SECRET not in str(caught.value)


def test_a_token_shows_itself_to_nobody() -> None:
    token = Token(SECRET, "personal", "GH_TOKEN")
    assert SECRET not in f"{token!r} {token}"
    with pytest.raises(TypeError):
        pickle.dumps(token)
    assert "BEGIN" not in repr(AppKey("1", "-----BEGIN KEY"))


def test_no_token_goes_over_a_line_that_is_not_encrypted() -> None:
    with pytest.raises(WrongUsage, match="not an address of HTTPS"):
        Caller("http://github.example.org/api/v3", "there", dict, Patience())


def test_an_app_in_the_environment_comes_before_a_token() -> None:
    environment = {"TRUEUP_GITHUB_APP_ID": "12", "TRUEUP_GITHUB_APP_KEY": "pem", "GH_TOKEN": SECRET}
    found = credential_of(place("https://github.com/a/b"), environment)
    assert isinstance(found, AppCredential)
    assert "pem" not in repr(found)


def test_an_app_without_a_key_is_refused_with_what_to_set() -> None:
    with pytest.raises(WrongUsage, match="without a key"):
        credential_of(place("https://github.com/a/b"), {"TRUEUP_GITHUB_APP_ID": "12"})
