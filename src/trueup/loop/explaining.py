"""What a loop has decided, what it does now, and why it does no more: as a report and as JSON."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from trueup.loop.aftermath.report import aftermaths_table
from trueup.loop.deciding import Decision, Left
from trueup.loop.events import Decided, IncidentOpened
from trueup.loop.history import Course, History
from trueup.loop.observations import Observations
from trueup.loop.policy import Policy
from trueup.loop.ticking import Ticked
from trueup.reporting.blocks import Block, Column, Report, Table, Text
from trueup.reporting.wording import moment

_SHOWN = 20  # decisions, the newest first


class Explanation(msgspec.Struct, frozen=True):
    """A loop at one moment."""

    policy: Policy
    history: History
    decision: Decision
    now: datetime
    seen: Observations


def explained(found: Explanation, limit: int = _SHOWN) -> Report:
    """Return what a loop does now and why it does no more, its past, and what is wrong."""
    policy, history = found.policy, found.history
    blocks: list[Block] = [Text(says) for says in found.seen.says]
    blocks += _now(found.decision)
    courses = list(reversed(history.courses.values()))
    blocks.append(_past(courses[: limit or None]))
    if len(courses) > limit > 0:
        blocks.append(Text(f"{limit} of {len(courses)} decisions; all of them: --limit 0"))
    after = [one.aftermath for one in history.courses.values() if one.aftermath is not None]
    if after:
        blocks.append(aftermaths_table(after[-limit:]))
    blocks += _incidents(history)
    title = f"The loop of {policy.model} in {policy.environment} at {moment(found.now)}"
    return Report(title, tuple(blocks))


def ticked_report(ticked: Ticked) -> Report:
    """Return what came of one pass."""
    blocks: list[Block] = [Text(says) for says in ticked.says]
    blocks += _now(ticked.decision, "would be done" if ticked.dry_run else "was decided")
    if ticked.carried:
        columns = tuple(map(Column, ("decision", "end", "says")))
        rows = tuple((one.decision, one.end or None, one.says) for one in ticked.carried)
        blocks.append(Table(columns, rows, "Carried on"))
    if ticked.dead:
        blocks.append(Text(f"no message went through: {', '.join(ticked.dead)}"))
    dry = " (dry run: nothing is written)" if ticked.dry_run else ""
    title = f"{ticked.model} in {ticked.environment} at {moment(ticked.at)}{dry}"
    return Report(title, tuple(blocks))


def record_of(found: Explanation) -> dict[str, Any]:
    """Return an explanation as what JSON shows."""
    return {
        "format": 1,
        "model": found.policy.model,
        "environment": found.policy.environment,
        "policy": found.policy.digest,
        "now": found.now,
        "actions": found.decision.actions,
        "left": found.decision.left,
        "decisions": [_told(one) for one in found.history.courses.values()],
        "incidents": list(found.history.incidents.values()),
        "says": found.seen.says,
    }


def ticked_record(ticked: Ticked) -> dict[str, Any]:
    """Return a pass as what JSON shows."""
    plain: dict[str, Any] = msgspec.to_builtins(ticked)
    return {"format": 1, **plain}


def _told(course: Course) -> dict[str, Any]:
    return {
        "number": course.number,
        "decided": course.decided,
        "guarded": course.guarded,
        "acts": list(course.acts.values()),
        "ended": course.ended,
        "aftermath": course.aftermath,
    }


def _now(decision: Decision, heading: str = "would be done") -> Iterator[Block]:
    rows = [_action(one) for one in decision.actions]
    shown = tuple(one for one in rows if one is not None)
    columns = tuple(map(Column, ("do", "trigger", "because")))
    yield Table(columns, shown, f"What {heading}", empty="nothing")
    left = tuple(_left(one) for one in decision.left)
    yield Table(
        tuple(map(Column, ("do", "trigger", "why not", "from", "says"))), left, "What is not done"
    )


def _action(action: object) -> tuple[str, str, str] | None:
    if isinstance(action, Decided):
        return action.do, action.cause.trigger, action.cause.says
    if isinstance(action, IncidentOpened):
        return "tell", action.trigger, action.says
    return None


def _left(one: Left) -> tuple[str, str, str, str | None, str]:
    return one.do, one.trigger, one.why, moment(one.until) if one.until else None, one.says


def _past(courses: list[Course]) -> Table:
    columns = tuple(map(Column, ("at", "do", "because", "became", "version", "helped", "says")))
    rows = tuple(
        (
            moment(one.decided.at),
            one.decided.do,
            one.decided.cause.says,
            one.ended.end if one.ended else "on trial" if one.trial else "under way",
            _version(one),
            one.aftermath.effect if one.aftermath else None,
            _says(one),
        )
        for one in courses
    )
    return Table(columns, rows, "What was decided", empty="nothing was decided yet")


def _version(course: Course) -> str | None:
    found = course.ended or course.trial
    return str(found.version) if found and found.version else None


def _says(course: Course) -> str | None:
    if course.ended is not None:
        return course.ended.says or None
    looked = course.done("trial")
    if course.trial is not None:
        return looked.says if looked else course.trial.says
    last = max(course.acts.values(), key=lambda one: one.at, default=None)
    return f"{last.step} {last.state}" if last else None


def _incidents(history: History) -> Iterator[Block]:
    if history.incidents:
        rows = tuple((moment(one.at), one.trigger, one.says) for one in history.incidents.values())
        columns = tuple(map(Column, ("since", "trigger", "says")))
        yield Table(columns, rows, "What is wrong")
