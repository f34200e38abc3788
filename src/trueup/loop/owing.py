"""What people are still to be told, by what is written down: so nothing is forgotten at a kill."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from trueup.loop.events import Ended
from trueup.loop.history import Course, History
from trueup.loop.ports import Level, Message, Topic
from trueup.loop.requesting import closings, thread_of

FRESH = timedelta(days=7)  # what is older is no news

_LEVELS: dict[str, Level] = {
    "promoted": "success", "on trial": "success", "proposed": "info", "asked": "warning",
    "refused": "warning", "inconclusive": "warning", "no change": "info", "stopped": "failure",
    "failed": "failure", "rolled back": "warning", "nothing to do": "info", "notified": "info",
    "undecided": "warning",
}  # fmt: skip
_SAYS = {
    "promoted": "a new version was promoted",
    "on trial": "a new version is on trial",
    "proposed": "a pull request proposes a new version",
    "asked": "a new version waits for a person",
    "refused": "the gate refused the new version",
    "inconclusive": "the gate could not decide on the new version",
    "no change": "the new version predicts what the champion predicts",
    "stopped": "no retraining: the data is not to be learned from",
    "failed": "a retrain failed",
    "rolled back": "the champion was rolled back",
    "undecided": "the trial of the new version has come to no verdict",
    "nothing to do": "there was nothing to roll back",
    "notified": "a trigger has hit",
}
_TRIAL_ENDED = "the new version is not on trial any more"


def owed(model: str, history: History, now: datetime) -> Iterator[Message]:
    """Yield the messages that were not sent yet, the oldest first; a message's key is its own.

    Of an incident there is one when it begins, one with each decision that answers it, and one
    when it is over; of a pull request one when it is merged or closed.
    """
    for one in history.incidents_opened.values():
        key = f"incident/{one.incident}/opened"
        over = one.incident in history.past_incidents
        if not over and _is_news(history, key, one.at, now):
            title = f"{model}: {one.trigger}"
            yield Message(
                key, "opened", title, one.says, model, one.incident, one.decision, "warning"
            )
    for course in history.courses.values():
        for what, ended in _turns(course):
            key = f"decision/{course.decided.decision}/{what}"
            if _is_news(history, key, ended.at, now):
                yield _told(model, history, course, ended, key)
    yield from closings(model, history, lambda key, at: _is_news(history, key, at, now))
    for closed in history.past_incidents.values():
        opened = history.incidents_opened[closed.incident]
        key = f"incident/{closed.incident}/resolved"
        told = f"incident/{closed.incident}/opened" in history.sent
        if told and _is_news(history, key, closed.at, now):
            title = f"{model}: {opened.trigger}: it is over"
            yield Message(
                key, "resolved", title, closed.says, model, closed.incident, level="success"
            )


def _turns(course: Course) -> Iterator[tuple[str, Ended]]:
    """Yield what people are told of a decision: a trial that has begun, and its end."""
    trial = course.trial
    if trial is not None:
        yield (
            "on trial",
            Ended(
                at=trial.at, by=trial.by, decision=trial.decision, epoch=trial.epoch,
                end="on trial", version=trial.version, says=trial.says,
            ),
        )  # fmt: skip
    if course.ended is not None:
        yield "ended", course.ended


def _told(model: str, history: History, course: Course, ended: Ended, key: str) -> Message:
    decided = course.decided
    incident = decided.incident
    topic: Topic = "update" if f"incident/{incident}/opened" in history.sent else "once"
    version = f" (version {ended.version})" if ended.version else ""
    ends_trial = decided.do == "retrain" and ended.end == "rolled back"
    what = f"{_TRIAL_ENDED if ends_trial else _SAYS[ended.end]}{version}"
    because = f"because {decided.cause.says}"
    says = "\n".join(one for one in (what, ended.says, because) if one)
    return Message(
        key, topic, f"{model}: {what}", says, model, thread_of(history, decided),
        decided.decision, _LEVELS[ended.end],
    )  # fmt: skip


def _is_news(history: History, key: str, at: datetime, now: datetime) -> bool:
    return key not in history.sent and now - at < FRESH
