"""Tokens by scope, hashed; limits by name: what configuration may say, and what not."""

import pytest

from trueup.errors import WrongUsage
from trueup.serving.limits import Limits, limits_of
from trueup.serving.refusals import NotAllowed
from trueup.serving.tokens import Token, Tokens, digest_of, new_token, tokens_of


def test_without_tokens_all_but_admin_is_open() -> None:
    tokens = tokens_of({})
    tokens.require(None, "predict")
    with pytest.raises(NotAllowed):
        tokens.require(None, "admin")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic x", "bearer trueup_"])
def test_what_is_no_token_of_ours_is_not_let_in(header: str | None) -> None:
    tokens = Tokens({"web": Token(digest_of(new_token()), ("predict",))})
    with pytest.raises(NotAllowed) as refused:
        tokens.require(header, "predict")
    assert not refused.value.known


def test_a_digest_is_no_token() -> None:
    digest = digest_of(new_token())
    tokens = Tokens({"web": Token(digest, ("predict",))})
    with pytest.raises(NotAllowed):
        tokens.require(f"Bearer {digest}", "predict")


def test_no_two_tokens_are_the_same() -> None:
    assert len({new_token() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "auth",
    [
        {"token": {}},
        {"tokens": {"web": {"sha256": "short", "scopes": ["predict"]}}},
        {"tokens": {"web": {"sha256": "0" * 64, "scopes": []}}},
        {"tokens": {"web": {"sha256": "0" * 64, "scopes": ["all"]}}},
        {"tokens": {"web": {"sha256": "0" * 64, "scopes": ["predict"], "token": "x"}}},
    ],
)
def test_a_section_that_means_nothing_is_refused(auth: dict[str, object]) -> None:
    with pytest.raises(WrongUsage, match=r"serve\.auth"):
        tokens_of(auth)


def test_limits_are_known_by_name_and_above_nothing() -> None:
    assert limits_of({}) == Limits()
    with pytest.raises(WrongUsage, match="rowz") as refused:
        limits_of({"rowz": 1})
    assert "Did you mean 'rows'?" in refused.value.remedy
    for wrong in ({"rows": 0}, {"rows": "many"}, {"arrive_s": -1}):
        with pytest.raises(WrongUsage, match=r"serve\.limits"):
            limits_of(wrong)
