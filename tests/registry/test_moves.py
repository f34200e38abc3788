"""Decisions beside promotion: register, roll back, alias, deprecate, use."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.registry.events import (
    ADA,
    AT,
    approved,
    deprecated,
    evidence,
    judged,
    moved,
    promoted,
    registered,
    with_versions,
)
from trueup.registry import moves
from trueup.registry.history import History
from trueup.registry.records import (
    AliasMoved,
    Overridden,
    Promoted,
    Registered,
    RolledBack,
)
from trueup.registry.refusals import Refusal


def live(*order: int, count: int = 4) -> History:
    history = with_versions(count)
    for version in order:
        history = history.then(promoted(history, version))
    return history


def back(history: History, seen: int | None = None) -> RolledBack | Refusal:
    seen = seen if seen is not None else history.champion("prod") or 0
    return moves.rollback(history, RolledBack(at=AT, by=ADA, version=seen, environment="prod"))


def reason(made: object) -> str:
    assert isinstance(made, Refusal), made
    assert made.remedy
    return made.reason


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.integers(1, 4))
def test_rolling_back_undoes_the_last_promotion(order: list[int], last: int) -> None:
    order = [v for nth, v in enumerate(order) if nth == 0 or order[nth - 1] != v]
    before = live(*order)
    if before.champion("prod") == last:
        return
    after = before.then(promoted(before, last))
    made = back(after)
    assert isinstance(made, RolledBack)
    assert after.then(made).standing("prod") == before.standing("prod")


def test_the_first_champion_has_nothing_before_it() -> None:
    assert reason(back(live(1))) == "nothing before"
    assert reason(back(live(), 1)) == "no champion"


def test_two_who_roll_back_the_same_champion_roll_back_once() -> None:
    history = live(1, 2, 3)
    made = back(history)
    assert isinstance(made, RolledBack)
    after = history.then(made)
    assert after.champion("prod") == 2
    late = back(after, seen=3)
    assert reason(late) == "champion moved"
    assert isinstance(late, Refusal)
    assert late.ending == "moved"


def test_a_rollback_passes_over_what_was_deprecated() -> None:
    history = live(1, 2, 3).then(deprecated(2))
    made = back(history)
    assert isinstance(made, RolledBack)
    assert made.to == 1
    after = history.then(made)
    assert after.champion("prod") == 1
    assert reason(back(after)) == "nothing before"
    history = live(3, 2, 3).then(deprecated(2))
    assert reason(back(history)) == "nothing before"


def test_a_version_gets_the_next_number_and_the_same_model_none() -> None:
    history = with_versions(2)
    wanted = msgspec.structs.replace(registered(7), version=0)
    made = moves.registration(history, wanted)
    assert isinstance(made, Registered)
    assert made.version == 3
    after = history.then(made)
    assert moves.registration(after, wanted) is None
    assert moves.same_version(after, wanted) == 3
    other = msgspec.structs.replace(wanted, code="another")
    assert isinstance(moves.registration(after, other), Registered)
    assert reason(moves.registration(after, msgspec.structs.replace(wanted, refit_of=9))) == (
        "no such version"
    )


def test_the_same_verdict_is_recorded_once() -> None:
    history = with_versions(1)
    event = judged(evidence(1))
    assert moves.judgement(history, event) == event
    assert moves.judgement(history.then(event), event) is None


def test_champion_is_moved_by_promotion_only() -> None:
    assert reason(moves.alias_move(live(1), moved("champion", 2))) == "wrong use"


@pytest.mark.parametrize("version", [2, None])
def test_an_alias_moves_and_is_taken_away(version: int | None) -> None:
    history = with_versions(2).then(moved("blue", 1))
    made = moves.alias_move(history, moved("blue", version))
    assert isinstance(made, AliasMoved)
    after = history.then(made)
    assert after.aliases("prod") == ({"blue": 2} if version else {})
    assert moves.alias_move(after, moved("blue", version)) is None


def test_a_refused_or_deprecated_version_is_challenger_by_override_only() -> None:
    refused = with_versions(2).then(judged(evidence(2, outcome="fail")))
    assert reason(moves.alias_move(refused, moved("challenger", 2))) == "failed"
    gone = with_versions(2).then(deprecated(2))
    assert reason(moves.alias_move(gone, moved("challenger", 2))) == "deprecated"
    made = moves.alias_move(refused, moved("challenger", 2, overridden=True, why="to see"))
    assert isinstance(made, AliasMoved)
    assert made.overridden
    assert refused.then(made).overrides[2] == (made,)
    fine = moves.alias_move(refused, moved("challenger", 1, overridden=True, why="to be sure"))
    assert isinstance(fine, AliasMoved)
    assert not fine.overridden


def test_a_refit_may_be_challenger() -> None:
    history = with_versions(1).then(registered(2, refit_of=1))
    assert isinstance(moves.alias_move(history, moved("challenger", 2)), AliasMoved)


def test_what_is_live_somewhere_is_not_deprecated() -> None:
    history = live(1).then(moved("challenger", 2))
    for version in (1, 2):
        assert reason(moves.deprecation(history, deprecated(version))) == "wrong use"
    assert moves.deprecation(history, deprecated(3)) == deprecated(3)
    assert moves.deprecation(history.then(deprecated(3)), deprecated(3)) is None


def wants(version: int, why: str = "") -> Overridden:
    return Overridden(at=AT, by=ADA, version=version, environment="prod", use="serve", why=why)


def test_a_version_without_a_pass_is_used_in_dev_only_or_by_override() -> None:
    history = live(1).then(judged(evidence(2))).then(judged(evidence(3, outcome="fail")))
    assert moves.use(history, wants(2)) is None
    assert reason(moves.use(history, wants(3))) == "failed"
    assert reason(moves.use(history, wants(4))) == "no verdict"
    assert moves.use(history, wants(4), is_dev=True) is None
    made = moves.use(history, wants(4, "an outage"))
    assert isinstance(made, Overridden)
    assert history.then(made).overrides[4] == (made,)


def test_what_stands_in_for_a_pass_lets_a_version_be_used_there() -> None:
    history = with_versions(2)
    by_override = Promoted(
        at=AT, by=ADA, version=1, environment="prod", grounds="override", why="first"
    )
    assert moves.use(history.then(by_override), wants(1)) is None
    assert moves.use(history.then(moved("challenger", 2)), wants(2)) is None
    assert reason(moves.use(history.then(by_override), wants(2))) == "no verdict"


@pytest.mark.parametrize(
    "made",
    [
        moves.answer(with_versions(1), approved(9)),
        moves.alias_move(with_versions(1), moved("blue", 9)),
        moves.deprecation(with_versions(1), deprecated(9)),
        moves.use(with_versions(1), wants(9)),
    ],
)
def test_a_version_that_is_not_there_is_named(made: object) -> None:
    assert reason(made) == "no such version"
