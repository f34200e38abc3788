"""Where a job runs is read from what GitHub and GitLab document, and from nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.ci.places import Where, where

COMMIT, BASE, HEAD = "c" * 40, "b" * 40, "a" * 40
GITHUB = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/flights",
    "GITHUB_SHA": COMMIT,
    "GITHUB_RUN_ID": "17",
    "GITHUB_STEP_SUMMARY": "summary.md",
    "GITHUB_OUTPUT": "output",
}
GITLAB = {
    "CI": "true",
    "GITLAB_CI": "true",
    "CI_SERVER_URL": "https://gitlab.example",
    "CI_PROJECT_PATH": "acme/models/flights",
    "CI_COMMIT_SHA": COMMIT,
    "CI_JOB_URL": "https://gitlab.example/acme/models/flights/-/jobs/3",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def pull_request(head: str | None = "acme/flights") -> dict[str, Any]:
    repo = None if head is None else {"full_name": head}
    return {
        "number": 12,
        "pull_request": {
            "head": {"sha": HEAD, "repo": repo},
            "base": {"sha": BASE, "repo": {"full_name": "acme/flights"}},
        },
    }


def github(event: str, said: dict[str, Any] | None = None, **more: str) -> Where:
    return where({**GITHUB, "GITHUB_EVENT_NAME": event, **more}, said or {})


def gitlab(source: str, **more: str) -> Where:
    return where({**GITLAB, "CI_PIPELINE_SOURCE": source, **more}, {})


def test_a_pull_request_has_a_number_a_base_and_a_scope_of_its_own() -> None:
    found = github("pull_request", pull_request())
    assert (found.kind, found.event, found.number) == ("github", "request", 12)
    assert (found.base, found.commit, found.scope) == (BASE, HEAD, "pr/12")
    assert found.may_comment
    assert not found.fork
    assert found.page == "https://github.com/acme/flights/actions/runs/17"


@pytest.mark.parametrize("head", ["mallory/flights", None])
def test_a_fork_may_not_comment(head: str | None) -> None:
    found = github("pull_request", pull_request(head))
    assert found.fork
    assert found.is_request
    assert not found.may_comment


def test_the_number_is_in_the_reference_where_the_event_has_no_file() -> None:
    assert github("pull_request", GITHUB_REF="refs/pull/7/merge").number == 7
    assert github("pull_request", GITHUB_REF="refs/heads/7").number is None


def test_a_push_is_compared_with_what_was_there_before() -> None:
    found = github("push", {"before": BASE})
    assert (found.event, found.base, found.commit, found.scope) == ("push", BASE, COMMIT, "")
    assert not found.may_comment
    assert github("push", {"before": "0" * 40}).base == ""


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("schedule", "schedule"),
        ("repository_dispatch", "dispatch"),
        ("workflow_dispatch", "dispatch"),
        ("deployment", "other"),
    ],
)
def test_other_events_have_no_base_and_no_comment(name: str, event: str) -> None:
    found = github(name)
    assert (found.event, found.base, found.may_comment) == (event, "", False)


def test_a_merge_request_has_its_number_and_the_commit_it_began_at() -> None:
    found = gitlab(
        "merge_request_event",
        CI_MERGE_REQUEST_IID="4",
        CI_MERGE_REQUEST_DIFF_BASE_SHA=BASE,
        CI_MERGE_REQUEST_PROJECT_ID="1",
        CI_MERGE_REQUEST_SOURCE_PROJECT_ID="1",
    )
    assert (found.kind, found.number, found.base, found.scope) == ("gitlab", 4, BASE, "pr/4")
    assert found.may_comment
    assert found.remote == "https://gitlab.example/acme/models/flights"


def test_a_merge_request_of_a_fork_may_not_comment() -> None:
    found = gitlab(
        "merge_request_event",
        CI_MERGE_REQUEST_IID="4",
        CI_MERGE_REQUEST_PROJECT_ID="1",
        CI_MERGE_REQUEST_SOURCE_PROJECT_ID="2",
    )
    assert found.fork
    assert not found.may_comment


def test_a_branch_and_a_schedule_of_gitlab_are_told_apart() -> None:
    assert gitlab("push", CI_COMMIT_BEFORE_SHA=BASE).base == BASE
    assert gitlab("schedule").event == "schedule"
    assert gitlab("trigger").event == "dispatch"


def test_elsewhere_is_plain_whatever_the_event_says() -> None:
    assert where({"GITHUB_EVENT_NAME": "pull_request"}, pull_request()) == Where()


@given(
    st.dictionaries(st.text(), JSON)
    | st.fixed_dictionaries({"number": JSON, "pull_request": JSON, "before": JSON}),
    st.sampled_from(["push", "pull_request", "schedule"]),
    st.text(),
)
def test_no_event_however_broken_is_more_than_nothing_said(
    event: dict[str, Any], name: str, reference: str
) -> None:
    found = github(name, event, GITHUB_REF=reference)
    assert found.number is None or found.number > 0
    assert found.base == "" or len(found.base) in (40, 64)
