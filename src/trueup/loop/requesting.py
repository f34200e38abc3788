"""What people are told of a model's pull request when it is over, in the thread of its proposal."""

from collections.abc import Callable, Iterator
from datetime import datetime

from trueup.loop.events import Decided, PullRequestClosed
from trueup.loop.history import History, Proposal
from trueup.loop.ports import Level, Message


def closings(
    model: str, history: History, is_news: Callable[[str, datetime], bool]
) -> Iterator[Message]:
    """Yield a message for each request that is over, or waits for an approval, where it is news."""
    for proposal in history.proposals:
        closed = proposal.closed
        if closed is not None:
            key = f"proposal/{closed.number}/{'waits' if closed.waits else 'closed'}"
            if is_news(key, closed.at):
                yield _told(model, history, proposal, closed, key)


def thread_of(history: History, decided: Decided) -> str:
    """Return what a decision's messages belong to: its incident, if people know of that, else the
    pull request that carries it."""
    if f"incident/{decided.incident}/opened" in history.sent:
        return decided.incident
    return next((_name(one) for one in history.proposals if decided.decision in _carried(one)), "")


def _told(
    model: str, history: History, proposal: Proposal, closed: PullRequestClosed, key: str
) -> Message:
    last = proposal.updated or proposal.opened
    decided = history.courses[last.decision].decided
    version = f"version {last.version}"
    what, level = _became(closed, version)
    incident = thread_of(history, decided)
    who = f"by {closed.who}" if closed.who else ""
    says = "\n".join(one for one in (closed.says, who, proposal.opened.url) if one)
    return Message(
        key,
        "update" if incident in history.incidents else "once",
        f"{model}: {what}",
        says,
        model,
        incident,
        decided.decision,
        level,
    )


def _became(closed: PullRequestClosed, version: str) -> tuple[str, Level]:
    if not closed.merged:
        return f"the pull request of {version} was closed, and it is not promoted", "info"
    if closed.waits:
        return f"{version} was merged and waits for an approval", "warning"
    if closed.promoted:
        return f"{version} was merged and promoted", "success"
    return f"{version} was merged and not promoted", "warning"


def _name(proposal: Proposal) -> str:
    return f"pull request {proposal.opened.number}"


def _carried(proposal: Proposal) -> tuple[str, ...]:
    updated = (proposal.updated.decision,) if proposal.updated else ()
    return (proposal.opened.decision, *updated)
