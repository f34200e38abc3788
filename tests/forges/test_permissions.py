"""What a token may do is told without trying, and what an App's tokens are is kept."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from tests.forges.standins.github import GitHubStandIn
from tests.forges.standins.gitlab import GitLabStandIn
from tests.forges.standins.server import TOKEN, Fault
from tests.forges.test_proposing import DRAFT
from tests.forges.worlds import BRANCH, World, given
from trueup.errors import AccessRefused
from trueup.forges.credentials import Fixed, Token
from trueup.forges.github.app import AppCredential, AppKey, app_from_environment
from trueup.forges.port import Permissions
from trueup.forges.tables import permissions_table


def told(found: Permissions) -> dict[str, bool | None]:
    return {each.deed: each.allowed for each in found.can}


def why(found: Permissions, deed: str) -> str:
    return next(each.why for each in found.can if each.deed == deed)


def github_of(world: World) -> GitHubStandIn:
    assert isinstance(world.standin, GitHubStandIn)
    return world.standin


@pytest.fixture(scope="module")
def key() -> str:
    pytest.importorskip("jwt", reason="Apps sign with the extra identity")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.PrivateFormat.TraditionalOpenSSL
    return made.private_bytes(
        serialization.Encoding.PEM, pem, serialization.NoEncryption()
    ).decode()


def app(world: World, key: str) -> AppCredential:
    world.standin.tokens.add("app-12")
    return AppCredential(world.place, AppKey("12", key), world.patience)


def test_the_token_of_actions_is_said_to_open_requests_without_checks(github: World) -> None:
    found = github.forge(Fixed(Token(TOKEN, "actions", "GITHUB_TOKEN"))).permissions()
    assert told(found)["checks"] is False
    assert "start no workflow" in why(found, "checks")
    assert "Allow GitHub Actions to create" in why(found, "propose")
    assert github.standin.writes == []


def test_a_fine_grained_token_leaves_open_what_github_does_not_tell(github: World) -> None:
    found = github.forge().permissions()
    assert found.who == "trueup-bot"
    assert told(found) == {
        "read": True, "push": None, "propose": None, "comment": None, "status": None,
        "dispatch": None, "checks": True,
    }  # fmt: skip


@pytest.mark.parametrize(("scopes", "may"), [("repo, workflow", True), ("gist", False)])
def test_a_classic_token_is_told_by_its_scopes(github: World, scopes: str, may: bool) -> None:
    expires = "2030-12-01 08:00:00 UTC"
    headers = {"x-oauth-scopes": scopes, "github-authentication-token-expiration": expires}
    repository = {"full_name": "acme/flights", "private": True, "permissions": {"push": True}}
    github.standin.faults.append(Fault(200, headers, repository))
    found = github.forge().permissions()
    assert told(found)["propose"] is told(found)["push"] is may
    assert found.until is not None
    assert found.until.isoformat() == "2030-12-01T08:00:00+00:00"


def test_who_may_not_push_is_told_so(github: World) -> None:
    github_of(github).repo_permissions = {"pull": True, "push": False}
    assert told(github.forge().permissions())["push"] is False


def test_an_app_knows_exactly_what_it_was_granted(github: World, key: str) -> None:
    github_of(github).granted = {"metadata": "read", "contents": "write", "statuses": "read"}
    found = github.forge(app(github, key)).permissions()
    assert (found.who, found.kind) == ("trueup-loop[bot]", "app")
    assert told(found) == {
        "read": True, "push": True, "propose": False, "comment": False, "status": False,
        "dispatch": False, "checks": True,
    }  # fmt: skip
    assert "pull_requests: write" in why(found, "propose")


def test_an_apps_token_is_asked_for_once_and_renewed_before_it_ends(
    github: World, key: str
) -> None:
    standin = github_of(github)
    standin.branch(BRANCH)
    forge = github.forge(app(github, key))
    forge.propose(DRAFT)
    forge.propose(DRAFT)
    assert standin.grants == 1
    github.clock.at += timedelta(minutes=56)
    forge.propose(DRAFT)
    assert standin.grants == 2


def test_an_apps_token_is_for_this_repository_alone(github: World, key: str) -> None:
    app(github, key).token()
    assert github.standin.writes == ["POST /app/installations/77/access_tokens"]


def test_what_is_no_key_is_refused_and_not_quoted(github: World) -> None:
    pytest.importorskip("jwt", reason="Apps sign with the extra identity")
    with pytest.raises(AccessRefused, match="not a private RSA key") as caught:
        app(github, "-----BEGIN SOMETHING-----\nsecretbytes").token()
    assert "secretbytes" not in f"{caught.value} {caught.value.__cause__}"


def test_an_apps_key_comes_as_text_or_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "app.pem").write_text("line 1\nline 2\n")
    file = {"TRUEUP_GITHUB_APP_KEY_FILE": str(tmp_path / "app.pem")}
    text = {"TRUEUP_GITHUB_APP_KEY": "line 1\\nline 2"}
    by: list[Mapping[str, str]] = [file, text]
    for each in by:
        found = app_from_environment(
            {"TRUEUP_GITHUB_APP_ID": "12", "TRUEUP_GITHUB_APP_INSTALLATION": "7", **each}
        )
        assert found == AppKey("12", "line 1\nline 2", 7)


def test_a_developers_token_of_gitlab_may_do_everything(gitlab: World) -> None:
    found = gitlab.forge().permissions()
    assert set(told(found).values()) == {True}
    assert found.until is not None
    assert found.until.isoformat() == "2030-01-31T00:00:00+00:00"


def test_a_token_of_gitlab_lacks_what_its_scopes_do_not_hold(gitlab: World) -> None:
    assert isinstance(gitlab.standin, GitLabStandIn)
    gitlab.standin.scopes = ["read_api"]
    found = gitlab.forge().permissions()
    assert (told(found)["read"], told(found)["propose"]) == (True, False)
    assert "scope api" in why(found, "propose")


def test_a_reporter_of_gitlab_opens_nothing(gitlab: World) -> None:
    assert isinstance(gitlab.standin, GitLabStandIn)
    gitlab.standin.level = 20
    found = gitlab.forge().permissions()
    assert (told(found)["comment"], told(found)["propose"]) == (True, False)


def test_a_jobs_token_of_gitlab_is_told_without_asking(gitlab: World) -> None:
    found = gitlab.forge(Fixed(Token(TOKEN, "job", "CI_JOB_TOKEN"))).permissions()
    assert (told(found)["propose"], told(found)["dispatch"]) == (False, True)
    assert gitlab.standin.asked == []


def test_what_a_token_may_is_shown_as_a_table(gitlab: World) -> None:
    table = permissions_table(gitlab.forge().permissions())
    assert table.title == "trueup-bot, until 2030-01-31 00:00:00Z"
    assert table.rows[0] == ("read", "yes", "")
    assert len(table.rows) == 7


def test_an_expired_token_is_told_by_permissions_too(world: World) -> None:
    with pytest.raises(AccessRefused, match="does not accept the token"):
        world.forge(given("old")).permissions()
