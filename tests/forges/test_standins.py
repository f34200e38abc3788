"""The stand-ins find what the descriptions do not allow, or no test here would mean anything."""

import pytest

from tests.forges.standins.described import Described

PULLS = "/repos/{owner}/{repo}/pulls"
MERGES = "/projects/{id}/merge_requests"
WHERE = {"owner": "acme", "repo": "flights"}


@pytest.fixture(scope="module")
def github() -> Described:
    return Described("github.json")


@pytest.fixture(scope="module")
def gitlab() -> Described:
    return Described("gitlab.yaml")


def test_a_request_as_described_has_no_mistakes(github: Described, gitlab: Described) -> None:
    body = {"title": "t", "head": "b", "base": "main"}
    assert github.mistakes("POST", PULLS, WHERE, {}, body) == []
    merge = {"title": "t", "source_branch": "b", "target_branch": "main"}
    assert gitlab.mistakes("POST", MERGES, {"id": "a/b"}, {}, merge) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"title": "t", "head": "b"}, "'base' is a required property"),
        ({"title": 1, "head": "b", "base": "m"}, "1 is not of type 'string'"),
        ({"title": "t", "head": "b", "base": "m", "label": "x"}, "label is no member"),
        (None, "not of type 'object'"),
    ],
)
def test_a_body_that_is_not_as_described_is_found(
    github: Described, body: object, found: str
) -> None:
    wrong = github.mistakes("POST", PULLS, WHERE, {}, body)
    assert any(found in each for each in wrong), wrong


@pytest.mark.parametrize("query", [{"state": "opened"}, {"page": "one"}, {"branch": "b"}])
def test_a_parameter_that_is_not_as_described_is_found(
    github: Described, query: dict[str, str]
) -> None:
    assert github.mistakes("GET", PULLS, WHERE, query, None)


def test_a_path_that_is_not_described_is_found(github: Described) -> None:
    with pytest.raises(LookupError):
        github.operation("DELETE", "/repos/acme/flights/pulls")


def test_an_answer_is_filled_up_and_a_wrong_one_is_found(gitlab: Described) -> None:
    merge = {"iid": 1, "state": "opened"}
    filled = gitlab.answer("POST", MERGES, 201, merge)
    assert (filled["iid"], filled["sha"], filled["labels"]) == (1, None, [])
    with pytest.raises(AssertionError):
        gitlab.answer("POST", MERGES, 201, {**merge, "state": "open"})
    with pytest.raises(AssertionError):
        gitlab.answer("POST", MERGES, 204, None)
