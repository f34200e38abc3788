"""People hear once what became of a pull request, in the thread that proposed it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.loop.scenes import (
    after,
    began,
    carried,
    decided,
    drift,
    policy,
    scheduled,
    seen,
    windows,
)
from trueup.loop.events import (
    Claimed,
    Decided,
    Ended,
    IncidentOpened,
    MessageSent,
    PullRequestClosed,
    PullRequestOpened,
)
from trueup.loop.history import History
from trueup.loop.owing import owed
from trueup.loop.ports import Message

NOW = after(8)


def proposed(trigger: Any, *, told: bool = True) -> History:
    """Return a history in which a retrain was proposed as request 7, and people know of that."""
    by, what = policy(trigger, then="pull_request"), seen(*windows("DD"))
    found = decided(began(), by, what, NOW)
    history = began()
    for one in found.actions:
        history = history.then(one)
        if isinstance(one, IncidentOpened):
            history = history.then(sent(f"incident/{one.incident}/opened", one.incident))
    (one,) = (one for one in found.actions if isinstance(one, Decided))
    said: dict[str, Any] = {"at": NOW, "by": "ada", "decision": one.decision, "epoch": 1}
    claim = Claimed(**said, worker="w", until=NOW + timedelta(hours=1))
    opened = PullRequestOpened(
        **said, number=7, url="https://forge/7", branch="trueup/sale", version=2
    )
    history = history.after([claim, opened, Ended(**said, end="proposed", version=2)])
    return tell(history)[1] if told else history


def sent(key: str, incident: str = "") -> MessageSent:
    return MessageSent(at=NOW, by="ada", key=key, incident=incident, channels=("oncall",))


def tell(history: History) -> tuple[list[Message], History]:
    messages = list(owed("shop/sale", history, NOW))
    return messages, history.after(sent(one.key, one.incident) for one in messages)


def closed(**said: Any) -> PullRequestClosed:
    return PullRequestClosed(**{"at": NOW, "by": "forge", "number": 7, "merged": True, **said})


@pytest.mark.parametrize(
    ("said", "title", "level"),
    [
        ({"promoted": True}, "version 2 was merged and promoted", "success"),
        ({"waits": True}, "version 2 was merged and waits for an approval", "warning"),
        ({}, "version 2 was merged and not promoted", "warning"),
        (
            {"merged": False, "who": "grace"},
            "the pull request of version 2 was closed, and it is not promoted",
            "info",
        ),
    ],
)
def test_what_became_of_a_request_is_told_once(
    said: dict[str, Any], title: str, level: str
) -> None:
    (message,), history = tell(proposed(scheduled()).then(closed(**said)))
    assert (message.title, message.level) == (f"shop/sale: {title}", level)
    assert "https://forge/7" in message.says
    assert ("by grace" in message.says) == ("who" in said)
    assert tell(history)[0] == []


def test_an_approval_after_the_merge_is_told_too() -> None:
    _, history = tell(proposed(scheduled()).then(closed(waits=True)))
    (message,), history = tell(history.then(closed(promoted=True)))
    assert message.title == "shop/sale: version 2 was merged and promoted"
    assert tell(history)[0] == []


@pytest.mark.parametrize("trigger", [scheduled(), drift(2, 2)])
def test_proposal_and_end_are_one_thread(trigger: Any) -> None:
    (proposal,), history = tell(proposed(trigger, told=False))
    (end,), _ = tell(history.then(closed(promoted=True)))
    assert proposal.incident == end.incident != ""
    topic = "update" if trigger.drift else "once"
    assert (proposal.topic, end.topic) == (topic, topic)


def test_an_end_after_the_incident_wakes_nobody_up_again() -> None:
    history = proposed(drift(2, 2))
    over = decided(history, policy(drift(2, 2), then="pull_request"), seen(*windows("DD..")), NOW)
    _, history = tell(carried(history, over))
    assert not history.incidents
    (end,), _ = tell(history.then(closed(promoted=True)))
    assert (end.topic, end.level) == ("once", "success")
