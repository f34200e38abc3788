"""What may be promoted, on which evidence, and with whose approval."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.registry.events import (
    ADA,
    BOB,
    CI,
    EVE,
    PROD,
    approved,
    deprecated,
    digest,
    evidence,
    judged,
    promoted,
    registered,
    rejected,
    request,
    with_versions,
)
from trueup.config.records import Issuers
from trueup.errors import SomebodyElseFirst
from trueup.registry.history import History
from trueup.registry.moves import answer
from trueup.registry.promotion import (
    PromotionRequest,
    Terms,
    approved_by,
    chosen_evidence,
    promotion,
)
from trueup.registry.records import Approved, Evidence, Identity, Promoted
from trueup.registry.refusals import ChampionMoved, Refusal, Refused


def live(version: int = 1, count: int = 3) -> History:
    """Return a history of so many versions, of which one is live in prod."""
    history = with_versions(count)
    return history.then(promoted(history, version))


def decided(history: History, wanted: PromotionRequest) -> Promoted | Refusal | None:
    return promotion(history, chosen_evidence(history, wanted), wanted)


def event(history: History, wanted: PromotionRequest) -> Promoted:
    made = decided(history, wanted)
    assert isinstance(made, Promoted), made
    return made


def refusal(history: History, wanted: PromotionRequest) -> Refusal:
    made = decided(history, wanted)
    assert isinstance(made, Refusal), made
    return made


def test_a_pass_for_exactly_this_promotes() -> None:
    found = evidence(2, 1)
    made = event(live().then(judged(found)), request(2))
    assert (made.version, made.before, made.grounds, made.why) == (2, 1, "pass", "")
    assert made.verdict == found.verdict


def test_the_first_champion_needs_a_verdict_too() -> None:
    history = with_versions(1)
    assert refusal(history, request(1)).reason == "no verdict"
    assert event(history.then(judged(evidence(1))), request(1)).before is None


def test_a_champion_that_is_live_already_needs_nothing() -> None:
    assert decided(live(), request(1)) is None


@pytest.mark.parametrize(
    ("differs", "reason", "ending"),
    [
        ({"champion": digest(3)}, "champion moved", "moved"),
        ({"champion": ""}, "champion moved", "moved"),
        ({"rules": "rules-0"}, "rules changed", "open"),
        ({"data": "data-0"}, "data changed", "open"),
        ({"code": "code-0"}, "code differs", "open"),
        ({"scope": "dev/eve"}, "not trusted", "open"),
        ({"scope": "pr/7"}, "not trusted", "open"),
        ({"basis": "recipe"}, "refit", "open"),
        ({"outcome": "fail"}, "failed", "failed"),
        ({"outcome": "inconclusive"}, "inconclusive", "open"),
        ({"no_change": True}, "no change", "open"),
        (
            {"no_change": True, "outcome": "inconclusive", "when_inconclusive": "promote"},
            "no change",
            "open",
        ),
    ],
)
def test_a_verdict_for_anything_else_does_not_promote(
    differs: dict[str, Any], reason: str, ending: str
) -> None:
    found = msgspec.structs.replace(evidence(2, 1), **differs)
    said = refusal(live().then(judged(found)), request(2))
    assert (said.reason, said.ending) == (reason, ending)
    assert said.text
    assert said.remedy
    kind = ChampionMoved if ending == "moved" else Refused
    assert isinstance(said.error(), kind)
    assert isinstance(said.error(), SomebodyElseFirst) == (ending == "moved")


def test_a_verdict_on_another_model_does_not_promote() -> None:
    found = evidence(3, 1)
    history = live().then(judged(found))
    said = promotion(history, found, request(2))
    assert isinstance(said, Refusal)
    assert said.reason == "no verdict"


FIELDS = st.fixed_dictionaries(
    {
        "data": st.sampled_from(["data-1", "data-2"]),
        "rules": st.sampled_from(["rules-1", "rules-2"]),
        "code": st.sampled_from(["code-2", "code-3"]),
        "champion": st.sampled_from(["", digest(1), digest(3)]),
        "scope": st.sampled_from(["trusted", "dev/eve"]),
        "outcome": st.sampled_from(["pass", "fail", "inconclusive"]),
        "basis": st.sampled_from(["test", "recipe"]),
    }
)


@given(st.lists(FIELDS, max_size=6), st.sampled_from([None, 1, 3]))
def test_nothing_but_an_exact_pass_ever_promotes(
    verdicts: list[dict[str, Any]], champion: int | None
) -> None:
    history = with_versions(3)
    if champion:
        history = history.then(promoted(history, champion))
    for fields in verdicts:
        history = history.then(judged(msgspec.structs.replace(evidence(2), **fields)))
    made = decided(history, request(2))
    exact = [
        fields["outcome"]
        for fields in verdicts
        if (fields["data"], fields["rules"], fields["code"]) == ("data-1", "rules-1", "code-2")
        and (fields["scope"], fields["basis"]) == ("trusted", "test")
        and fields["champion"] == (digest(champion) if champion else "")
    ]
    assert isinstance(made, Promoted) == (exact[-1:] == ["pass"])


def test_a_champion_that_came_back_makes_an_old_verdict_count_again() -> None:
    history = live().then(judged(evidence(2, 1)))
    away = history.then(promoted(history, 3))
    assert refusal(away, request(2)).reason == "champion moved"
    assert event(away.then(promoted(away, 1)), request(2)).before == 1


@pytest.mark.parametrize("when", ["block", "person", "promote"])
def test_an_inconclusive_verdict_stands_in_for_a_pass_where_the_rules_say_so(when: Any) -> None:
    found = evidence(2, 1, "inconclusive", when_inconclusive=when)
    history = live().then(judged(found))
    if when == "promote":
        assert event(history, request(2)).grounds == "inconclusive"
        return
    said = refusal(history, request(2))
    assert said.reason == ("inconclusive" if when == "block" else "approval missing")
    assert said.ending == "open"
    history = history.then(approved(2, verdict=found.verdict))
    if when == "person":
        made = event(history, request(2))
        assert (made.grounds, made.approved_by) == ("person", ("bob (unverified)",))
    else:
        assert refusal(history, request(2)).reason == "inconclusive"


@pytest.mark.parametrize("outcome", ["fail", "inconclusive"])
def test_an_override_stands_in_for_a_pass_and_is_recorded_as_one(outcome: Any) -> None:
    history = live().then(judged(evidence(2, 1, outcome)))
    made = event(history, request(2, override="the old one is down"))
    assert (made.grounds, made.why) == ("override", "the old one is down")
    after = history.then(made)
    assert after.overrides[2] == (made,)


def test_an_override_that_was_not_needed_is_not_one() -> None:
    made = event(live().then(judged(evidence(2, 1))), request(2, override="in a hurry"))
    assert (made.grounds, made.why) == ("pass", "")


def test_an_override_does_not_stand_in_for_approvals() -> None:
    terms = msgspec.structs.replace(PROD, approvals=1)
    said = refusal(live(), request(2, terms, override="now"))
    assert said.reason == "approval missing"
    assert event(live().then(approved(2)), request(2, terms, override="now")).approved_by


def test_a_refit_is_never_champion_before_its_trial_was_judged() -> None:
    history = live(count=1).then(registered(2, refit_of=1))
    for found in (None, evidence(2, 1, basis="recipe"), evidence(2, 1)):
        judged_so = history.then(judged(found)) if found else history
        for why in ("", "please"):
            said = refusal(judged_so, request(2, override=why))
            assert said.reason == "refit"
    trial = evidence(2, 1, basis="trial", data="what was served in November")
    assert event(history.then(judged(trial)), request(2)).grounds == "pass"


def test_a_later_verdict_on_test_rows_does_not_take_a_refit_its_trial() -> None:
    trial = evidence(2, 1, basis="trial", data="what was served in November")
    history = live(count=1).then(registered(2, refit_of=1)).then(judged(trial))
    made = event(history.then(judged(evidence(2, 1, verdict="a later one"))), request(2))
    assert made.verdict == trial.verdict


def test_a_deprecated_version_is_promoted_by_override_only() -> None:
    history = live().then(judged(evidence(2, 1))).then(deprecated(2))
    assert refusal(history, request(2)).reason == "deprecated"
    made = event(history, request(2, override="it is the best we have"))
    assert (made.grounds, made.why) == ("override", "it is the best we have")


def test_a_protected_environment_takes_promotions_from_a_trusted_scope_only() -> None:
    terms = msgspec.structs.replace(PROD, protected=True)
    history = live().then(judged(evidence(2, 1)))
    assert refusal(history, request(2, terms, trusted=False)).reason == "protected"
    assert event(history, request(2, terms)).version == 2


def test_a_version_that_is_not_there_is_wrong_usage() -> None:
    said = refusal(live(), request(9))
    assert (said.reason, said.ending) == ("no such version", "usage")
    assert "1 to 3" in said.remedy


def two_approvals(*, protected: bool = False) -> tuple[History, Terms, str]:
    found = evidence(2, 1)
    terms = msgspec.structs.replace(PROD, approvals=2, protected=protected)
    return live().then(judged(found)), terms, found.verdict


def test_so_many_people_must_approve_and_each_counts_once() -> None:
    history, terms, verdict = two_approvals()
    for _ in range(3):
        history = history.then(approved(2, BOB, verdict))
    assert "one more person" in refusal(history, request(2, terms)).text
    history = history.then(approved(2, Identity("BOB"), verdict))
    assert refusal(history, request(2, terms)).reason == "approval missing"
    made = event(history.then(approved(2, EVE, verdict)), request(2, terms))
    assert len(made.approved_by) == 2


def test_the_authors_own_approval_does_not_count() -> None:
    history, terms, verdict = two_approvals()
    history = history.then(approved(2, BOB, verdict)).then(approved(2, ADA, verdict))
    assert refusal(history, request(2, terms)).reason == "approval missing"
    said = answer(history, approved(2, ADA))
    assert isinstance(said, Refusal)
    version = msgspec.structs.replace(registered(4), authors=("Eve",))
    assert approved_by(history.then(version).then(approved(4, EVE)), version, terms, "") == ()


def test_in_a_protected_environment_only_verified_people_count() -> None:
    history, terms, verdict = two_approvals(protected=True)
    history = history.then(approved(2, BOB, verdict)).then(approved(2, EVE, verdict))
    assert refusal(history, request(2, terms)).reason == "approval missing"
    for person in ("dan", "fay"):
        who = msgspec.structs.replace(CI, person=person)
        history = history.then(approved(2, who, verdict))
    made = event(history, request(2, terms))
    assert len(made.approved_by) == 2
    assert made.approved_by[0].startswith("dan by repo:")


def test_in_a_protected_environment_only_people_of_issuers_that_count_count() -> None:
    history, terms, verdict = two_approvals(protected=True)
    other = msgspec.structs.replace(CI, person="dan", issuer="https://git.evil.example")
    elsewhere = msgspec.structs.replace(CI, person="fay", account="eve/flights")
    history = history.then(approved(2, other, verdict)).then(approved(2, elsewhere, verdict))
    named = msgspec.structs.replace(terms, approvals=1, issuers=Issuers(github=("team",)))
    assert refusal(history, request(2, named)).reason == "approval missing"
    assert event(history.then(approved(2, CI, verdict)), request(2, named)).approved_by == (
        "cy by repo:team/flights:ref:refs/heads/main",
    )


def test_an_author_is_known_by_the_address_that_ci_says_too() -> None:
    history, terms, verdict = two_approvals()
    gitlab = Identity("project_path:a/b", True, "https://gitlab.com", "al", "Ada@example.org")
    version = msgspec.structs.replace(registered(4), authors=("ada@example.org",))
    said = answer(history.then(version), approved(4, gitlab))
    assert isinstance(said, Refusal)
    assert "own approval" in said.text
    ours = msgspec.structs.replace(registered(4, by=gitlab), version=4)
    by_mail = Identity("ada@example.org")
    assert approved_by(history.then(ours).then(approved(4, by_mail)), ours, terms, verdict) == ()


def test_an_approval_holds_for_the_verdict_it_was_given_on() -> None:
    first, second = evidence(2, 1), evidence(2, 3)
    terms = msgspec.structs.replace(PROD, approvals=1)
    history = live().then(judged(first))
    said = answer(history, approved(2))
    assert isinstance(said, Approved)
    assert said.verdict == first.verdict
    history = history.then(said)
    assert event(history, request(2, terms))
    moved_on = history.then(promoted(history, 3)).then(judged(second))
    assert refusal(moved_on, request(2, terms)).reason == "approval missing"
    again = answer(moved_on, approved(2))
    assert isinstance(again, Approved)
    assert event(moved_on.then(again), request(2, terms)).verdict == second.verdict


def test_a_rejection_holds_until_the_same_person_takes_it_back() -> None:
    found = evidence(2, 1)
    history = live().then(judged(found)).then(rejected(2, EVE))
    said = refusal(history, request(2))
    assert (said.reason, said.ending) == ("rejected", "open")
    assert "too slow" in said.text
    assert refusal(history.then(approved(2, BOB, found.verdict)), request(2)).reason == "rejected"
    assert refusal(history, request(2, override="now")).reason == "rejected"
    assert event(history.then(approved(2, EVE, found.verdict)), request(2)).version == 2


def test_an_author_can_take_back_his_own_rejection_and_counts_for_nothing_then() -> None:
    terms = msgspec.structs.replace(PROD, approvals=1)
    found = evidence(2, 1)
    history = live().then(judged(found)).then(rejected(2, ADA))
    back = answer(history, approved(2, ADA))
    assert isinstance(back, Approved)
    assert refusal(history.then(back), request(2, terms)).reason == "approval missing"
    assert event(history.then(back), request(2)).version == 2


def test_saying_the_same_again_writes_nothing() -> None:
    history = live().then(judged(evidence(2, 1)))
    first = answer(history, approved(2))
    assert isinstance(first, Approved)
    assert answer(history.then(first), approved(2)) is None


def test_what_a_refusal_says_names_version_and_command() -> None:
    found: Evidence = evidence(2, 1, "fail", reasons=("roc_auc is 0.02 worse",))
    said = refusal(live().then(judged(found)), request(2))
    assert "flights/late/2" in said.text
    assert "roc_auc is 0.02 worse" in said.text
    moved = refusal(live().then(judged(evidence(2, 3))), request(2))
    assert digest(3)[:12] in moved.text
    assert digest(1)[:12] in moved.text
    assert "trueup gate flights/late/2 --env prod" in moved.remedy
