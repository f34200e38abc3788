"""Laws of a model's history."""

from itertools import accumulate

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.registry.events import (
    AT,
    BOB,
    approved,
    deprecated,
    evidence,
    judged,
    moved,
    promoted,
    registered,
    rejected,
    rolled_back,
    with_versions,
)
from trueup.errors import NotProven, WrongUsage
from trueup.registry.history import History
from trueup.registry.moves import status
from trueup.registry.records import (
    Approved,
    Event,
    Overridden,
    Promoted,
    RolledBack,
    decode_event,
    encode_event,
)

VERSIONS = 4
MOVES = st.lists(
    st.tuples(st.sampled_from(["promote", "back"]), st.integers(1, VERSIONS)), max_size=30
)


def moved_by(moves: list[tuple[str, int]], history: History) -> tuple[History, list[int]]:
    """Make moves in a history, and beside it the plain list that a champion's story is."""
    story: list[int] = []
    for move, version in moves:
        if move == "promote":
            if history.champion("prod") != version:
                history = history.then(promoted(history, version))
                story.append(version)
        elif story:
            history = history.then(rolled_back(history))
            story.pop()
    return history, story


@given(MOVES)
def test_the_champion_is_the_last_promoted_and_not_since_rolled_back(
    moves: list[tuple[str, int]],
) -> None:
    history, story = moved_by(moves, with_versions(VERSIONS))
    assert history.champion("prod") == (story[-1] if story else None)
    assert [one.version for one in history.standing("prod").promotions] == story
    assert history.champion("staging") is None


@given(MOVES, st.integers(1, VERSIONS))
def test_a_rollback_undoes_a_promotion(moves: list[tuple[str, int]], version: int) -> None:
    before, _ = moved_by(moves, with_versions(VERSIONS))
    after = before.then(promoted(before, version))
    assert after.champion("prod") == version
    back = after.then(rolled_back(after))
    assert back.standing("prod").promotions == before.standing("prod").promotions
    assert back.aliases("prod") == before.aliases("prod")


@given(MOVES, MOVES)
def test_environments_do_not_touch_each_other(
    moves: list[tuple[str, int]], others: list[tuple[str, int]]
) -> None:
    history, _ = moved_by(moves, with_versions(VERSIONS))
    stands = history.standing("prod")
    for _, version in others:
        history = history.then(promoted(history, version, "staging"))
    assert history.standing("prod") == stands


@given(MOVES)
def test_events_taken_at_once_or_one_by_one_make_the_same_history(
    moves: list[tuple[str, int]],
) -> None:
    history, _ = moved_by(moves, with_versions(VERSIONS))
    stored = [decode_event(encode_event(event), "here") for event in history.events]
    one_by_one = list(accumulate(stored, History.then, initial=History("flights/late")))
    assert one_by_one[-1] == History("flights/late").after(stored) == history
    assert [one.number for one in one_by_one] == list(range(len(stored) + 1))


def test_a_history_never_changes_in_place() -> None:
    before = with_versions(2)
    seen = msgspec.json.encode(before)
    before.then(promoted(before, 1)).then(judged(evidence(1))).then(deprecated(2))
    assert msgspec.json.encode(before) == seen


@pytest.mark.parametrize(
    "event",
    [
        registered(2),
        registered(4),
        Promoted(at=AT, by=BOB, version=9, environment="prod", grounds="pass"),
        Promoted(at=AT, by=BOB, version=1, environment="prod", grounds="pass", before=2),
        RolledBack(at=AT, by=BOB, version=1, environment="prod"),
        moved("champion", 1),
        moved("challenger", 4),
        deprecated(4),
        approved(0),
        Overridden(at=AT, by=BOB, version=7, environment="prod", use="serve", why="now"),
    ],
)
def test_what_no_decision_makes_is_refused(event: Event) -> None:
    with pytest.raises(NotProven, match="event 3 of flights/late cannot follow"):
        with_versions(2).then(event)


def test_a_newer_format_is_refused_with_a_remedy() -> None:
    with pytest.raises(WrongUsage, match="format 2, this trueup reads up to 1"):
        decode_event(b'{"event":"forgotten","format":2}', "models/a/b event 1")


@pytest.mark.parametrize("wrong", [b"", b"[]", b'{"event":"promoted"}', b'{"event":"eaten"}'])
def test_what_is_no_event_is_named(wrong: bytes) -> None:
    with pytest.raises(NotProven, match="models/a/b event 7"):
        decode_event(wrong, "models/a/b event 7")


def test_every_stored_event_says_its_format() -> None:
    assert msgspec.json.decode(encode_event(approved(1)))["format"] == 1
    assert isinstance(decode_event(encode_event(approved(1)), ""), Approved)


def test_the_anchor_is_the_last_champion_shown_superior() -> None:
    history = with_versions(4)
    superior = {3}
    anchors = []
    for version in range(1, 5):
        before = history.champion("prod")
        found = evidence(version, before, superior=version in superior)
        history = history.then(judged(found))
        event = msgspec.structs.replace(promoted(history, version), verdict=found.verdict)
        history = history.then(event)
        anchors.append(history.anchor("prod"))
    assert anchors == [1, 1, 3, 3]
    assert history.anchor("staging") is None


def test_a_status_is_what_the_last_deciding_verdict_says() -> None:
    history = with_versions(1)
    assert status(history, 1) == "candidate"
    history = history.then(judged(evidence(1, outcome="inconclusive")))
    assert status(history, 1) == "candidate"
    history = history.then(judged(evidence(1, outcome="fail")))
    assert status(history, 1) == "refused"
    history = history.then(judged(evidence(1, outcome="inconclusive", data="other")))
    assert status(history, 1) == "refused"
    history = history.then(judged(evidence(1, scope="dev/eve")))
    assert status(history, 1) == "refused"
    assert status(history.then(judged(evidence(1))), 1) == "passed"


def test_a_refit_stays_a_candidate_until_its_trial_was_judged() -> None:
    history = with_versions(1).then(registered(2, refit_of=1))
    for basis in ("recipe", "test"):
        history = history.then(judged(evidence(2, basis=basis)))
    assert status(history, 2) == "candidate"
    assert status(history.then(judged(evidence(2, basis="trial"))), 2) == "passed"


def test_a_challenger_that_is_promoted_is_challenger_no_longer() -> None:
    history = with_versions(2).then(moved("challenger", 2)).then(moved("blue", 2))
    assert history.aliases("prod") == {"challenger": 2, "blue": 2}
    history = history.then(promoted(history, 2)).then(rejected(1))
    assert history.aliases("prod") == {"champion": 2, "blue": 2}
    assert next(iter(history.aliases("prod"))) == "champion"
