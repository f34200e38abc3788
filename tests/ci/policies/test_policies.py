"""The table of rights is what runs need, and no more; the documents say what it says."""

import json
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.ci.projects import YAML, checked, commit, git, noise, shop
from trueup.ci.policies.documents import Home, aws, aws_trust, seaweedfs
from trueup.ci.policies.jobs import issuer_of, releasing, subject_of
from trueup.ci.policies.rights import Who, rights_of
from trueup.cli.group import trueup
from trueup.forges.places import place_of

HOME = Home("team", "flights")
TRUSTED = ("cache/trusted/a.json", "verdicts/trusted/a.json", "models/a/events/1.json", "loop/a/1")


def keys(root: Path) -> set[str]:
    store = root / ".trueup" / "store"
    return {str(one.relative_to(store)) for one in store.rglob("*") if one.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize(("who", "scope"), [("pull_request", "pr/7"), ("developer", "dev/ada")])
def test_a_check_of_theirs_writes_nothing_that_they_may_not(
    tmp_path: Path, who: Who, scope: str
) -> None:
    root = shop(tmp_path / "shop")
    assert checked(root, {"TRUEUP_SCOPE": "trusted"}).word == "pass"
    before = keys(root)
    noise(root, 0.31)
    commit(root)
    checked(root, {"TRUEUP_SCOPE": scope})
    written = {one for one in keys(root) - before if not one.startswith(".")}
    assert any(one.startswith(f"verdicts/{scope}") for one in written)
    assert [one for one in written if not rights_of(who).may_write(one)] == []


@pytest.mark.parametrize("who", ["pull_request", "developer"])
def test_what_is_trusted_is_written_by_nobody_else(who: Who) -> None:
    policy = aws(rights_of(who), HOME)
    (writes,) = (one for one in policy["Statement"] if one["Sid"] == "Write")
    for key in TRUSTED:
        assert not rights_of(who).may_write(key)
        name = f"arn:aws:s3:::team/flights/{key}"
        assert not any(fnmatchcase(name, one) for one in writes["Resource"])
        wanted = f"Write:team/flights/{key}"
        assert not any(fnmatchcase(wanted, one) for one in seaweedfs(rights_of(who), HOME))
    assert all(rights_of("trusted").may_write(key) for key in TRUSTED)


SUBJECTS = {
    "https://github.com/acme/f": (
        "repo:acme/f:ref:refs/heads/main",
        "repo:acme/f:pull_request",
        "repo:acme/f:environment:prod",
    ),
    "https://gitlab.com/acme/ml/f": (
        "project_path:acme/ml/f:ref_type:branch:ref:main",
        "project_path:acme/ml/f:ref_type:branch:ref:*",
        "project_path:acme/ml/f:ref_type:branch:ref:main",
    ),
}  # fmt: skip


@pytest.mark.parametrize("remote", SUBJECTS)
def test_a_role_is_for_jobs_of_one_branch_of_requests_or_of_an_environment(remote: str) -> None:
    place = place_of(remote, {})
    found = (
        subject_of(place, "trusted", "main"),
        subject_of(place, "pull_request", "main"),
        releasing(place, "prod", "main"),
    )
    assert found == SUBJECTS[remote]


def test_a_subject_with_a_star_is_a_pattern_and_any_other_is_not() -> None:
    issuer = issuer_of(place_of("https://gitlab.com/acme/f", {}))
    (statement,) = aws_trust(issuer, "a:*", "1")["Statement"]
    assert statement["Principal"] == {"Federated": "arn:aws:iam::1:oidc-provider/gitlab.com"}
    assert statement["Condition"] == {
        "StringEquals": {"gitlab.com:aud": "https://gitlab.com"},
        "StringLike": {"gitlab.com:sub": "a:*"},
    }
    (statement,) = aws_trust(issuer, "a:b", "1")["Statement"]
    assert statement["Condition"]["StringEquals"]["gitlab.com:sub"] == "a:b"
    assert "StringLike" not in statement["Condition"]


def test_they_are_printed_for_the_projects_bucket(tmp_path: Path) -> None:
    stored = YAML.replace("project: shop", "project: shop\n    store: s3://team/flights")
    stored += "    environments: {dev: {}, prod: {}}\n"
    root = shop(tmp_path / "shop", **{"trueup.yaml": stored})
    git(root, "remote", "add", "origin", "https://github.com/acme/flights.git")
    done = CliRunner().invoke(trueup, ["-C", str(root), "ci", "policies"], standalone_mode=False)
    found = json.loads(done.stdout)
    assert found["pull_request"]["policy"] == aws(rights_of("pull_request"), HOME)
    assert "repo:acme/flights:pull_request" in done.stdout
    assert "trust" not in found["developer"]
    assert found["release to prod"]["policy"] == found["trusted"]["policy"]
    assert "repo:acme/flights:environment:prod" in done.stdout
